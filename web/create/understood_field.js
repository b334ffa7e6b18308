// Under the prompt: what it is understood to say, read at each pause; a tap on a subject picks another picture.

import { call } from "../shared/api.js";
import { el } from "../shared/dom.js";
import { Newest } from "../shared/newest.js";
import { openPictures } from "./picture_sheet.js";
import { inOneSentence, missedChip, phraseKey, sceneTags, subjectChip } from "./understood.js";

const PAUSE_MS = 350;
const HINT = "What you name is found here as a picture.";
const WORDS_ALONE = "This one is drawn by its words alone.";

/**
 * @typedef {import("../shared/types.js").PromptUnderstood} PromptUnderstood
 * @typedef {import("../shared/types.js").UnderstoodSubject} UnderstoodSubject
 */

export class UnderstoodField {
  /** @type {Map<string, UnderstoodSubject>} picks by their phrase; of those that are gone the phrase may come back */
  picks = new Map();
  #asking = new Newest(PAUSE_MS);
  /** What was read last. @type {{asked: string, said: PromptUnderstood} | null} */
  #read = null;
  /** Chips as they are shown, by all that they say: what stays the same stays in its place. @type {Map<string, Element>} */
  #chips = new Map();

  /** @param {HTMLTextAreaElement} box @param {any} card of the model @param {() => {prompt: string, cameos: string[], source?: object}} fields what will be drawn */
  constructor(box, card, fields) {
    this.box = box;
    this.card = card;
    this.fields = fields;
    this.row = el("div.understood-row", {});
    this.said = el("p.unseen", { role: "status" });
    this.scene = el("div.scene", {});
    this.node = el("div.understood", { role: "group", "aria-label": "What is understood", hidden: !card.subjects }, this.row, this.scene, this.said);
    // A word that is being typed is missing only once it's left.
    this.box.addEventListener("blur", () => this.#read && this.#paint());
    this.#hint(HINT);
  }

  /** The words, or what goes with them, have changed. */
  changed() {
    if (!this.card.subjects) return;
    const body = this.#body();
    if (!body.prompt) {
      this.#asking.stop();
      this.#read = null;
      this.said.textContent = "";
      return this.#hint(HINT);
    }
    const asked = JSON.stringify(body);
    if (asked === this.#read?.asked) return this.#asking.stop();
    this.#asking.ask((signal) => call("POST", "/v1/prompts/understand", body, undefined, signal), (said) => this.#take(asked, said));
  }

  /** The picks of these words, as a request names them; nothing where the model has no pictures. */
  async subjects() {
    if (!this.card.subjects) return {};
    const body = this.#body();
    const asked = JSON.stringify(body);
    if (this.picks.size && this.#read?.asked !== asked) {
      this.#asking.stop();
      const said = await call("POST", "/v1/prompts/understand", body).catch(() => null);
      // Nobody reads it now; drawing it says what is wrong.
      if (said) this.#take(asked, said);
    }
    const subjects = this.#phrases().filter((phrase) => this.picks.has(phraseKey(phrase)))
      .map((phrase) => ({ phrase, picture: this.picks.get(phraseKey(phrase)).picture }));
    // The same phrase twice is one pick.
    return { subjects: [...new Map(subjects.map((pick) => [phraseKey(pick.phrase), pick])).values()].slice(0, 3) };
  }

  // Picks are laid over what is read, so that a word that is gone breaks no reading.
  #body() {
    const { prompt, ...rest } = this.fields();
    return { prompt: prompt.trim(), ...rest, subjects: [] };
  }

  #phrases() {
    const understood = this.#read?.said.understood;
    return understood ? [...understood.subjects.map(({ phrase }) => phrase), ...understood.missed] : [];
  }

  #take(asked, said) {
    this.#read = { asked, said };
    this.#paint();
    this.row.scrollLeft = 0;
  }

  #pick(phrase, chosen) {
    if (chosen) this.picks.set(phraseKey(phrase), { phrase, name: chosen.name, picture: chosen.picture, score: 1, picked: true });
    else this.picks.delete(phraseKey(phrase));
    this.#paint();
  }

  #paint() {
    const { understood, choices, rules } = this.#read.said;
    if (rules.length) return this.#hint(`This can't be drawn: ${rules[0].summary}.`, true);
    if (!understood) return this.#hint(WORDS_ALONE, true);
    const typed = document.activeElement === this.box ? phraseKey(this.box.value.slice(0, this.box.selectionEnd)) : "";
    const isTyped = (phrase) => typed.endsWith(phraseKey(phrase)) && this.box.value.length === this.box.value.trimEnd().length;
    const picked = understood.missed.filter((phrase) => this.picks.has(phraseKey(phrase)));
    const shown = {
      ...understood,
      subjects: [...understood.subjects.map((subject) => this.picks.get(phraseKey(subject.phrase)) ?? subject), ...picked.map((phrase) => this.picks.get(phraseKey(phrase)))],
      missed: understood.missed.filter((phrase) => !picked.includes(phrase) && !isTyped(phrase)),
    };
    const { id: model } = this.card;
    const chips = shown.subjects.map((subject) => {
      const others = subject.picked ? [] : choices.find(({ phrase }) => phrase === subject.phrase)?.candidates ?? [];
      const change = () => openPictures(this.card, subject, others, (chosen) => this.#pick(subject.phrase, chosen));
      return [JSON.stringify([subject, others]), () => subjectChip(model, subject, { change, others })];
    });
    const missed = shown.missed.map((phrase) => [`missed ${phrase}`, () =>
      missedChip(phrase, () => openPictures(this.card, { phrase, name: "", picture: "", score: 0, picked: false }, [], (chosen) => this.#pick(phrase, chosen)))]);
    // What a person may want to mend comes first.
    this.#show([...missed, ...chips]);
    if (!this.#chips.size) this.#hint(HINT);
    this.scene.replaceChildren(...sceneTags(shown));
    this.said.textContent = inOneSentence(shown);
  }

  /** @param {[string, () => Element][]} wanted */
  #show(wanted) {
    const before = this.#chips;
    this.#chips = new Map();
    for (const [key, make] of wanted) {
      // The same twice ("three cats") has a number.
      let unique = key;
      for (let n = 2; this.#chips.has(unique); n++) unique = `${key} ${n}`;
      this.#chips.set(unique, before.get(unique) ?? make());
    }
    this.row.replaceChildren(...this.#chips.values());
  }

  #hint(text, aloud = false) {
    this.#chips = new Map();
    this.scene.replaceChildren();
    this.row.replaceChildren(el("p.quiet", {}, text));
    if (aloud) this.said.textContent = text;
  }
}
