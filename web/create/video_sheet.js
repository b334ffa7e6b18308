// One video up close: render what was picked, compare, post, go on from it, keep it.

import { call } from "../shared/api.js";
import { clip, counted, el, foldable, icon } from "../shared/dom.js";
import { ratio } from "./shape.js";
import { address } from "../shared/media.js";
import { playWhenVisible, toggle } from "../shared/player.js";
import { VideoTile } from "./video_tile.js";
import { busy, closeSheets, openSheet, sure, toast } from "../shared/ui.js";
import { isOver } from "./progress.js";
import { understoodBlock } from "./understood_block.js";
import { credits, model } from "./vocabulary.js";

const REROLLS = 4;

/** @typedef {import("../shared/types.js").Video} Video */

/** Open a finished video. @param {Video} video */
export function openVideo(video) {
  const studio = new VideoSheet(video);
  const ending = new AbortController();
  const close = openSheet(video.prompt, studio.node, { full: true, closed: () => ending.abort() });
  addEventListener("deleted", ({ detail }) => detail === studio.current?.id && close(), { signal: ending.signal });
}

class VideoSheet {
  /** @param {Video} video */
  constructor(video) {
    /** @type {{preview: Video | null, full: Video | null}} */
    this.videos = { preview: null, full: null };
    this.stage = el("div.stage", {});
    this.tools = el("div.tools", {});
    this.node = el("div.studio", {}, this.stage, el("div.below", {}, ...[foldable("p.prompt", video.prompt), understoodBlock(video, remix), this.tools].filter(Boolean)));
    this.#add(video);
    this.#show(video.tier);
    this.#findPair(video);
  }

  get current() {
    return this.videos[this.tier];
  }

