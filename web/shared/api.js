// The HTTP side: tokens that refresh themselves, errors as words, repeats that never do a thing twice.

import { plainly } from "./reasons.js";

const KEY = "riffle.session";
const WAITS_MS = [400, 1200];

/**
 * @typedef {{id: string, handle: string, display_name: string, demo: boolean}} Account
 * @typedef {{access_token: string, refresh_token: string, account: Account}} Session
 */

export const session = {
  /** @returns {Session | null} */
  get: () => JSON.parse(localStorage.getItem(KEY) ?? "null"),
  /** @param {Session | null} value */
  set: (value) => (value ? localStorage.setItem(KEY, JSON.stringify(value)) : localStorage.removeItem(KEY)),
};

/** An error in the service's one shape; status 0 = the service was not reached. */
class ApiError extends Error {
  constructor(status, body) {
    super((body?.error && plainly(body.error)) || (status ? `Riffle answered ${status}` : "Riffle can't be reached. Is there a network?"));
    this.status = status;
    this.code = body?.error?.code ?? "";
    this.requestId = body?.error?.request_id ?? "";
    /** Whether a moderator can be asked to look at it again. */
    this.canAppeal = this.requestId !== "" && ["moderation_refused", "likeness_protected"].includes(this.code);
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// crypto.randomUUID exists only on https and localhost; a phone in the same house comes by plain http.
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {number} [within] milliseconds for each try; without it as long as the browser waits
 * @param {AbortSignal} [signal] ends it, with an AbortError, in place of `within`
 */
async function send(method, path, body, headers, within, signal) {
  const token = session.get()?.access_token;
  const request = {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined || body instanceof Blob ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
  };
  for (let tries = 0; ; tries++) {
    const ends = signal ?? (within ? AbortSignal.timeout(within) : undefined);
    const reply = await fetch(path, { ...request, signal: ends }).catch(() => null);
    signal?.throwIfAborted();
    const away = !reply || reply.status === 503 || reply.status === 502;
    if (!away || tries === WAITS_MS.length) {
      if (!reply) throw new ApiError(0, null);
      return reply;
    }
    await pause(WAITS_MS[tries]);
  }
}

async function fail(reply) {
  throw new ApiError(reply.status, await reply.json().catch(() => null));
}

/** Remember who is signed in. @param {any} reply of sign-up, sign-in or refresh */
export function keep(reply) {
  session.set({ ...reply.session, account: reply.account });
}

/** Forget who was signed in. */
export function forget() {
  session.set(null);
  dispatchEvent(new Event("signed-out"));
}

// A refresh token works once, and a second use ends the session; only for 20 s is the same answer given again,
// since it may have been lost. Three tries of 5 s with their waits end within that. One at a time, in all tabs.
const REFRESH_TRY_MS = 5000;
let refreshing = null;
function refresh(stale) {
  const work = async () => {
    const known = session.get();
    if (!known || known.access_token !== stale) return;
    const reply = await send("POST", "/v1/sessions/refresh", { refresh_token: known.refresh_token }, {}, REFRESH_TRY_MS);
    if (!reply.ok) await fail(reply);
    keep(await reply.json());
  };
  refreshing ??= (navigator.locks ? navigator.locks.request(KEY, work) : work()).finally(() => (refreshing = null));
  return refreshing;
}

/** Whether the token is refused; a wrong password is another matter. @param {Response} reply */
async function isStale(reply) {
  if (reply.status !== 401) return false;
  const body = await reply.clone().json().catch(() => null);
  return body?.error?.code !== "wrong_credentials";
}

/** One request, with a fresh token where the old one has run out; `within` is for each try. @returns {Promise<Response>} */
export async function request(method, path, body, headers = {}, within = undefined, signal = undefined) {
  const used = session.get()?.access_token;
  let reply = await send(method, path, body, headers, within, signal);
  if (used && (await isStale(reply))) {
    try {
      await refresh(used);
    } catch (error) {
      if (error.status === 401) forget();
      throw error;
    }
    if (session.get()) reply = await send(method, path, body, headers, within, signal);
    if (await isStale(reply)) forget();
  }
  if (!reply.ok) await fail(reply);
  return reply;
}

/**
 * One JSON call. @param {string} method @param {string} path @param {any} [body] @param {number} [within] ms for each try
 * @param {AbortSignal} [signal] ends it @returns {Promise<any>}
 */
export async function call(method, path, body, within, signal) {
  // One key for all tries of a call: what makes something makes it once.
  const headers = method === "POST" ? { "idempotency-key": newKey() } : {};
  const reply = await request(method, path, body, headers, within, signal);
  return reply.status === 204 ? null : reply.json();
}

/** One call whose body, or answer, is a file. @param {string} method @param {string} path @param {Blob} [file] @param {string} [kind] its media type */
export function upload(method, path, file, kind) {
  return request(method, path, file, kind ? { "content-type": kind } : {});
}
