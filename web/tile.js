// One video while it is drawn and after: live pictures, progress, the finished loop.

import { call, media } from "./api.js";
import { attempt, el } from "./dom.js";
import { live } from "./socket.js";

const POLL_MS = 3000;
const ENDED = ["completed", "failed", "cancelled"];

/** A looping, muted video element. @param {string} src @param {string} label */
export function loop(src, label) {
  const video = el("video", { src, loop: true, playsinline: true, autoplay: true, "aria-label": label });
  video.muted = true;
  video.play?.().catch(() => {});
  return video;
}

/** A tile that fills in live. */
export class Tile {
  /** @param {any} video @param {(video: any) => void} picked */
  constructor(video, picked) {
    this.video = video;
    this.picture = el("img", { alt: "" });
    this.picture.hidden = true;
    this.label = el("span.state", {}, "queued");
    this.ring = el("i.ring", {});
    this.stopButton = el("button.stop", { "aria-label": "Cancel this one", onclick: (event) => this.cancel(event) }, "✕");
    this.node = el("div.tile", { role: "button", tabindex: "0", "data-status": video.status, "data-id": video.id },
      this.picture, this.ring, this.label, this.stopButton);
    const pick = () => picked(this.video);
    this.node.addEventListener("click", pick);
    this.node.addEventListener("keydown", (event) => event.key === "Enter" && pick());
    this.unfollow = () => {};
    this.follow();
  }

  follow() {
    this.apply(this.video);
    if (ENDED.includes(this.video.status)) return;
    this.unfollow = live.follow(`video:${this.video.id}`, {
      onEvent: (event, picture) => this.happened(event, picture),
      onReset: () => this.reread(),
    });
    // The socket may be away for long: the state is also read, seldom.
    this.timer = setInterval(() => live.ready || this.reread(), POLL_MS);
  }

  stopFollowing() {
    clearInterval(this.timer);
    this.unfollow();
    this.unfollow = () => {};
  }

  async reread() {
    this.apply(await call("GET", `/v1/videos/${this.video.id}`).catch(() => this.video));
  }

  happened(event, picture) {
    const { data } = event;
    if (picture && !ENDED.includes(this.video.status)) this.show(picture);
    if (event.name === "video.queued" && data.position) this.label.textContent = `#${data.position}`;
    if (event.name === "video.started") this.progress("in_progress", 1);
    if (data.progress != null && event.name !== "video.completed") this.progress("in_progress", data.progress);
    if (["video.completed", "video.failed", "video.cancelled"].includes(event.name)) this.reread();
  }

  show(blob) {
    const old = this.picture.src;
    this.picture.src = URL.createObjectURL(blob);
    this.picture.hidden = false;
    if (old) URL.revokeObjectURL(old);
    this.node.dataset.pictures = String(Number(this.node.dataset.pictures ?? 0) + 1);
  }

  progress(status, percent) {
    this.node.dataset.status = status;
    this.node.style.setProperty("--done", `${percent}%`);
    this.label.textContent = `${percent}%`;
  }

  async apply(video) {
    this.video = video;
    this.node.dataset.status = video.status;
    this.node.setAttribute("aria-label", `${video.prompt}, ${video.status}`);
    this.stopButton.hidden = ENDED.includes(video.status);
    if (video.status === "in_progress") this.progress("in_progress", video.progress);
    if (video.queue) this.label.textContent = `#${video.queue.position}`;
    if (!ENDED.includes(video.status)) return;
    this.stopFollowing();
    this.label.textContent = video.status === "completed" ? "" : (video.error?.message ?? video.status);
    if (video.status !== "completed") return;
    const src = await attempt(() => media(video.id));
    if (!src) return;
    this.node.querySelector("video")?.remove();
    this.node.prepend(loop(src, video.prompt));
    this.picture.hidden = true;
  }

  async cancel(event) {
    event.stopPropagation();
    const video = await attempt(() => call("POST", `/v1/videos/${this.video.id}/cancel`));
    if (video) this.apply(video);
  }
}
