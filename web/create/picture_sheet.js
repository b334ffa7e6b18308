// Another picture for what a phrase names: its own tones of skin, its like, or anything that is searched for.

import { counted, el } from "../shared/dom.js";
import { Newest } from "../shared/newest.js";
import { attempt, busy, openSheet } from "../shared/ui.js";
import { search, smallPicture, subjectOf } from "./library.js";

const PAUSE_MS = 250;
const PAGE = 40;
// As the library names the tones of skin, in its order.
const TONES = ["light skin", "medium skin", "dark skin"];

/** @typedef {import("../shared/types.js").UnderstoodSubject} UnderstoodSubject @typedef {import("../shared/types.js").Candidate} Candidate */

/**
 * @param {any} card of the model @param {UnderstoodSubject} subject what is shown now; without a picture where none was found
 * @param {Candidate[]} others those that a seed chooses from
 * @param {(chosen: Candidate | null) => void} chosen null: the words choose
 */
export function openPictures(card, subject, others, chosen) {
  const { id: model } = card;
  const asking = new Newest(PAUSE_MS);
  const take = (picture) => {
    chosen(picture);
    close();
  };
  const face = (picture, name, { small = "", text = name } = {}) => el("button.picture", {
    type: "button", "aria-label": name, "aria-pressed": String(picture === subject.picture && others.length < 2), onclick: () => take({ picture, name }),
  }, small ? el("img.small-picture", { src: small, alt: "", width: "44", height: "44" }) : smallPicture(model, picture, name), el("span", {}, text));

  const own = el("div.pictures", { role: "group", "aria-label": "Pictures of these words" });
  const grid = el("div.pictures", { role: "group", "aria-label": "Pictures of the library" });
  const nothing = el("p.empty", { hidden: true, role: "status" });
  const more = el("button.text.more", { type: "button", hidden: true, onclick: () => busy(more, () => further()) }, "More");
  const box = el("input", { type: "search", placeholder: `Search ${counted(card.subjects, "picture")}`, "aria-label": "Search pictures", enterkeyhint: "search", maxlength: "200" });
  let asked = "";
  let after = null;

  const add = (page) => {
    grid.append(...page.data.map((one) => face(one.id, one.name, { small: one.picture })));
    after = page.last_id;
    more.hidden = !page.has_more;
  };
  const start = (q, page) => {
    asked = q;
    grid.replaceChildren();
    add(page);
    nothing.hidden = page.data.length > 0;
    nothing.textContent = page.data.length ? "" : `There is no picture for “${q}”.`;
  };
  const further = async () => {
    const q = asked;
    const page = await search(model, { q, after, limit: PAGE });
    if (asked === q) add(page);
  };
  const like = subject.name || subject.phrase;
  const look = (pause) => {
    const q = box.value.trim() || like;
    asking.ask((signal) => search(model, { q, limit: PAGE }, signal), async (page) => {
      // What nothing is like begins with all there is.
      if (!page.data.length && !box.value.trim()) start("", await search(model, { limit: PAGE }));
      else start(q, page);
    }, pause);
  };
  box.addEventListener("input", () => look());
  // Enter searches; the sheet is no form.
  box.addEventListener("keydown", (event) => event.key === "Enter" && box.blur());

  own.append(...others.map((one) => face(one.picture, one.name)));
  if (subject.picture) {
    attempt(async () => {
      const { id, name, tones } = await subjectOf(model, subject.picture);
      const shown = new Set(others.map((one) => one.picture));
      const toned = tones.map((tone, at) => face(tone, `${name} with ${TONES[at] ?? "other skin"}`, { text: TONES[at] ?? "other skin" }));
      if (tones.length) own.append(...(shown.has(id) ? [] : [face(id, name)]), ...toned);
      own.hidden = !own.children.length;
    });
  }
  own.hidden = !own.children.length;
  const back = subject.picked ? el("button", { type: "button", onclick: () => take(null) }, "Let the words choose") : null;
  const close = openSheet(`Picture for “${subject.phrase}”`, el("div.stack.picture-sheet", {}, back, own, box, grid, nothing, more), { closed: () => asking.stop() });
  look(0);
}
