// One post, as large as the screen.

import { call } from "../shared/api.js";
import { avatar, clip, el, foldable, icon } from "../shared/dom.js";
import { ratio } from "../create/shape.js";
import { openCameo, openPerson } from "../shared/people.js";
import { playInstead, playWhenVisible, toggle } from "../shared/player.js";
import { openReport } from "../shared/report.js";
import { remix } from "../create/video_sheet.js";
import { attempt } from "../shared/ui.js";

const DOUBLE_TAP_MS = 260;

/** @typedef {import("../shared/types.js").Post} Post */

export class PostCard {
  /** @param {Post} post @param {import("../shared/types.js").FeedItem} item @param {import("../shared/types.js").DiffPart[] | null} diff */
  constructor(post, item, diff) {
    this.post = post;
    this.clip = clip(post.video.prompt);
    this.prompt = foldable("p.prompt", post.video.prompt);
    this.count = el("span", {});
    this.heart = el("button.like", { "aria-label": "Like", onclick: () => this.#like(!post.liked) }, icon("heart"), this.count);
    this.node = el("div.card", { "data-post": post.id, "data-video": post.video.id },
      this.clip, el("span.held", { "aria-hidden": "true" }, icon("play")), el("p.gone-note", {}, "This video can't be shown any more."),
      this.#rail(), this.#text(item));
    // A portrait fills the screen; any other shape would lose its sides.
    this.node.classList.toggle("whole", ratio(post.video.size) >= 1);
    this.clip.addEventListener("click", () => this.#tap());
    this.setDiff(diff);
    this.#paint();
    playWhenVisible(this.clip, post.video.id);
  }

  toggle() {
    this.node.classList.toggle("paused", toggle(this.clip));
  }

  /** Show the render of what was posted as a preview. */
  async showRender() {
    const { video } = await call("GET", `/v1/posts/${this.post.id}`);
    this.post.video = video;
    this.node.dataset.video = video.id;
    playInstead(this.clip, video.id);
  }

  /** Show how the prompt differs from that of its source. @param {import("../shared/types.js").DiffPart[] | null} diff */
  setDiff(diff) {
    if (!diff || !this.post.source_post_id) return;
    const tag = { keep: "span", add: "ins", remove: "del" };
    this.prompt.replaceChildren(...diff.flatMap(({ op, text }) => [el(tag[op], {}, text), " "]));
  }

  #rail() {
    const { post } = this;
    return el("div.rail", {},
      el("button.who", { "aria-label": `About @${post.author.handle}`, onclick: () => openPerson(post.author) }, avatar(post.author.handle)),
      this.heart,
      el("button.small", { "aria-label": "Report this post", onclick: () => openReport("post", post.id, "this post") }, icon("flag")),
      el("button", { "aria-label": "Remix", onclick: () => remix(post.video) }, icon("remix"), el("span", {}, post.remixes ? String(post.remixes) : "Remix")));
  }

  #text(item) {
    const { post } = this;
    const close = post.closeness.root;
    const why = post.id === item.trend.id ? item.why : "Remix";
    return el("div.info", {},
      el("p.tags", {}, el("span.tag", {}, why),
        post.id !== item.trend.id && close != null
          ? el("span.tag.close", {}, el("meter", { min: "0", max: "1", value: String(close), "aria-label": "Closeness to the root" }), `${Math.round(100 * close)}% close`)
          : null,
        ...post.video.cameos.map((id) => el("button.tag", { onclick: () => openCameo(id) }, "with a cameo"))),
      el("p.author", {}, el("button.text", { onclick: () => openPerson(post.author) }, `@${post.author.handle}`),
        post.author.demo ? el("span.tag", {}, "made by demo account") : null),
      post.caption ? foldable("p.caption", post.caption) : null,
      this.prompt);
  }

  #tap() {
    if (this.tapped) {
      clearTimeout(this.tapped);
      this.tapped = 0;
      this.node.classList.remove("loved");
      // Read once, so that the animation starts anew.
      void this.node.offsetWidth;
      this.node.classList.add("loved");
      this.#like(true);
    } else {
      this.tapped = setTimeout(() => {
        this.tapped = 0;
        this.toggle();
      }, DOUBLE_TAP_MS);
    }
  }

  /** At once on the screen; the service follows, one call at a time. @param {boolean} liked */
  async #like(liked) {
    const { post } = this;
    if (post.liked === liked) return;
    post.liked = liked;
    post.likes += liked ? 1 : -1;
    this.#paint();
    if (this.sending) return;
    this.sending = true;
    let confirmed = !liked;
    await attempt(async () => {
      try {
        while (confirmed !== post.liked) {
          const now = await call(post.liked ? "PUT" : "DELETE", `/v1/posts/${post.id}/like`);
          confirmed = now.liked;
          if (confirmed === post.liked) post.likes = now.likes;
        }
      } catch (error) {
        post.likes += Number(confirmed) - Number(post.liked);
        post.liked = confirmed;
        throw error;
      }
    });
    this.sending = false;
    this.#paint();
  }

  #paint() {
    this.count.textContent = String(this.post.likes);
    this.heart.setAttribute("aria-pressed", String(this.post.liked));
  }
}
