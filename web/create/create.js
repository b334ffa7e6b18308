// Create: words, how many, whose likeness; below, what is being drawn now and the drafts of before.

import { call } from "../shared/api.js";
import { clip, counted, el, icon } from "../shared/dom.js";
import { drafts } from "./drafts.js";
import { formatField } from "./shape.js";
import { cameoField } from "./cameo_field.js";
import { playWhenVisible } from "../shared/player.js";
import { refusalLine } from "../shared/appeal.js";
import { attempt, busy } from "../shared/ui.js";
import { picksOf } from "./understood.js";
import { UnderstoodField } from "./understood_field.js";
import { chips, credits, model } from "./vocabulary.js";

// Refusals that another prompt may answer: they are said beside it.
const OF_THE_PROMPT = ["consent_refused", "invalid_request", "prompt_too_long"];

const MAX_PREVIEWS = 16;
const USUAL = 4;

/** @typedef {import("../shared/types.js").Video} Video */

/** The Create view; `prefill` starts a remix in it, `drawn` shows a swarm made elsewhere. */
export async function create() {
  const card = await model();
  /** @type {Video | null} */
  let source = null;
  let count = USUAL;
  const shelf = await drafts();

  const prompt = el("textarea", { rows: "2", maxlength: "1000", placeholder: "a fox jumps in a forest at night", "aria-label": "Prompt", required: true });
  const grow = () => {
    prompt.style.height = "auto";
    prompt.style.height = `${prompt.scrollHeight + 2}px`;
  };
  prompt.addEventListener("input", grow);
  const refusal = el("div", {});
  prompt.addEventListener("input", () => refusal.replaceChildren());
  const sourceLine = el("div.source", { hidden: true });
  const understood = new UnderstoodField(prompt, card, () => ({
    prompt: prompt.value, cameos: cameos.chosen(), ...(source ? { source: { relation: "remix", video_ids: [source.id] } } : {}),
  }));
  prompt.addEventListener("input", () => understood.changed());
  const cameos = cameoField(() => prompt.value.trim(), () => {
    refusal.replaceChildren();
    understood.changed();
  });
  const number = el("output", { "aria-live": "polite" });
  const draw = el("button.primary", { type: "submit" });
  const format = formatField(card, () => paint());

  const paint = () => {
    number.textContent = String(count);
    // A remix has the shape and the length of its source.
    format.node.hidden = Boolean(source);
    const each = credits(card, "preview", Number(source ? source.seconds : format.seconds()));
    draw.replaceChildren(el("b", {}, source ? "Remix" : "Draw"), el("small", {}, counted(count * each, "credit")));
  };
  const change = (by) => {
    count = Math.min(MAX_PREVIEWS, Math.max(1, count + by));
    paint();
  };
  const stepper = el("div.stepper", { role: "group", "aria-label": "How many" },
    el("button.round", { type: "button", "aria-label": "Fewer", onclick: () => change(-1) }, "−"), number,
    el("button.round", { type: "button", "aria-label": "More", onclick: () => change(1) }, icon("create")));

  /** @param {Video | null} video */
  function setSource(video) {
    source = video;
    sourceLine.hidden = !video;
    sourceLine.replaceChildren();
    if (video) {
      const small = clip(video.prompt);
      playWhenVisible(small, video.id);
      sourceLine.append(small, el("p", {}, el("b", {}, "Remix of"), " ", video.prompt),
        el("button.round", { type: "button", "aria-label": "Start from nothing instead", onclick: () => setSource(null) }, icon("close")));
    }
    paint();
    understood.changed();
  }

  async function submit() {
    refusal.replaceChildren();
    const message = await cameos.refusal();
    if (message) return void refusal.replaceChildren(refusalLine({ message, requestId: "", canAppeal: false }));
    const first = await call("POST", "/v1/videos", {
      prompt: prompt.value.trim(), n: count, cameos: cameos.chosen(), ...(await understood.subjects()),
      ...(source ? { source: { relation: "remix", video_ids: [source.id] } } : { size: format.size(), seconds: format.seconds() }),
    }).catch((error) => {
      if (!error.canAppeal && !OF_THE_PROMPT.includes(error.code)) throw error;
      refusal.replaceChildren(refusalLine(error));
    });
    if (!first) return;
    prompt.blur();
    await shelf.drawn(first);
  }

  const form = el("form.composer", { onsubmit: (event) => {
    event.preventDefault();
    busy(draw, submit);
  } }, sourceLine, prompt, understood.node, refusal, chips(prompt, card), format.node, el("div.row", {}, stepper, cameos.node), draw);
  const node = el("section.view.create", {}, el("h1", {}, "Create"), form, shelf.node);
  setSource(null);
  addEventListener("deleted", ({ detail }) => detail === source?.id && setSource(null));
  return {
    node,
    shown: () => {
      cameos.look().catch(() => {});
      return attempt(shelf.refresh);
    },
    drawn: shelf.drawn,
    /** @param {Video} video to remix @param {Map<string, any>} [picks] pictures for it beside its own */
    prefill(video, picks = new Map()) {
      prompt.value = video.prompt;
      understood.picks = new Map([...picksOf(video), ...picks]);
      setSource(video);
      node.scrollTo({ top: 0 });
      grow();
      prompt.focus({ preventScroll: true });
    },
  };
}
