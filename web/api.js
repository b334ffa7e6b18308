// The HTTP side: tokens that refresh themselves, errors as words, media as object URLs.

const KEY = "riffle.session";
// Enough for the feed around the thumb and one swarm of 16; older ones are let go.
const MAX_BLOBS = 48;
/** @type {Map<string, string>} */
const blobs = new Map();
let refreshing = null;

export const session = {
  /** @returns {{access_token: string, refresh_token: string, account: any} | null} */
  get: () => JSON.parse(localStorage.getItem(KEY) ?? "null"),
  set: (value) => (value ? localStorage.setItem(KEY, JSON.stringify(value)) : localStorage.removeItem(KEY)),
};

/** An error in the service's one shape. */
export class ApiError extends Error {
  constructor(status, body) {
    super(body?.error?.message ?? `the service answered ${status}`);
    this.status = status;
    this.code = body?.error?.code ?? "";
  }
}

async function send(method, path, body, headers = {}) {
  const token = session.get()?.access_token;
  return fetch(path, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
}

// One refresh at a time: a refresh token works once, and a second use would end the session.
function refresh() {
  refreshing ??= (async () => {
    const known = session.get();
    const reply = await fetch("/v1/sessions/refresh", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ refresh_token: known.refresh_token }),
    });
    if (!reply.ok) throw new ApiError(reply.status, await reply.json().catch(() => null));
    keep(await reply.json());
  })().finally(() => (refreshing = null));
  return refreshing;
}

/** Remember who is signed in. @param {any} reply of sign-up, sign-in or refresh */
export function keep(reply) {
  session.set({ ...reply.session, account: reply.account });
}

async function request(method, path, body, headers) {
  let reply = await send(method, path, body, headers);
  if (reply.status === 401 && session.get()?.refresh_token) {
    try {
      await refresh();
    } catch (error) {
      if (error.status === 401) signedOut();
      throw error;
    }
    reply = await send(method, path, body, headers);
  }
  if (reply.status === 401 && session.get()) signedOut();
  if (!reply.ok) throw new ApiError(reply.status, await reply.json().catch(() => null));
  return reply;
}

function signedOut() {
  session.set(null);
  dispatchEvent(new Event("signed-out"));
}

/** One JSON call. @param {string} method @param {string} path @param {any} [body] */
export async function call(method, path, body) {
  // A key of its own lets the browser or a proxy repeat a request that makes something.
  const headers = method === "POST" ? { "idempotency-key": crypto.randomUUID() } : {};
  const reply = await request(method, path, body, headers);
  return reply.status === 204 ? null : reply.json();
}

/** The object URL of a video's media. @param {string} id @param {"video"|"thumbnail"|"spritesheet"} variant */
export async function media(id, variant = "video") {
  const key = `${id} ${variant}`;
  if (!blobs.has(key)) {
    const reply = await request("GET", `/v1/videos/${id}/content?variant=${variant}`);
    const url = URL.createObjectURL(await reply.blob());
    if (blobs.has(key)) URL.revokeObjectURL(url);
    else blobs.set(key, url);
    while (blobs.size > MAX_BLOBS) {
      const [oldest, gone] = blobs.entries().next().value;
      URL.revokeObjectURL(gone);
      blobs.delete(oldest);
    }
  }
  const url = blobs.get(key);
  blobs.delete(key);
  blobs.set(key, url);
  return url;
}
