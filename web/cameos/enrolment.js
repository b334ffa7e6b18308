// A cameo's own face: its private picture, and the proof that it is the person's.

import { call, upload } from "../shared/api.js";
import { el, icon } from "../shared/dom.js";
import { attempt, busy, openSheet, sure, toast } from "../shared/ui.js";

/** @typedef {import("../shared/types.js").Cameo} Cameo */

const TURNS = { left: "← left", right: "right →", up: "↑ up", down: "down ↓" };
const PROOFS = { in_review: "A moderator looks at your proof", verified: "Proven", rejected: "The proof was rejected" };
const CHECKS = {
  fresh: "Recorded after the challenge", long_enough: "Long enough", moving: "It moves", recognisable: "There is something to see",
  not_a_copy: "No copy of an earlier proof", face_match: "The face is yours", speech: "The digits are spoken", head_turns: "The head turns",
};
const TICK_MS = 500;

/** The type that the service knows it by: a phone's .mov is read as the MP4 that it all but is. @param {File} file */
function kindOf(file) {
  return file.type === "video/quicktime" || !file.type ? "video/mp4" : file.type;
}

/** A button that asks for a file. @param {string} tag @param {any[]} face @param {Record<string, string>} takes @param {(file: File) => Promise<any>} work */
function fileButton(tag, face, takes, work) {
  const input = el("input", { type: "file", hidden: true, ...takes, onchange: () => {
    const [file] = input.files;
    input.value = "";
    if (file) busy(button, () => work(file));
  } });
  const button = el(tag, { type: "button", onclick: () => input.click() }, ...face);
  return el("span.file", {}, button, input);
}

/** The picture of a cameo and the way to change it. @param {Cameo} cameo @param {boolean} active */
export function pictureOf(cameo, active) {
  const place = el("div.likeness", {});
  const paint = async (known) => {
    const change = active ? fileButton("button", [icon("create"), known ? "Another picture" : "Add a picture or short clip"],
      { accept: "image/jpeg,image/png,image/webp,video/mp4,video/quicktime", "aria-label": `Picture of ${cameo.display_name}` }, async (file) => {
        await upload("PUT", `/v1/cameos/${cameo.id}/reference`, file, kindOf(file));
        toast("Saved. Only you, and people you allow, can see it.");
        await paint(true);
      }) : null;
    const remove = active && known ? el("button.text", { onclick: () => busy(remove, async () => {
      if (!(await sure("The picture is deleted. What was drawn with it stays, as you allowed it.", "Delete picture"))) return;
      await call("DELETE", `/v1/cameos/${cameo.id}/reference`);
      toast("The picture is deleted.");
      await paint(false);
    }) }, icon("trash"), "Delete picture") : null;
    const shown = known ? await attempt(() => picture(cameo)) : null;
    place.replaceChildren(...[shown, change, remove].filter(Boolean));
  };
  paint(cameo.has_reference);
  return place;
}

/** @param {Cameo} cameo */
async function picture(cameo) {
  const blob = await upload("GET", `/v1/cameos/${cameo.id}/reference`).then((reply) => reply.blob());
  const src = URL.createObjectURL(blob);
  const label = `The picture of ${cameo.display_name}`;
  const still = blob.type.startsWith("image/");
  const node = still ? el("img", { alt: label }) : el("video", { loop: true, playsinline: true, autoplay: true, muted: true, "aria-label": label });
  if (still) node.addEventListener("load", () => URL.revokeObjectURL(src), { once: true });
  else node.muted = true;
  node.src = src;
  return node;
}

/** Where the proof of a cameo stands, and the way to give one. @param {Cameo} cameo */
export function openProof(cameo) {
  const state = el("div.stack", { "aria-live": "polite" });
  const task = el("div.stack", {});
  let timer = 0;
  const paint = async () => {
    const { data: [last] } = await call("GET", `/v1/cameos/${cameo.id}/proofs`);
    state.replaceChildren(...(last ? [proofState(last)] : [el("p", {}, "Show that this likeness is yours: say some digits and turn your head in one clip. A moderator looks at it; it is kept sealed and shown to nobody else.")]));
    task.replaceChildren(...(last && last.status !== "rejected" ? [] : [begin]));
  };
  const begin = el("button.primary", { onclick: () => busy(begin, async () => {
    const challenge = await call("POST", `/v1/cameos/${cameo.id}/challenge`);
    clearInterval(timer);
    task.replaceChildren(...challengeOf(cameo, challenge, paint));
    const left = task.querySelector("[data-left]");
    const tick = () => {
      const seconds = Math.max(0, Math.round(challenge.expires_at - Date.now() / 1000));
      left.textContent = seconds ? `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left` : "It has run out.";
      if (seconds) return;
      clearInterval(timer);
      task.replaceChildren(el("p.error", {}, "This challenge has run out."), begin);
    };
    timer = setInterval(tick, TICK_MS);
    tick();
  }) }, "Get a challenge");
  openSheet(`Prove ${cameo.display_name}`, el("div.stack", {}, state, task), { closed: () => clearInterval(timer) });
  attempt(paint);
}

function challengeOf(cameo, challenge, done) {
  const send = fileButton("button.primary", ["Record or choose the clip"],
    { accept: "video/mp4,video/quicktime", capture: "user", "aria-label": "Proof clip" }, async (file) => {
      await upload("PUT", `/v1/cameos/${cameo.id}/proof`, file, kindOf(file));
      await done();
    });
  return [el("div.panel.challenge", {},
    el("p.quiet", {}, "Say"), el("p.digits", { "aria-label": challenge.digits.split("").join(" ") }, challenge.digits),
    el("p.quiet", {}, "then turn your head"), el("p.turns", {}, ...challenge.turns.map((turn) => el("span.tag", {}, TURNS[turn] ?? turn))),
    el("p.quiet", { "data-left": "" })),
  el("p.quiet", {}, "In one clip of 3 to 60 seconds. It works once."), send];
}

function proofState(proof) {
  const marks = { true: "✓", false: "✗", null: "–" };
  return el("div.stack", { "data-proof": proof.status },
    el("p", {}, el("b", {}, PROOFS[proof.status] ?? proof.status)), proof.note ? el("blockquote", {}, proof.note) : null,
    el("ul.checks", {}, ...proof.checks.map(({ name, passed }) => el("li", {},
      el("span", { "aria-hidden": "true" }, marks[String(passed)]), ` ${CHECKS[name] ?? name.replaceAll("_", " ")}`,
      passed == null ? el("small.quiet", {}, " (no machine checks it)") : null))));
}
