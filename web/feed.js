// The feed: down is the next trend, sideways are its remixes, nearest first.

import { call, media } from "./api.js";
import { attempt, el } from "./dom.js";
import { remix } from "./detail.js";

// The next page is asked for while this many screens are still ahead.
const AHEAD = 3;

/** The Feed view. */
export async function feed() {
  const view = el("section.feed", { tabindex: "0", "aria-label": "Feed" });
  const seen = new Set();
  let cursor = null;
  let loading = false;
  let finished = false;
  const player = watchVisible(view);

  async function more() {
    if (loading || finished) return;
    loading = true;
    try {
      const page = await call("GET", `/v1/feed?cut=trending&limit=5${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
      cursor = page.cursor;
      finished = !cursor;
      for (const item of page.items) {
        if (seen.has(item.trend.id)) continue;
        seen.add(item.trend.id);
        view.append(trend(item, player));
      }
    } finally {
      loading = false;
    }
  }
  await attempt(more);
  if (!view.children.length) {
    view.append(el("div.empty", {}, el("h2", {}, "Nothing here yet"),
      el("p", {}, "The first trends are being drawn. Or draw your own."), el("a.button.primary", { href: "#create" }, "Create")));
  }
  view.addEventListener("scroll", () => {
    if (view.scrollTop + (AHEAD + 1) * view.clientHeight > view.scrollHeight) attempt(more);
  }, { passive: true });
  view.addEventListener("keydown", (event) => arrows(event, view));
  return view;
}

/** Plays only what is on the screen, and fetches it only then. */
function watchVisible(root) {
  return new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const video = target.querySelector("video");
      if (!isIntersecting) {
        video.pause();
        continue;
      }
      const play = () => video.play().catch(() => {});
      if (video.src) play();
      else attempt(async () => {
        video.poster = await media(target.dataset.video, "thumbnail");
        video.src = await media(target.dataset.video);
        play();
      });
    }
  }, { root, threshold: 0.6 });
}

function trend(item, player) {
  const lane = el("div.lane", { "data-trend": item.trend.id });
  const add = (post, diff) => {
    const made = card(post, item, diff);
    lane.append(made);
    player.observe(made);
  };
  const known = new Map();
  for (const post of item.lane.items) {
    known.set(post.id, true);
    add(post, null);
  }
  let cursor = null;
  let started = false;
  let busy = false;
  async function more() {
    if (busy || (started && !cursor)) return;
    busy = true;
    try {
      const query = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
      const page = await call("GET", `/v1/trends/${item.trend.id}/lane?order=closeness&limit=10${query}`);
      started = true;
      cursor = page.cursor;
      for (const { post, prompt_diff: diff } of page.items) {
        const shown = lane.querySelector(`[data-post="${post.id}"] .prompt`);
        if (shown) words(shown, diff);
        else add(post, diff);
      }
    } finally {
      busy = false;
    }
  }
  if (item.trend.posts > 1) attempt(more);
  lane.addEventListener("scroll", () => {
    if (lane.scrollLeft + 2 * lane.clientWidth > lane.scrollWidth) attempt(more);
  }, { passive: true });
  return el("article.trend", { "aria-label": item.trend.prompt }, lane,
    item.trend.posts > 1 ? el("span.count", {}, `${item.trend.posts} ▸`) : null);
}

function card(post, item, diff) {
  const video = el("video", { loop: true, playsinline: true, preload: "none", "aria-label": post.video.prompt });
  video.muted = true;
  const prompt = el("p.prompt", {}, post.video.prompt);
  if (diff) words(prompt, diff);
  const isRoot = post.id === item.trend.id;
  const close = post.closeness.root;
  const like = el("button.like", { "aria-pressed": String(post.liked), "aria-label": "Like" });
  const paint = () => {
    like.textContent = `${post.liked ? "♥" : "♡"} ${post.likes}`;
    like.setAttribute("aria-pressed", String(post.liked));
  };
  like.addEventListener("click", () => {
    const was = { liked: post.liked, likes: post.likes };
    post.likes += post.liked ? -1 : 1;
    post.liked = !post.liked;
    paint();
    attempt(() => call(post.liked ? "PUT" : "DELETE", `/v1/posts/${post.id}/like`)).then((now) => {
      Object.assign(post, now ?? was);
      paint();
    });
  });
  paint();
  return el(
    "div.card", { "data-post": post.id, "data-video": post.video.id },
    video,
    el("div.side", {}, like, el("button", { onclick: () => remix(post.video), "aria-label": "Remix" }, "⟳ Remix")),
    el("div.text", {},
      el("p.why", {}, isRoot ? item.why : "Remix", post.author.demo ? el("span.demo", {}, "demo") : null),
      !isRoot && close != null
        ? el("p.close", {}, el("meter", { min: "0", max: "1", value: close, "aria-label": "Closeness" }), ` ${Math.round(close * 100)}% close`)
        : null,
      el("p.author", {}, `@${post.author.handle}`, post.caption ? el("span", {}, ` ${post.caption}`) : null),
      prompt),
  );
}

/** Show how a prompt differs from the trend's. @param {Element} node @param {any[]} diff */
function words(node, diff) {
  node.replaceChildren(...diff.flatMap((part) => [el(`span.${part.op}`, {}, part.text), " "]));
}

function arrows(event, view) {
  const lane = [...view.querySelectorAll(".lane")].find((one) => Math.abs(one.getBoundingClientRect().top) < 10);
  const moves = {
    ArrowDown: () => view.scrollBy({ top: view.clientHeight }),
    ArrowUp: () => view.scrollBy({ top: -view.clientHeight }),
    ArrowRight: () => lane?.scrollBy({ left: lane.clientWidth }),
    ArrowLeft: () => lane?.scrollBy({ left: -lane.clientWidth }),
  };
  if (!moves[event.key]) return;
  event.preventDefault();
  moves[event.key]();
}
