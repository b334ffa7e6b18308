// What a prompt was understood to say, as chips and in plain words.

import { el } from "../shared/dom.js";
import { isCameo, smallPicture } from "./library.js";

/**
 * @typedef {import("../shared/types.js").Understood} Understood
 * @typedef {import("../shared/types.js").UnderstoodSubject} UnderstoodSubject
 */

const SLOTS = { place: "Place", time: "Time", weather: "Weather", motion: "Motion", camera: "Camera", style: "Style" };

/** A phrase however it was typed. @param {string} phrase */
export function phraseKey(phrase) {
  return phrase.toLowerCase().split(/\s+/).filter(Boolean).join(" ");
}

/** @param {UnderstoodSubject} subject */
function isNear({ score, picked }) {
  return score < 1 && !picked;
}

/** What isn't as it was typed: what stands for something near, and what was missed. @param {Understood} understood @returns {string[]} */
export function inPlainWords({ subjects, missed }) {
  return [
    ...subjects.filter(isNear).map(({ phrase, name }) => `“${phrase}” is shown by the nearest picture there is: ${name}.`),
    ...(missed.length ? [`There is no picture for ${missed.map((phrase) => `“${phrase}”`).join(", ")}.`] : []),
  ];
}

/** All of it in one sentence, for who listens. @param {Understood} understood */
export function inOneSentence(understood) {
  const subjects = understood.subjects.map(({ name }) => name);
  const scene = Object.entries(SLOTS).filter(([slot]) => understood[slot]).map(([slot, name]) => `${name}: ${understood[slot]}`);
  return [`Understood: ${[...subjects, ...scene].join(", ") || "no subject"}.`, ...inPlainWords(understood)].join(" ");
}

/**
 * A subject and its picture; it is a button where it can be changed.
 * @param {string} model @param {UnderstoodSubject} subject
 * @param {{change?: () => void, others?: import("../shared/types.js").Candidate[]}} [how] `others`: all that a seed chooses from
 */
export function subjectChip(model, subject, { change, others = [] } = {}) {
  const { phrase, name, picture, picked } = subject;
  const several = others.length > 1;
  const shown = several ? others.slice(0, 2).map((one) => smallPicture(model, one.picture, one.name)) : [smallPicture(model, picture, name)];
  const called = several ? phrase : name;
  const note = picked ? "your pick" : several ? `${others.length} kinds` : isNear(subject) ? `nearest to “${phrase}”` : "";
  const face = [el("span.faces", {}, ...shown), el("span", {}, el("b", {}, called), note ? el("small", {}, note) : null)];
  if (!change || isCameo(picture)) return el("span.subject", {}, ...face);
  const label = `${[called, note].filter(Boolean).join(", ")}. Choose another picture`;
  return el("button.subject", { type: "button", "aria-label": label, onclick: change }, ...face);
}

/** A phrase that nothing was found for. @param {string} phrase @param {(() => void)} [change] */
export function missedChip(phrase, change) {
  const face = [el("span.faces", {}, el("i", { "aria-hidden": "true" }, "?")), el("span", {}, el("b", {}, phrase), el("small", {}, "no picture"))];
  if (!change) return el("span.subject.missed", {}, ...face);
  return el("button.subject.missed", { type: "button", "aria-label": `No picture for ${phrase}. Choose one`, onclick: change }, ...face);
}

/** Motions whose names in the model's vocabulary say little. */
const SAID = { grow: "closer", shrink: "away", mounted: "ride" };

/** Place, time, motion and so on, that are said. @param {Understood} understood */
export function sceneTags(understood) {
  return Object.entries(SLOTS).filter(([slot]) => understood[slot]).map(([slot, name]) =>
    el("span.tag", { title: name }, el("span.unseen", {}, `${name}: `), SAID[understood[slot]] ?? understood[slot]));
}

/** What was understood of finished videos: the subjects of all of them, the scene of the first. @param {import("../shared/types.js").Video[]} videos */
export function understoodOf(videos) {
  const all = videos.map(({ recipe, tombstone }) => (tombstone ? null : recipe?.understood)).filter(Boolean);
  if (!all.length) return null;
  const subjects = new Map(all.flatMap((each) => each.subjects).map((subject) => [`${phraseKey(subject.phrase)} ${subject.picture}`, subject]));
  return { ...all[0], subjects: [...subjects.values()] };
}

/** What people picked for a video. @param {import("../shared/types.js").Video} video @returns {Map<string, UnderstoodSubject>} by phrase */
export function picksOf({ recipe }) {
  return new Map((recipe?.understood?.subjects ?? []).filter((subject) => subject.picked).map((subject) => [phraseKey(subject.phrase), subject]));
}
