// Create: words, how many, and the previews filling in; below them the drafts of before.

import { call } from "./api.js";
import { attempt, el, openSheet, toast } from "./dom.js";
import { pickCameos } from "./cameos.js";
import { detail } from "./detail.js";
import { Tile } from "./tile.js";

const MAX_PREVIEWS = 16;
let words = null;

/** The Create view. @param {any} source the video to remix, or null */
export async function create(source) {
  const view = el("section.create", {});
  const prompt = el("textarea", {
    rows: "3", maxlength: "1000", placeholder: "a fox jumps in a forest at night", "aria-label": "Prompt", name: "prompt",
  });
  if (source) prompt.value = source.prompt;
  let count = 4;
  let cameos = [];
  const price = el("small", {});
  const number = el("output", { "aria-live": "polite" });
  const change = (by) => {
    count = Math.min(MAX_PREVIEWS, Math.max(1, count + by));
    number.textContent = String(count);
    price.textContent = `${count} credit${count > 1 ? "s" : ""}`;
  };
  const grid = el("div.grid", { "data-role": "swarm" });
  const drafts = el("div", {});
  const draw = el("button.primary", { type: "submit" }, source ? "Remix" : "Draw");
  const cameoLine = el("button.quiet", { type: "button" }, "Add a cameo");
  cameoLine.addEventListener("click", () =>
    pickCameos(prompt.value, cameos, (chosen) => {
      cameos = chosen;
      cameoLine.textContent = cameos.length ? `${cameos.length} cameo${cameos.length > 1 ? "s" : ""}` : "Add a cameo";
    }));
  const cancelAll = el("button.quiet", { type: "button", hidden: true }, "Cancel all");
  let tiles = [];
  cancelAll.addEventListener("click", () => {
    for (const tile of tiles) if (!tile.stopButton.hidden) tile.cancel(new Event("cancel"));
    cancelAll.hidden = true;
  });
  const form = el(
    "form", {},
    source ? el("p.source", {}, "Remixing: ", el("q", {}, source.prompt)) : null,
    prompt,
    await chips((text) => {
      prompt.value = `${prompt.value.trim()} ${text}`.trim();
    }),
    el("div.row", {},
      el("button.step", { type: "button", "aria-label": "Fewer", onclick: () => change(-1) }, "−"), number,
      el("button.step", { type: "button", "aria-label": "More", onclick: () => change(1) }, "+"), price, cameoLine),
    draw,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      draw.disabled = true;
      try {
        const first = await call("POST", "/v1/videos", {
          prompt: prompt.value, n: count, cameos,
          ...(source ? { source: { relation: "remix", video_ids: [source.id] } } : {}),
        });
        tiles = await show(grid, first);
        cancelAll.hidden = false;
        const watch = new MutationObserver(() => {
          if (tiles.some((tile) => !tile.stopButton.hidden)) return;
          cancelAll.hidden = true;
          watch.disconnect();
        });
        watch.observe(grid, { subtree: true, attributes: true, attributeFilter: ["data-status"] });
        grid.scrollIntoView({ behavior: "smooth", block: "start" });
      } finally {
        draw.disabled = false;
      }
    });
  });
  change(0);
  view.append(form, grid, cancelAll, drafts);
  attempt(() => earlier(drafts));
  return view;
}

/** Fill a grid with the tiles of a swarm. @param {Element} grid @param {any} first */
async function show(grid, first) {
  const videos = await Promise.all(
    first.swarm.video_ids.map((id) => (id === first.id ? first : call("GET", `/v1/videos/${id}`))));
  const made = videos.map((video) => new Tile(video, open));
  grid.replaceChildren(...made.map((tile) => tile.node));
  return made;
}

function open(video) {
  if (video.status === "completed") openSheet(detail(video));
  else if (video.error) toast(video.error.message);
}

/** The words the model knows; a tap puts one into the prompt. */
async function chips(add) {
  words ??= (await attempt(() => call("GET", "/v1/models")))?.data[0].vocabulary ?? null;
  if (!words) return null;
  const slots = Object.keys(words);
  const row = el("div.chips", {});
  const fill = (slot) => row.replaceChildren(
    ...Object.values(words[slot]).map(([plain]) => el("button.chip", { type: "button", onclick: () => add(plain) }, plain)));
  const tabs = el("div.slots", { role: "tablist" });
  for (const slot of slots) {
    tabs.append(el("button", { type: "button", role: "tab", "aria-selected": slot === slots[0], onclick: (event) => {
      for (const tab of tabs.children) tab.setAttribute("aria-selected", String(tab === event.target));
      fill(slot);
    } }, slot));
  }
  fill(slots[0]);
  return el("div.words", {}, tabs, row);
}

/** Earlier swarms, to be opened again. */
async function earlier(box) {
  const { data } = await call("GET", "/v1/videos?limit=48");
  const swarms = new Map();
  for (const video of data) {
    if (video.status === "cancelled" || video.status === "failed") continue;
    swarms.set(video.swarm.id, [...(swarms.get(video.swarm.id) ?? []), video]);
  }
  if (swarms.size === 0) return;
  box.append(el("h2", {}, "Your drafts"));
  for (const videos of [...swarms.values()].slice(0, 8)) {
    box.append(
      el("p.prompt", {}, videos[0].prompt),
      el("div.shelf", {}, ...videos.reverse().map((video) => new Tile(video, open).node)));
  }
}
