// The videos of one request: a grid while it is looked at, a shelf afterwards.

import { counted, el, icon } from "../shared/dom.js";
import { openVideo } from "./video_sheet.js";
import { swarmLine } from "./understood_block.js";
import { VideoTile } from "./video_tile.js";
import { busy, toast } from "../shared/ui.js";

/** @typedef {import("../shared/types.js").Video} Video */

export class Swarm {
  /** @param {Video[]} videos @param {boolean} open */
  constructor(videos, open) {
    this.id = videos[0].swarm.id;
    this.tiles = [];
    this.stopAll = el("button.text", { onclick: () => this.#cancel() }, "Cancel all");
    this.fold = el("button.fold", { onclick: () => this.open(!this.isOpen) }, el("span.prompt", {}, videos[0].prompt), icon("down"));
    this.grid = el("div.grid", {});
    this.node = el("section.swarm", { "data-swarm": this.id, "aria-label": videos[0].prompt },
      el("header", {}, this.fold, this.stopAll), swarmLine(videos), this.grid);
    const order = videos[0].swarm.video_ids;
    for (const video of [...videos].sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id))) this.add(video);
    this.open(open);
  }

  get isOpen() {
    return this.node.dataset.open === "true";
  }

  /** Add a video, such as the render of one of its previews. @param {Video} video */
  add(video) {
    if (this.tiles.some((tile) => tile.video.id === video.id)) return;
    const tile = new VideoTile(video, (picked) => this.#pick(picked), () => this.#paint());
    this.tiles.push(tile);
    this.grid.append(tile.node);
    this.#paint();
  }

  /** @param {string} id */
  remove(id) {
    this.tiles.find((tile) => tile.video.id === id)?.node.remove();
    this.tiles = this.tiles.filter((tile) => tile.video.id !== id);
    if (this.tiles.length === 0) this.node.remove();
  }

  /** @param {boolean} open grid or shelf */
  open(open) {
    this.node.dataset.open = String(open);
    this.fold.setAttribute("aria-expanded", String(open));
  }

  #paint() {
    const running = this.tiles.filter((tile) => !tile.over).length;
    this.stopAll.hidden = running < 2;
    // Up to four side by side, so that sixteen fit on one screen.
    const columns = this.tiles.length === 1 ? 1 : this.tiles.length <= 4 ? 2 : this.tiles.length <= 9 ? 3 : 4;
    this.grid.style.setProperty("--columns", String(columns));
  }

  #pick(tile) {
    const { video } = tile;
    if (video.status === "completed") return openVideo(video);
    if (video.status === "failed") return toast(video.error?.message ?? "It failed");
    if (video.status === "cancelled") return toast("This one was cancelled");
    return toast(video.status === "queued" ? "It waits for its turn" : "It is being drawn");
  }

  #cancel() {
    const running = this.tiles.filter((tile) => !tile.over);
    busy(this.stopAll, async () => {
      await Promise.all(running.map((tile) => tile.cancel()));
      toast(`${counted(running.length, "video")} cancelled; what was not used is yours again`);
    });
  }
}
