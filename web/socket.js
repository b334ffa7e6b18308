// The live side: follows streams, comes back after a cut with its last (epoch, seq), and misses nothing.

import { call, session } from "./api.js";

const FIRST_WAIT_MS = 300;
const LAST_WAIT_MS = 10_000;

/** @typedef {{onEvent: (event: any, picture: Blob|null) => void, onReset: () => void}} Follower */

class Live {
  constructor() {
    /** @type {Map<string, Set<Follower>>} */
    this.followers = new Map();
    /** @type {Map<string, {epoch: string, after: number}>} */
    this.positions = new Map();
    this.socket = null;
    this.ready = false;
    this.wait = FIRST_WAIT_MS;
    this.expecting = null;
    this.timer = 0;
  }

  /** Follow a stream from its start, or from where it was left. Returns how to stop. */
  follow(stream, follower) {
    const known = this.followers.get(stream);
    if (known) {
      known.add(follower);
    } else {
      this.followers.set(stream, new Set([follower]));
      if (this.ready) this.send({ type: "follow", follow: [this.position(stream)] });
      else this.connect();
    }
    return () => this.unfollow(stream, follower);
  }

  unfollow(stream, follower) {
    const known = this.followers.get(stream);
    known?.delete(follower);
    if (known?.size === 0) {
      this.followers.delete(stream);
      this.positions.delete(stream);
      if (this.ready) this.send({ type: "unfollow", streams: [stream] });
    }
  }

  close() {
    this.followers.clear();
    this.positions.clear();
    clearTimeout(this.timer);
    this.socket?.close();
  }

  position(stream) {
    return { stream, ...(this.positions.get(stream) ?? { after: 0 }) };
  }

  send(frame) {
    this.socket.send(JSON.stringify(frame));
  }

  async connect() {
    if (this.socket || !session.get()) return;
    // Claimed before the first await, so that two callers never open two sockets.
    this.socket = { close() {} };
    try {
      const { ticket, url } = await call("POST", "/v1/realtime/ticket", {});
      const socket = new WebSocket(url, ["riffle.v1"]);
      socket.binaryType = "blob";
      this.socket = socket;
      socket.onopen = () => {
        this.ready = true;
        this.wait = FIRST_WAIT_MS;
        this.send({ type: "hello", ticket, follow: [...this.followers.keys()].map((stream) => this.position(stream)) });
      };
      socket.onmessage = (message) => this.received(message.data);
      socket.onclose = () => this.lost();
    } catch {
      this.lost();
    }
  }

  lost() {
    this.socket = null;
    this.ready = false;
    this.expecting = null;
    if (this.followers.size === 0) return;
    this.timer = setTimeout(() => this.connect(), this.wait);
    this.wait = Math.min(2 * this.wait, LAST_WAIT_MS);
  }

  received(data) {
    if (typeof data !== "string") {
      if (this.expecting) this.tell(this.expecting, data);
      this.expecting = null;
      return;
    }
    const frame = JSON.parse(data);
    if (frame.type === "welcome") {
      if (frame.epoch && !frame.recovered) {
        this.positions.set(frame.stream, { epoch: frame.epoch, after: frame.seq });
        for (const follower of this.followers.get(frame.stream) ?? []) follower.onReset();
      }
    } else if (frame.type === "event") {
      this.positions.set(frame.stream, { epoch: frame.epoch, after: frame.seq });
      if (frame.picture) this.expecting = frame;
      else this.tell(frame, null);
    }
  }

  tell(frame, picture) {
    for (const follower of this.followers.get(frame.stream) ?? []) follower.onEvent(frame, picture);
  }
}

export const live = new Live();
