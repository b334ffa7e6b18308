// While somebody types: pictures of what the words at the caret may become, or name already.

import { el } from "../shared/dom.js";
import { Newest } from "../shared/newest.js";
import { search } from "./library.js";

const PAUSE_MS = 180;
const SHOWN = 12;
// What there is to see before anything is typed.
const IDEAS = { q: "a cute animal", limit: 24 };
const MIN_LETTERS = 2;
// A name has so many words ("hot air balloon").
const MAX_WORDS = 3;
// What is less near in meaning is no help while typing.
const LEAST = 0.7;
// No name goes over these.
const BETWEEN = new Set(("a an the and or but with without in on at by of for under over near behind beside into onto through to from is are "
  + "as while his her its their my this that some two three four").split(" "));

/** @typedef {import("../shared/types.js").PictureCard} PictureCard @typedef {{start: number, end: number}} Range */

/**
 * The word that ends at the caret, and with those before it what may be one name.
 * @param {string} text @param {number} caret @returns {{word: Range, phrase: Range} | null}
 */
export function typedAt(text, caret) {
  if (/^[\p{L}\p{N}]/u.test(text.slice(caret))) return null;
  const words = [...text.slice(0, caret).matchAll(/[\p{L}\p{N}'’-]+/gu)];
  const word = words.at(-1);
  if (!word || word.index + word[0].length !== caret || word[0].length < MIN_LETTERS || BETWEEN.has(word[0].toLowerCase())) return null;
  let start = word.index;
  for (const before of words.slice(-MAX_WORDS, -1).reverse()) {
    const joins = text.slice(before.index + before[0].length, start);
    if (joins !== " " || BETWEEN.has(before[0].toLowerCase())) break;
    start = before.index;
  }
  return { word: { start: word.index, end: caret }, phrase: { start, end: caret } };
}

/**
 * A row of pictures for a prompt box.
 * @param {HTMLTextAreaElement} box @param {any} card of the model @param {(words: string, range?: Range) => void} insert puts words there, else at the caret
 * @param {() => void} found called when there are pictures for what is typed
 */
export function suggestions(box, card, insert, found) {
  const asking = new Newest(PAUSE_MS);
  const status = el("p.unseen", { role: "status" });
  const row = el("div.found", {});
  /** @type {Map<string, {button: HTMLButtonElement, part: "word" | "phrase" | null}>} by id: a picture that stays is not drawn anew */
  let shown = new Map();
  /** What the last tap put into the box, for a second one that takes its place. @type {(Range & {text: string}) | null} */
  let last = null;

  /** @param {PictureCard} one */
  function button(one) {
    // The box keeps the focus, so that the keyboard stays where it is.
    return el("button.picture", { type: "button", "aria-label": one.name, onmousedown: (event) => event.preventDefault(), onclick: () => put(one) },
      el("img.small-picture", { src: one.picture, alt: "", width: "44", height: "44" }), el("span", {}, one.name));
  }

  /** @param {[PictureCard, "word" | "phrase" | null][]} wanted */
  function show(wanted) {
    const before = shown;
    shown = new Map(wanted.map(([one, part]) => [one.id, { button: before.get(one.id)?.button ?? button(one), part }]));
    if ([...before.keys()].join() === [...shown.keys()].join()) return;
    row.replaceChildren(...[...shown.values()].map((each) => each.button));
    row.parentElement?.scrollTo({ left: 0 });
  }

  /** Its name takes the place of what was typed of it. @param {PictureCard} one */
  function put(one) {
    const { part } = shown.get(one.id);
    const again = last?.text === box.value ? last : null;
    const range = part && (again ?? typedAt(box.value, box.selectionEnd)?.[part]);
    insert(one.name, range ?? undefined);
    last = range ? { start: range.start, end: range.start + one.name.length, text: box.value } : null;
  }

  /** @param {any} event */
  function look({ detail }) {
    if (detail?.chosen) return;
    const at = box.selectionStart === box.selectionEnd ? typedAt(box.value, box.selectionStart) : null;
    if (!at) {
      asking.stop();
      if (!box.value.trim()) browse();
      return;
    }
    const typed = box.value.slice(at.phrase.start, at.phrase.end);
    const parts = at.phrase.start < at.word.start ? ["phrase", "word"] : ["word"];
    asking.ask(async (signal) => {
      const pages = await Promise.all(parts.map((part) => search(card.id, { q: box.value.slice(at[part].start, at[part].end), limit: SHOWN }, signal)));
      return ordered(pages.flatMap((page, number) => near(page.data).map((one) => [one, parts[number]])));
    }, (wanted) => {
      if (!wanted.length) return browse();
      show(wanted);
      status.textContent = `Pictures for ${typed}: ${wanted.slice(0, 3).map(([one]) => one.name).join(", ")}`;
      found();
    });
  }

  /** What there is, where nothing is named yet. */
  function browse() {
    asking.ask((signal) => search(card.id, IDEAS, signal), (page) => {
      show(page.data.map((one) => [one, null]));
      status.textContent = "";
    }, 0);
  }

  box.addEventListener("input", look);
  browse();
  return { row, status };
}

/** Who is called as all of it, then as its last word, then what all of it means. @param {[PictureCard, "word" | "phrase"][]} found */
function ordered(found) {
  const place = ([{ score }, part]) => (part === "word" ? 1 : score === 1 ? 0 : 2);
  const seen = new Set();
  return [...found].sort((one, other) => place(one) - place(other))
    .filter(([{ id }]) => !seen.has(id) && seen.add(id)).slice(0, SHOWN);
}

/** @param {PictureCard[]} cards */
function near(cards) {
  return cards.filter(({ score }) => score === null || score >= LEAST);
}
