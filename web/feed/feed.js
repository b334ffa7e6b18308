// The feed: down is the next trend, sideways are its remixes, nearest first.

import { call } from "../shared/api.js";
import { el } from "../shared/dom.js";
import { Lane } from "./lane.js";
import { attempt } from "../shared/ui.js";

const PAGE = 6;
const LOOK_AGAIN_AFTER_MS = 5000;
const CUTS = { trending: "Trending", fresh: "Fresh", following: "Following" };
const NOTHING = {
  trending: "The first trends are being drawn. Or draw your own.",
  fresh: "The first trends are being drawn. Or draw your own.",
  following: "Follow someone: tap their name under a video.",
};

/** @typedef {import("../shared/types.js").Post} Post */

export class Feed {
  constructor() {
    this.cut = "trending";
    this.stale = true;
    this.tabs = el("div.cuts", { role: "tablist", "aria-label": "Feed" },
      ...Object.entries(CUTS).map(([cut, name]) =>
        el("button", { role: "tab", "data-cut": cut, onclick: () => this.choose(cut) }, name)));
    this.column = el("div.column", { tabindex: "-1", "aria-label": "Trends" });
    this.node = el("section.view.feed", {}, this.tabs, this.column);
    // The last trends on the page ask for more as they come near.
    this.ahead = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && attempt(() => this.#more()),
      { root: this.column, rootMargin: "200%" });
    for (const name of ["deleted", "unposted"]) addEventListener(name, ({ detail }) => this.#remove(detail));
    addEventListener("rendered", ({ detail }) => {
      // One that can't be read any more is taken away by the event that says so.
      for (const lane of this.lanes?.values() ?? []) lane.cards.get(detail)?.showRender().catch(() => {});
    });
  }

  /** Take the posts of a video away, and a trend that has none left. @param {string} id of the video */
  #remove(id) {
    for (const [trend, lane] of this.lanes ?? []) {
      if (lane.remove(id)) continue;
      this.ahead.unobserve(lane.node);
      lane.node.remove();
      this.lanes.delete(trend);
    }
    const last = this.column.lastElementChild;
    if (last?.classList.contains("trend")) this.ahead.observe(last);
    else if (this.lanes && !this.node.hidden) attempt(() => this.choose(this.cut));
    else this.stale = true;
  }

  /** Called whenever the view comes to the front. */
  async shown() {
    if (this.stale) await attempt(() => this.choose(this.cut));
    this.column.focus({ preventScroll: true });
  }

  /** Start again from the top. @param {string} cut */
  async choose(cut) {
    this.cut = cut;
    // What an earlier choice still loads must not end up in this one, nor keep it from loading.
    const turn = (this.turn = { loading: false });
    this.stale = false;
    this.cursor = undefined;
    /** @type {Map<string, Lane>} */
    this.lanes = new Map();
    this.ahead.disconnect();
    for (const tab of this.tabs.children) tab.setAttribute("aria-selected", String(tab.dataset.cut === cut));
    this.column.replaceChildren(el("div.nothing", {}, el("p.quiet", {}, "…")));
    await attempt(() => this.#more());
    if (this.turn === turn && this.lanes.size === 0) {
      const text = el("p.quiet", { role: "status" }, NOTHING[cut]);
      this.column.replaceChildren(el("div.nothing", {}, el("h2", {}, "Nothing here yet"), text,
        el("a.button.primary", { href: "#create" }, "Create"), el("button.text", { onclick: () => this.choose(cut) }, "Look again")));
      if (cut !== "following") this.#lookAgain(turn, text);
    }
  }

  /** Until there is something: say why there isn't, and look again. @param {object} turn @param {HTMLElement} text */
  async #lookAgain(turn, text) {
    for (; this.turn === turn && this.lanes.size === 0; await new Promise((done) => setTimeout(done, LOOK_AGAIN_AFTER_MS))) {
      if (this.node.hidden || document.hidden) continue;
      // Drawing needs the model, which is prepared for a minute on a first start.
      const busy = await call("GET", "/v1/models").then(() => "", (error) => (error.status === 503 ? error.message : ""));
      text.textContent = busy ? `${busy.charAt(0).toUpperCase()}${busy.slice(1)}. The first trends are drawn after that.` : NOTHING[this.cut];
      const page = await call("GET", `/v1/feed?cut=${this.cut}&limit=1`).catch(() => ({ items: [] }));
      if (this.turn === turn && page.items.length) await this.choose(this.cut);
    }
  }

  async #more() {
    const { cut, turn } = this;
    if (turn.loading || this.cursor === null) return;
    turn.loading = true;
    try {
      const query = this.cursor ? `&cursor=${encodeURIComponent(this.cursor)}` : "";
      const page = await call("GET", `/v1/feed?cut=${cut}&limit=${PAGE}${query}`);
      if (this.turn !== turn) return;
      if (this.cursor === undefined) this.column.replaceChildren();
      this.cursor = page.cursor;
      for (const item of page.items) this.#add(item);
    } finally {
      turn.loading = false;
    }
  }

  #add(item) {
    if (this.lanes.has(item.trend.id)) return;
    const lane = new Lane(item);
    this.lanes.set(item.trend.id, lane);
    this.column.append(lane.node);
    this.ahead.observe(lane.node);
    this.column.querySelectorAll(".trend:not(:last-child)").forEach((node) => this.ahead.unobserve(node));
  }

  /** Show a post that was just made. @param {Post} post */
  async see(post) {
    await this.choose("fresh");
    await this.lanes.get(post.trend_id)?.goTo(post.id);
  }

  /** The lane on the screen. */
  get current() {
    const middle = this.column.scrollTop + this.column.clientHeight / 2;
    return [...this.lanes.values()].find(({ node }) => node.offsetTop <= middle && middle < node.offsetTop + node.offsetHeight);
  }

  /** Arrow keys swipe too. @param {KeyboardEvent} event */
  key(event) {
    const down = { ArrowDown: 1, PageDown: 1, ArrowUp: -1, PageUp: -1 }[event.key];
    const right = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (down) this.column.scrollBy({ top: down * this.column.clientHeight, behavior: "smooth" });
    else if (right) this.current?.go(right);
    else if (event.key === " ") this.current?.toggle();
    else return;
    event.preventDefault();
  }
}
