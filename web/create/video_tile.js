// One video of a swarm: its place in the queue, then pictures that sharpen, then the finished loop.

import { call } from "../shared/api.js";
import { clip, el, icon, ring } from "../shared/dom.js";
import { ratio } from "./shape.js";
import { playWhenVisible } from "../shared/player.js";
import { attempt } from "../shared/ui.js";
import { isOver, watch } from "./progress.js";

/** @typedef {import("../shared/types.js").Video} Video */

export class VideoTile {
  /** @param {Video} video @param {(tile: VideoTile) => void} [picked] @param {(tile: VideoTile) => void} [changed] */
  constructor(video, picked, changed) {
    this.video = video;
    this.changed = changed;
    this.picture = el("img", { alt: "", hidden: true });
    this.label = el("span.state", {});
    this.hit = el("button.hit", { onclick: () => picked?.(this) });
    this.stop = el("button.round.stop", { "aria-label": "Cancel this one", onclick: () => this.cancel() }, icon("close"));
    this.node = el("div.tile", { "data-video": video.id }, this.picture, this.hit, ring(), this.label, this.stop);
    this.node.style.setProperty("--shape", String(ratio(video.size)));
    this.#paint();
    watch(video, { changed: (now) => this.#take(now), picture: (blob) => this.#show(blob) });
  }

  get over() {
    return isOver(this.video);
  }

  /** Stop drawing it. */
  async cancel() {
    const video = await attempt(() => call("POST", `/v1/videos/${this.video.id}/cancel`));
    if (video) this.#take(video);
  }

  /** @param {Video} video */
  #take(video) {
    this.video = video;
    this.#paint();
    this.changed?.(this);
  }

  #show(blob) {
    const before = this.picture.src;
    this.picture.src = URL.createObjectURL(blob);
    this.picture.hidden = false;
    if (before) URL.revokeObjectURL(before);
    this.node.dataset.pictures = String(Number(this.node.dataset.pictures ?? 0) + 1);
  }

  #paint() {
    const { video } = this;
    this.node.dataset.status = video.status;
    this.node.dataset.tier = video.tier;
    this.node.classList.toggle("begun", video.status === "in_progress" && video.progress > 0);
    this.node.classList.toggle("waits", !this.over && video.progress === 0);
    this.node.style.setProperty("--done", String(video.progress / 100));
    this.stop.hidden = this.over;
    this.label.textContent = inWords(video);
    this.hit.setAttribute("aria-label", [video.tier === "full" ? "Render" : "Preview", inWords(video) || "finished", video.prompt].join(", "));
    if (video.status !== "completed" || this.clip) return;
    this.clip = clip(video.prompt);
    this.clip.setAttribute("aria-hidden", "true");
    // The last picture stays beneath until the loop has its first frame.
    this.clip.addEventListener("loadeddata", () => this.#drop(), { once: true });
    this.picture.after(this.clip);
    playWhenVisible(this.clip, video.id);
  }

  #drop() {
    if (this.picture.src) URL.revokeObjectURL(this.picture.src);
    this.picture.removeAttribute("src");
    this.picture.hidden = true;
  }
}

/** What a running or failed video is doing; nothing for a finished one. @param {Video} video */
function inWords(video) {
  if (video.status === "queued") {
    if (!video.queue) return "waiting";
    const seconds = Math.ceil(video.queue.eta_ms / 1000);
    return seconds > 1 ? `#${video.queue.position} · ${seconds} s` : `#${video.queue.position}`;
  }
  if (video.status === "in_progress") return video.progress ? `${video.progress}%` : "next";
  if (video.status === "failed") return video.error?.message ?? "failed";
  return video.status === "cancelled" ? "cancelled" : "";
}
