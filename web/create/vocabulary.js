// The words that the model knows best, as chips that go into the prompt.

import { call } from "../shared/api.js";
import { el } from "../shared/dom.js";
import { suggestions } from "./suggestions.js";

let card = null;

/** The default model: its words and prices. @returns {Promise<any>} */
export async function model() {
  card ??= (await call("GET", "/v1/models")).data[0];
  return card;
}

/** Credits for one video of so many seconds. @param {any} card @param {"preview"|"full"} tier @param {number} seconds */
export function credits({ price, price_seconds: unit }, tier, seconds) {
  return Math.ceil((price[tier] * Math.max(seconds, unit)) / unit);
}

/** Put words where the caret stands, or in the place of others, with the spaces that they need. @param {HTMLTextAreaElement} box @param {string} words @param {{start: number, end: number}} [range] */
function insert(box, words, range = { start: box.selectionStart, end: box.selectionEnd }) {
  const before = box.value.slice(0, range.start);
  const after = box.value.slice(range.end);
  const left = before && !/\s$/.test(before) ? " " : "";
  const right = after && !/^[\s,.]/.test(after) ? " " : "";
  box.setRangeText(left + words + right, range.start, range.end, "end");
  box.dispatchEvent(new CustomEvent("input", { detail: { chosen: true } }));
}

/** Rows of chips, one slot (subjects, places, …) at a time; subjects are pictures where the model has them. @param {HTMLTextAreaElement} box @param {any} card of the model */
export function chips(box, card) {
  const { vocabulary } = card;
  const slots = Object.keys(vocabulary).filter((slot) => Object.keys(vocabulary[slot]).length);
  if (!slots.length) return null;
  const row = el("div.chips", { role: "tabpanel" });
  const tabs = el("div.slots", { role: "tablist", "aria-label": "Words that the model knows" });
  const pictures = card.subjects && slots.includes("subjects")
    ? suggestions(box, card, (words, range) => insert(box, words, range), () => choose("subjects")) : null;
  let chosen = "";
  const choose = (slot) => {
    if (slot === chosen) return;
    chosen = slot;
    for (const tab of tabs.children) tab.setAttribute("aria-selected", String(tab.dataset.slot === slot));
    row.replaceChildren(...(pictures && slot === "subjects" ? [pictures.row] : Object.values(vocabulary[slot]).map(([words]) =>
      el("button.chip", { type: "button", onmousedown: (event) => event.preventDefault(), onclick: () => insert(box, words) }, words))));
    row.scrollLeft = 0;
  };
  for (const slot of slots) {
    tabs.append(el("button", { type: "button", role: "tab", "data-slot": slot, onmousedown: (event) => event.preventDefault(), onclick: () => choose(slot) }, slot));
  }
  choose(slots[0]);
  row.classList.toggle("pictured", Boolean(pictures));
  return el("div.words", {}, tabs, row, pictures?.status);
}
