// One video from queued to its end: the socket tells, and while it is away the list is read instead.

import { call } from "../shared/api.js";
import { live } from "../shared/socket.js";

const POLL_MS = 2500;
const LIST = 100;
// A socket follows a limited number of streams; what it is silent about is asked for.
const SILENT_MS = 10_000;
const FINAL_EVENTS = new Set(["video.completed", "video.failed", "video.cancelled"]);

/**
 * @typedef {import("../shared/types.js").Video} Video
 * @typedef {{changed: (video: Video) => void, picture: (picture: Blob) => void}} Watcher
 */

/** @type {Map<string, Watching>} */
const running = new Map();
let timer = 0;

/** Whether a video will change no more. @param {Video} video */
export function isOver(video) {
  return ["completed", "failed", "cancelled"].includes(video.status);
}

class Watching {
  /** @type {Set<Watcher>} */
  watchers = new Set();
  #heardAt = performance.now();

  /** @param {Video} video */
  constructor(video) {
    this.video = video;
    this.stop = live.follow(video.links.events, {
      onEvent: (event, picture) => this.#happened(event, picture),
      onReset: () => this.read(),
    });
  }

  /** Whether the socket does not (or not any more) tell about it. */
  get silent() {
    return !live.ready || performance.now() - this.#heardAt > SILENT_MS;
  }

  #happened({ name, data }, picture) {
    this.#heardAt = performance.now();
    if (isOver(this.video)) return;
    if (picture) for (const watcher of this.watchers) watcher.picture(picture);
    if (FINAL_EVENTS.has(name) || name === "video.withdrawn") return void this.read();
    if (name === "video.queued") this.#change({ status: "queued", progress: 0, queue: { position: data.position, eta_ms: data.eta_ms } });
    else this.#change({ status: "in_progress", progress: data.progress ?? this.video.progress, queue: null });
  }

  /** @param {Partial<Video>} fields */
  #change(fields) {
    this.take({ ...this.video, ...fields });
  }

  /** @param {Video} video as it is now */
  take(video) {
    this.video = video;
    if (isOver(video)) {
      this.stop();
      running.delete(video.id);
    }
    for (const watcher of this.watchers) watcher.changed(video);
  }

  /** What a list says is older than what the socket said, except that it ended and where it stands in the queue. */
  heard(video) {
    const newer = isOver(video) || this.silent || (video.status === "queued" && this.video.status === "queued");
    if (newer) this.take(video);
  }

  async read() {
    const video = await call("GET", `/v1/videos/${this.video.id}`).catch(() => null);
    if (video && running.has(video.id)) this.take(video);
  }
}

async function poll() {
  timer = 0;
  if (running.size === 0) return;
  const asks = [...running.values()].some(({ video, silent }) => video.status === "queued" || silent);
  if (document.visibilityState === "visible" && asks) {
    const page = await call("GET", `/v1/videos?limit=${LIST}`).catch(() => null);
    const found = new Map(page?.data.map((video) => [video.id, video]));
    for (const [id, watching] of [...running]) {
      if (found.has(id)) watching.heard(found.get(id));
      else if (page) watching.read();
    }
  }
  timer ||= setTimeout(poll, POLL_MS);
}

/**
 * Hear of a running video until it has ended.
 * @param {Video} video @param {Watcher} watcher
 */
export function watch(video, watcher) {
  if (isOver(video)) return;
  if (!running.has(video.id)) running.set(video.id, new Watching(video));
  running.get(video.id).watchers.add(watcher);
  timer ||= setTimeout(poll, POLL_MS);
}