  /** @param {Video} video */
  #add(video) {
    this.videos[video.tier] = video;
  }

  /** The render of a preview, or the preview of a render, if there is one. */
  async #findPair(video) {
    const { edges } = await call("GET", `/v1/videos/${video.id}/lineage`).catch(() => ({ edges: [] }));
    const renders = edges.filter((edge) => edge.relation === "render");
    const edge = renders.find(({ parent, child }) => parent === video.id || child === video.id);
    if (!edge) return;
    const pair = await call("GET", `/v1/videos/${edge.parent === video.id ? edge.child : edge.parent}`).catch(() => null);
    if (!pair || ["failed", "cancelled"].includes(pair.status)) return;
    if (isOver(pair)) {
      this.#add(pair);
      this.#show(this.tier);
    } else {
      this.#draw(pair);
    }
  }

  /** @param {"preview" | "full"} tier */
  #show(tier) {
    const time = this.clip?.currentTime ?? 0;
    this.tier = tier;
    const { current } = this;
    this.stage.dataset.tier = tier;
    this.stage.style.setProperty("--shape", String(ratio(current.size)));
    this.clip = clip(current.prompt);
    this.clip.addEventListener("click", () => toggle(this.clip));
    // Both draw the same moments, so the eye compares the same one.
    this.clip.addEventListener("loadedmetadata", () => (this.clip.currentTime = time), { once: true });
    this.stage.replaceChildren(this.clip);
    playWhenVisible(this.clip, current.id);
    this.tools.replaceChildren(...[this.#switch(), this.#facts(), this.#main(), this.#more()].filter(Boolean));
  }

  #switch() {
    if (!this.videos.preview || !this.videos.full) return null;
    const side = (tier, name) => el("button", { role: "tab", "aria-selected": String(tier === this.tier), onclick: () => this.#show(tier) }, name);
    return el("div.switch", { role: "tablist", "aria-label": "Compare" }, side("preview", "Preview"), side("full", "Render"));
  }

  #facts() {
    const { preview, full } = this.videos;
    const column = (name, video) => video && el("div", {}, el("dt", {}, name), el("dd", {}, cost(video), el("small", {}, video.size)));
    const fidelity = full?.fidelity;
    return el("dl.facts", {}, column("Preview", preview), column("Full render", full),
      fidelity == null ? null : el("div", {}, el("dt", {}, "Like its preview"), el("dd", {}, `${Math.round(100 * fidelity)}%`,
        el("meter", { min: "0", max: "1", value: String(fidelity), "aria-label": "How like its preview the render is" }))));
  }

  #main() {
    const { current } = this;
    const box = el("div.stack", {});
    // A stitch is not drawn: its clips are rendered, and those stitched.
    const drawn = current.tier === "preview" && !this.videos.full && current.source?.relation !== "stitch";
    if (drawn) {
      const render = el("button", { onclick: () => busy(render, () => this.#render()) }, el("b", {}, "Render"), el("small", {}, "in full quality"));
      model().then((card) => render.lastChild.replaceChildren(counted(credits(card, "full", Number(current.seconds)), "credit")), () => {});
      box.append(render);
    }
    box.append(current.post_id ? this.#posted() : this.#publish());
    if (drawn && !current.post_id) box.append(el("p.quiet", {}, "What you post is then drawn in full quality, free."));
    return box;
  }

  #publish() {
    const { current } = this;
    const caption = el("input", { placeholder: "Say something about it", maxlength: "500", "aria-label": "Caption", enterkeyhint: "send" });
    const post = el("button.primary", { type: "submit" }, "Post");
    return el("form.row", { onsubmit: (event) => {
      event.preventDefault();
      busy(post, async () => {
        const made = await call("POST", "/v1/posts", { video_id: current.id, caption: caption.value.trim() });
        current.post_id = made.id;
        this.#show(this.tier);
        dispatchEvent(new CustomEvent("posted", { detail: made }));
        toast("Posted", { label: "See it", run: () => dispatchEvent(new CustomEvent("see-post", { detail: made })) });
      });
    } }, caption, post);
  }

  #posted() {
    const { current } = this;
    const back = el("button.text", { onclick: () => busy(back, async () => {
      if (!(await sure("Take the post back? Remixes of it stay.", "Take back"))) return;
      await call("DELETE", `/v1/posts/${current.post_id}`);
      current.post_id = null;
      this.#show(this.tier);
      dispatchEvent(new CustomEvent("posted"));
    }) }, "Take back");
    return el("div.row.posted", {}, icon("check"), el("b", {}, "Posted"), back);
  }

  #more() {
    const { current } = this;
    const action = (name, text, run) => {
      const button = el("button", { onclick: () => busy(button, run) }, icon(name), text);
      return button;
    };
    const actions = el("div.actions", {},
      action("remix", "Remix", async () => remix(current)),
      action("dice", "Reroll", () => this.#again("reroll", [current.id], REROLLS)),
      action("download", "Save", async () => el("a", { href: await address(current.id), download: `riffle-${current.id}.mp4` }).click()),
      action("trash", "Delete", async () => {
        if (!(await sure("Delete this video for good?", "Delete"))) return;
        await call("DELETE", `/v1/videos/${current.id}`);
        dispatchEvent(new CustomEvent("deleted", { detail: current.id }));
        closeSheets();
      }));
    const { relation, video_ids: from } = current.source ?? {};
    if (relation === "extend" && from.length === 1) {
      actions.append(action("link", "Join", () => this.#again("stitch", [from[0], current.id], 1)));
    }
    model().then(({ conditions }) => {
      if (conditions.includes("begin")) actions.append(action("forward", "Go on", () => this.#again("extend", [current.id], REROLLS)));
    }, () => {});
    return actions;
  }

  async #render() {
    this.#draw(await call("POST", `/v1/videos/${this.videos.preview.id}/render`));
  }

  /** Show a render while it is drawn. @param {Video} job */
  #draw(job) {
    const tile = new VideoTile(job, undefined, () => {
      if (!tile.over) return;
      if (tile.video.status === "completed") {
        this.#add(tile.video);
        this.#show("full");
      } else {
        this.#show("preview");
        toast(tile.video.error?.message ?? "The render was cancelled; what was not drawn costs nothing");
      }
    });
    this.stage.replaceChildren(tile.node);
    this.tools.replaceChildren(el("p.quiet", {}, `Rendering at ${job.size} for ${counted(job.cost.credits, "credit")}. It goes on when you leave.`));
  }

  /** Make more of it. @param {string} relation @param {string[]} from ids of its sources @param {number} n */
  async #again(relation, from, n) {
    const { prompt, cameos } = this.current;
    const first = await call("POST", "/v1/videos", { prompt, n, cameos, source: { relation, video_ids: from } });
    closeSheets();
    dispatchEvent(new CustomEvent("drawn", { detail: first }));
  }
}

/** @param {Video} video */
function cost({ cost: { credits, cpu_seconds: seconds } }) {
  return counted(credits, "credit") + (seconds == null ? "" : ` · ${seconds.toFixed(1)} CPU s`);
}

/** Open Create with a video as the source. @param {Video} video @param {Map<string, any>} [picks] pictures for it, by phrase */
export function remix(video, picks) {
  closeSheets();
  dispatchEvent(new CustomEvent("remix", { detail: { video, picks } }));
}
