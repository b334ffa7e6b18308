// One trend: its root, and beside it the remixes, nearest first.

import { call } from "../shared/api.js";
import { PostCard } from "./post_card.js";
import { counted, el } from "../shared/dom.js";
import { attempt } from "../shared/ui.js";

const PAGE = 10;
const MAX_BARS = 10;

/** @typedef {import("../shared/types.js").FeedItem} FeedItem */

export class Lane {
  /** @param {FeedItem} item */
  constructor(item) {
    this.item = item;
    /** @type {Map<string, PostCard>} */
    this.cards = new Map();
    this.cursor = undefined;
    const total = item.trend.posts;
    this.bars = el("div.bars", { hidden: total < 2, "aria-hidden": "true" },
      ...Array.from({ length: Math.min(total, MAX_BARS) }, () => el("i", {})));
    this.place = el("span.place", { hidden: total < 2, "aria-live": "polite" });
    this.track = el("div.lane", {});
    this.node = el("article.trend", { "aria-label": `${item.trend.prompt}, ${counted(total, "post")}`, "data-trend": item.trend.id },
      this.track, this.bars, this.place);
    this.watch = new IntersectionObserver((entries) => this.#seen(entries), { root: this.track, threshold: 0.6 });
    for (const post of item.lane.items) this.#add(post, null);
    this.#paint(0);
    if (total > 1) attempt(() => this.#more());
  }

  /** @param {number} by cards to the right */
  go(by) {
    this.track.scrollBy({ left: by * this.track.clientWidth, behavior: "smooth" });
  }

  /** Hold the clip on the screen, or let it go on. */
  toggle() {
    [...this.cards.values()][this.index]?.toggle();
  }

  /** Bring a post of this lane to the screen. @param {string} id */
  async goTo(id) {
    while (!this.cards.has(id) && this.cursor !== null) await this.#more();
    this.node.scrollIntoView({ behavior: "instant" });
    const card = this.cards.get(id);
    if (card) this.track.scrollTo({ left: card.node.offsetLeft, behavior: "instant" });
  }

  /** Take the posts of a video away. @param {string} id of the video @returns {boolean} whether any is left */
  remove(id) {
    for (const [key, card] of this.cards) {
      if (card.post.video.id !== id) continue;
      this.watch.unobserve(card.node);
      card.node.remove();
      this.cards.delete(key);
      this.item.trend.posts -= 1;
    }
    const total = Math.max(this.item.trend.posts, this.cards.size);
    this.bars.hidden = this.place.hidden = total < 2;
    while (this.bars.children.length > Math.min(total, MAX_BARS)) this.bars.lastChild.remove();
    if (this.cards.size) this.#paint(Math.min(this.index, this.cards.size - 1));
    return this.cards.size > 0;
  }

  #add(post, diff) {
    const known = this.cards.get(post.id);
    if (known) return known.setDiff(diff);
    const card = new PostCard(post, this.item, diff);
    this.cards.set(post.id, card);
    this.track.append(card.node);
    return this.watch.observe(card.node);
  }

  async #more() {
    if (this.loading || this.cursor === null) return;
    this.loading = true;
    try {
      const query = this.cursor ? `&cursor=${encodeURIComponent(this.cursor)}` : "";
      const page = await call("GET", `/v1/trends/${this.item.trend.id}/lane?order=closeness&limit=${PAGE}${query}`);
      this.cursor = page.cursor;
      for (const { post, prompt_diff: diff } of page.items) this.#add(post, diff);
    } finally {
      this.loading = false;
    }
  }

  #seen(entries) {
    const nodes = [...this.track.children];
    for (const { target, isIntersecting } of entries) if (isIntersecting) this.#paint(nodes.indexOf(target));
  }

  #paint(index) {
    this.index = index;
    const total = Math.max(this.item.trend.posts, this.cards.size);
    this.place.textContent = `${index + 1} / ${total}`;
    const lit = Math.min(index, MAX_BARS - 1);
    [...this.bars.children].forEach((bar, at) => bar.classList.toggle("on", at === lit));
    if (index > 0 && index + 2 >= this.cards.size) attempt(() => this.#more());
  }
}
