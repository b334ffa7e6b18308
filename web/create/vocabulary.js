// The words that the model knows best, as chips that go into the prompt.

import { call } from "../shared/api.js";
import { el } from "../shared/dom.js";

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

/** Put words where the caret stands, with the spaces that they need. @param {HTMLTextAreaElement} box @param {string} words */
function insert(box, words) {
  const before = box.value.slice(0, box.selectionStart);
  const after = box.value.slice(box.selectionEnd);
  const left = before && !/\s$/.test(before) ? " " : "";
  const right = after && !/^[\s,.]/.test(after) ? " " : "";
  box.setRangeText(left + words + right, box.selectionStart, box.selectionEnd, "end");
  box.dispatchEvent(new Event("input"));
}

/** Rows of chips, one slot (subjects, places, …) at a time. @param {HTMLTextAreaElement} box @param {any} vocabulary */
export function chips(box, vocabulary) {
  const slots = Object.keys(vocabulary).filter((slot) => Object.keys(vocabulary[slot]).length);
  if (!slots.length) return null;
  const row = el("div.chips", { role: "tabpanel" });
  const tabs = el("div.slots", { role: "tablist", "aria-label": "Words that the model knows" });
  const choose = (slot) => {
    for (const tab of tabs.children) tab.setAttribute("aria-selected", String(tab.dataset.slot === slot));
    row.replaceChildren(...Object.values(vocabulary[slot]).map(([words]) =>
      el("button.chip", { type: "button", onclick: () => insert(box, words) }, words)));
    row.scrollLeft = 0;
  };
  for (const slot of slots) {
    tabs.append(el("button", { type: "button", role: "tab", "data-slot": slot, onclick: () => choose(slot) }, slot));
  }
  choose(slots[0]);
  return el("div.words", {}, tabs, row);
}
