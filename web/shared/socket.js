// The live side: follows streams, comes back after a cut with its last (epoch, seq), and misses nothing.

import { call, session } from "./api.js";

const FIRST_WAIT_MS = 300;
const LAST_WAIT_MS = 30_000;
// A socket that nothing was heard of for so long is asked whether it lives; after a sleep at once.
const QUIET_MS = 20_000;
const ANSWER_WITHIN_MS = 4_000;
// Ticket and handshake; a network that drops packets says nothing at all.
const OPEN_WITHIN_MS = 12_000;
// The gateway follows at most 64 streams for one phone; the inbox is one of them.
const MAX_STREAMS = 64;
// Clips that are shown leave room for two swarms that are drawn.
const MAX_SPARE = 30;

/**
 * @typedef {{stream: string, epoch: string, seq: number, at: number, name: string, data: any, picture: boolean}} LiveEvent
 * @typedef {{onEvent: (event: LiveEvent, picture: Blob | null) => void, onReset: () => void, onRefused?: () => void}} Follower
 * @typedef {{epoch?: string, after?: number}} Position
 */

class Live extends EventTarget {
  /** @type {Map<string, Follower>} */
  #followers = new Map();
  /** @type {Map<string, Position>} */
  #positions = new Map();
  /** @type {WebSocket | null} */
  #socket = null;
  #opening = false;
  #wait = FIRST_WAIT_MS;
  #timer = 0;
  #quiet = 0;
  #answer = 0;
  /** @type {LiveEvent | null} the event whose picture is the next frame */
  #announced = null;

  /** Whether events arrive by themselves at this moment. */
  get ready() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /**
   * Follow a stream, by default from its start; a `spare` one only where there is room, and nobody follows it.
   * @param {string} stream @param {Follower} follower @param {Position} [from] @param {{spare?: boolean}} [how]
   * @returns {() => void} stops
   */
  follow(stream, follower, from = { after: 0 }, { spare = false } = {}) {
    if (spare && (this.#followers.has(stream) || this.#followers.size >= MAX_SPARE)) return () => {};
    this.#followers.set(stream, follower);
    this.#positions.set(stream, from);
    if (this.#followers.size > MAX_STREAMS) follower.onReset();
    else if (this.ready) this.#send({ type: "follow", follow: [{ stream, ...from }] });
    else this.#connect();
    return () => {
      if (this.#followers.get(stream) !== follower) return;
      this.#followers.delete(stream);
      this.#positions.delete(stream);
      if (this.ready) this.#send({ type: "unfollow", streams: [stream] });
    };
  }

  /** Where a stream stands. @param {string} stream @returns {Position | undefined} */
  position(stream) {
    return this.#positions.get(stream);
  }

  /** Leave, and forget everything. */
  close() {
    this.#followers.clear();
    this.#positions.clear();
    clearTimeout(this.#timer);
    this.#drop();
  }

  /** The network is back, or the page is looked at again: see whether the socket lives, or open one now. */
  wake() {
    this.#wait = FIRST_WAIT_MS;
    if (this.ready) this.#ask();
    else if (!this.#socket) this.#connect();
  }

  /** Anything that comes within ANSWER_WITHIN_MS shows that the socket lives. */
  #ask() {
    clearTimeout(this.#quiet);
    if (this.#answer) return;
    this.#send({ type: "ping" });
    this.#answer = setTimeout(() => this.#lost(), ANSWER_WITHIN_MS);
  }

  #heard() {
    clearTimeout(this.#answer);
    clearTimeout(this.#quiet);
    this.#answer = 0;
    this.#quiet = setTimeout(() => this.#ask(), QUIET_MS);
  }

  /** Nothing comes any more, though nobody has closed it. */
  #lost() {
    this.#drop();
    this.dispatchEvent(new Event("change"));
    this.#connect();
  }

  #drop() {
    clearTimeout(this.#answer);
    clearTimeout(this.#quiet);
    this.#answer = 0;
    // Closing waits for the other side, which may be gone: this side is done with it now.
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #send(frame) {
    this.#socket?.send(JSON.stringify(frame));
  }

  async #connect() {
    if (this.#socket || this.#opening || !session.get() || this.#followers.size === 0) return;
    this.#opening = true;
    clearTimeout(this.#timer);
    try {
      const { ticket, url } = await call("POST", "/v1/realtime/ticket", undefined, OPEN_WITHIN_MS);
      this.#open(new WebSocket(url, ["riffle.v1"]), ticket);
    } catch {
      this.#again();
    } finally {
      this.#opening = false;
    }
  }

  /** @param {WebSocket} socket @param {string} ticket */
  #open(socket, ticket) {
    this.#socket = socket;
    this.#announced = null;
    socket.binaryType = "arraybuffer";
    this.#answer = setTimeout(() => this.#lost(), OPEN_WITHIN_MS);
    socket.onopen = () => {
      if (this.#socket !== socket) return;
      this.#heard();
      const follow = [...this.#positions].slice(0, MAX_STREAMS).map(([stream, position]) => ({ stream, ...position }));
      this.#send({ type: "hello", ticket, follow });
      this.dispatchEvent(new Event("change"));
    };
    socket.onmessage = ({ data }) => {
      if (this.#socket !== socket) return;
      this.#heard();
      if (typeof data === "string") this.#frame(JSON.parse(data));
      else this.#picture(data);
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#drop();
      this.dispatchEvent(new Event("change"));
      this.#again();
    };
  }

  #again() {
    if (this.#followers.size === 0) return;
    clearTimeout(this.#timer);
    // A random part keeps a thousand phones from coming back in the same moment.
    this.#timer = setTimeout(() => this.#connect(), this.#wait * (0.5 + Math.random() / 2));
    this.#wait = Math.min(2 * this.#wait, LAST_WAIT_MS);
  }

  #frame(frame) {
    const follower = this.#followers.get(frame.stream);
    if (frame.type === "goodbye") {
      // Nothing is lost: the socket closes now, and the positions are sent again.
      this.#announced = null;
    } else if (frame.type === "welcome") {
      this.#wait = FIRST_WAIT_MS;
      if (!follower || frame.recovered) return;
      this.#positions.set(frame.stream, frame.epoch ? { epoch: frame.epoch, after: frame.seq } : { after: 0 });
      follower.onReset();
    } else if (frame.type === "refused") {
      if (follower?.onRefused) follower.onRefused();
      else follower?.onReset();
    } else if (frame.type === "event") {
      if (follower) this.#positions.set(frame.stream, { epoch: frame.epoch, after: frame.seq });
      if (frame.picture) this.#announced = frame;
      else follower?.onEvent(frame, null);
    }
  }

  /** @param {ArrayBuffer} bytes */
  #picture(bytes) {
    const event = this.#announced;
    this.#announced = null;
    if (event) this.#followers.get(event.stream)?.onEvent(event, new Blob([bytes], { type: "image/webp" }));
  }
}

export const live = new Live();

addEventListener("online", () => live.wake());
addEventListener("pageshow", () => live.wake());
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && live.wake());
