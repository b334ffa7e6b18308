// What was understood of videos that are drawn: under the prompt of one up close, and of a swarm.

import { el } from "../shared/dom.js";
import { attempt } from "../shared/ui.js";
import { openPictures } from "./picture_sheet.js";
import { inPlainWords, missedChip, phraseKey, sceneTags, subjectChip, understoodOf } from "./understood.js";
import { model } from "./vocabulary.js";

/** @typedef {import("../shared/types.js").Video} Video */

/** @param {Video} video @param {(video: Video, picks: Map<string, any>) => void} remix draws it again with another picture */
export function understoodBlock(video, remix) {
  const understood = understoodOf([video]);
  if (!understood) return null;
  const pick = (subject) => () => attempt(async () => {
    const card = await model();
    openPictures(card, { ...subject, picked: false }, [], (chosen) =>
      remix(video, new Map([[phraseKey(subject.phrase), { phrase: subject.phrase, score: 1, picked: true, ...chosen }]])));
  });
  // What was missed has a chip of its own.
  const near = inPlainWords({ ...understood, missed: [] });
  const missed = (phrase) => ({ phrase, name: "", picture: "", score: 0 });
  return el("div.understood.done", { role: "group", "aria-label": "What was understood" },
    el("div.understood-row", {},
      ...understood.subjects.map((subject) => subjectChip(video.model, subject, { change: pick(subject) })),
      ...understood.missed.map((phrase) => missedChip(phrase, pick(missed(phrase))))),
    el("div.scene", {}, ...sceneTags(understood)),
    near.length ? el("p.quiet", {}, near.join(" ")) : null);
}

/** In few lines, since the clips stand below it. @param {Video[]} videos of one swarm */
export function swarmLine(videos) {
  const understood = understoodOf(videos);
  if (!understood) return null;
  const said = inPlainWords(understood);
  return el("div.understood.done.brief", { role: "group", "aria-label": "What was understood" },
    el("div.understood-row", {}, ...understood.subjects.map((subject) => subjectChip(videos[0].model, subject)), ...sceneTags(understood)),
    said.length ? el("p.quiet", {}, said.join(" ")) : null);
}
