// The Cameos view: answer requests, lend a likeness, see its uses, ask for another's.

import { call } from "../shared/api.js";
import { AUDIENCES, cameoId, cameoLink } from "./consent_check.js";
import { avatar, clip, el, icon } from "../shared/dom.js";
import { inbox } from "../shared/inbox.js";
import { openProof, pictureOf } from "./enrolment.js";
import { askForm } from "../shared/people.js";
import { playWhenVisible } from "../shared/player.js";
import { attempt, busy, openSheet, sure, toast } from "../shared/ui.js";

/**
 * @typedef {import("../shared/types.js").Cameo} Cameo
 * @typedef {import("../shared/types.js").Grant} Grant
 */

const STATUS = { pending: "waits for an answer", accepted: "you may use it", refused: "refused", revoked: "taken back", expired: "has run out" };

export class Cameos {
  constructor() {
    this.requests = el("div.stack", { "aria-live": "polite" });
    this.given = el("div.stack", {});
    this.own = el("div.stack", {});
    this.wanted = el("div.stack", {});
    const whose = el("input", { placeholder: "Cameo id or link", required: true, autocapitalize: "none", spellcheck: "false", "aria-label": "Cameo id" });
    this.node = el("section.view.cameos", {},
      el("h1", {}, "Cameos"),
      el("h2", {}, "Waiting for you"), this.requests,
      this.given,
      el("h2", {}, "Yours"), this.own, this.#lend(),
      el("h2", {}, "Ask for someone's"), askForm(() => cameoId(whose.value), () => {
        whose.value = "";
        attempt(() => inbox.read());
      }, whose), this.wanted);
    inbox.addEventListener("change", () => this.#paint());
  }

  /** Called whenever the view comes to the front. */
  async shown() {
    await attempt(() => Promise.all([inbox.read(), this.#readOwn()]));
  }

  async #readOwn() {
    const { data } = await call("GET", "/v1/cameos");
    this.own.replaceChildren(...data.map((cameo) => this.#cameo(cameo)));
  }

  #paint() {
    const { asked, wanted } = inbox.grants;
    const allowed = asked.filter((grant) => grant.status === "accepted");
    this.requests.replaceChildren(...(inbox.open.length ? inbox.open.map((grant) => this.#request(grant)) : [el("p.quiet", {}, "Nobody waits for your answer.")]));
    this.given.replaceChildren(...(allowed.length ? [el("h2", {}, "You allowed"), ...allowed.map((grant) => this.#given(grant))] : []));
    this.wanted.replaceChildren(...wanted.map((grant) => el("div.line", { "data-grant": grant.id, "data-status": grant.status },
      el("b", {}, grant.cameo_name), el("span.quiet", {}, STATUS[grant.status] ?? grant.status))));
  }

  /** @param {Grant} grant */
  #request(grant) {
    const { scope } = grant;
    const answer = (tag, text, verb) => {
      const button = el(tag, { onclick: () => busy(button, async () => {
        await call("POST", `/v1/cameo-requests/${grant.id}/${verb}`);
        await inbox.read();
      }) }, text);
      return button;
    };
    const limits = [
      scope.prompt ? `only for “${scope.prompt}”` : "for any prompt", scope.post ? "may post" : "previews only",
      scope.uses ? `${scope.uses} times` : null, scope.until ? `until ${new Date(1000 * scope.until).toLocaleString()}` : null,
    ];
    return el("article.panel.request", { "data-grant": grant.id },
      el("div.person", {}, avatar(grant.grantee), el("div", {},
        el("p", {}, el("b", {}, `@${grant.grantee}`), " asks to use ", el("b", {}, grant.cameo_name)),
        el("p.quiet", {}, limits.filter(Boolean).join(" · ")))),
      grant.message ? el("blockquote", {}, grant.message) : null,
      el("div.actions", {}, answer("button.primary", "Accept", "accept"), answer("button", "Refuse", "refuse")));
  }

  /** @param {Grant} grant */
  #given(grant) {
    const back = el("button", { onclick: () => busy(back, async () => {
      const target = { grantee: grant.grantee };
      const mode = await modeField(grant.cameo_id, target);
      if (!(await sure(`@${grant.grantee} may not use ${grant.cameo_name} any more, and what is being drawn with it stops.`, "Take back", mode.node))) return;
      await revoke(grant.cameo_id, target, mode.value);
      await inbox.read();
    }) }, "Take back");
    return el("div.panel.person", { "data-grant": grant.id }, avatar(grant.grantee),
      el("p", {}, el("b", {}, `@${grant.grantee}`), " may use ", el("b", {}, grant.cameo_name)), back);
  }

  /** @param {Cameo} cameo */
  #cameo(cameo) {
    const active = cameo.status === "active";
    const audience = audienceField("Who may use it", cameo.audience);
    audience.disabled = !active;
    audience.addEventListener("change", () => attempt(async () => {
      await call("PATCH", `/v1/cameos/${cameo.id}`, { audience: audience.value });
      toast("Saved. It counts from now on.");
    }));
    const uses = el("button", { onclick: () => busy(uses, () => openUses(cameo)) }, "Uses");
    const share = el("button", { onclick: () => copy(cameoLink(cameo.id)) }, icon("link"), "Link");
    const proof = el("button", { onclick: () => openProof(cameo) }, icon("check"), "Proof");
    const end = el("button", { onclick: () => busy(end, async () => {
      const mode = await modeField(cameo.id, {});
      if (!(await sure(`${cameo.display_name} can't be used by anybody any more. This can't be undone.`, "Withdraw", mode.node))) return;
      await revoke(cameo.id, {}, mode.value);
      await this.#readOwn();
    }) }, active ? "Withdraw" : "Delete what there is");
    return el("article.panel", { "data-cameo": cameo.id },
      el("div.person", {}, avatar(cameo.owner), el("div", {}, el("b", {}, cameo.display_name),
        el("p.quiet", {}, active ? `@${cameo.handle}` : "withdrawn"), el("code.id", {}, cameo.id))),
      pictureOf(cameo, active),
      active ? audience : null,
      el("div.actions", {}, uses, active ? proof : null, active ? share : null, end));
  }

  #lend() {
    const name = el("input", { placeholder: "A name for it", maxlength: "60", required: true, "aria-label": "Name of the cameo" });
    const audience = audienceField("Who may use the new cameo", "people_i_approve");
    const lend = el("button.primary", { type: "submit" }, "Make a cameo");
    return el("form.stack", { onsubmit: (event) => {
      event.preventDefault();
      busy(lend, async () => {
        const made = await call("POST", "/v1/cameos", { display_name: name.value.trim(), audience: audience.value });
        name.value = "";
        await this.#readOwn();
        toast("Made. You can prove that it is you.", { label: "Prove it", run: () => openProof(made) });
      });
    } }, name, audience, lend);
  }
}

function audienceField(label, chosen) {
  return el("select", { "aria-label": label }, ...Object.entries(AUDIENCES).map(([value, text]) =>
    el("option", { value, selected: value === chosen }, text)));
}

const MODES = {
  block_new: ["Nothing new", "What there is stays as it is."],
  hide_posts: ["Hide posts", "Nobody sees what is posted with it. Makers keep their drafts."],
  tombstone: ["Delete all", "Every video with it, hidden ones too, and all that was made from those, is deleted for good."],
};

const counted = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;

/** Whose videos are meant. @param {{grantee?: string}} target */
const whose = ({ grantee }) => (grantee ? `by @${grantee} and of those` : "by anybody");

/**
 * What becomes of what was made before consent ended: three choices with what each reaches, and the one that is taken.
 * @param {string} cameo its id @param {{grantee?: string}} target one person, or with nobody named everybody
 */
async function modeField(cameo, target) {
  const query = new URLSearchParams(target);
  const { videos, posts } = await call("GET", `/v1/cameos/${cameo}/reach?mode=tombstone&${query}`);
  const { hidden } = await call("GET", `/v1/cameos/${cameo}/reach?mode=hide_posts&${query}`);
  const reach = {
    block_new: `${counted(videos, "video")} ${whose(target)}, ${posts} posted: all stay.`,
    hide_posts: `${counted(hidden, "post")} ${whose(target)}.`,
    tombstone: `${counted(videos, "video")} ${whose(target)}, ${posts} posted.`,
  };
  const node = el("fieldset.choice", {}, el("legend.quiet", {}, "What becomes of what was made?"), ...Object.entries(MODES).map(([value, [name, what]]) =>
    el("label", {}, el("input", { type: "radio", name: "mode", value, checked: value === "hide_posts" }), el("span", {}, el("b", {}, name), el("small.quiet", {}, what), el("small", { "data-reach": value }, reach[value])))));
  return { node, get value() {
    return node.querySelector(":checked").value;
  } };
}

/** Take consent back, and say what that reached. @param {string} cameo its id @param {{grantee?: string}} target @param {string} mode */
async function revoke(cameo, target, mode) {
  const { reached } = await call("POST", `/v1/cameos/${cameo}/revoke`, { ...target, mode });
  const done = { block_new: "Taken back.", hide_posts: `${counted(reached.hidden, "post")} hidden.`, tombstone: `${counted(reached.deleted, "video")} deleted.` };
  toast(done[mode]);
}

async function openUses(cameo) {
  const { data } = await call("GET", `/v1/cameos/${cameo.id}/uses`);
  const list = el("div.stack", {}, ...(data.length
    ? data.map((use) => useLine(cameo, use))
    : [el("p.quiet", {}, "Nobody has used it yet.")]));
  const ending = new AbortController();
  openSheet(`Uses of ${cameo.display_name}`, list, { closed: () => ending.abort() });
  addEventListener("deleted", ({ detail }) => list.querySelector(`[data-use="${CSS.escape(detail)}"]`)?.remove(), { signal: ending.signal });
}

/** What others see of a use, in words. */
function stateOf(use) {
  if (use.post_id) return use.visible ? "posted" : "posted, and hidden";
  return use.status === "completed" ? "a draft" : use.status.replace("_", " ");
}

function useLine(cameo, use) {
  const gone = el("button.text", { onclick: () => busy(gone, async () => {
    if (!(await sure(`@${use.by}'s video and all that was made from it will be deleted.`, "Delete"))) return;
    await call("DELETE", `/v1/cameos/${cameo.id}/uses/${use.video_id}`);
    line.remove();
  }) }, "Delete");
  const watch = clip(use.prompt);
  const line = el("div.use", { "data-use": use.video_id }, use.status === "completed" ? watch : el("span.still", {}),
    el("div", {}, el("b", {}, `@${use.by}`), el("p", {}, use.prompt || "Deleted"), el("p.quiet", {}, stateOf(use))), gone);
  if (use.status === "completed") playWhenVisible(watch, use.video_id);
  return line;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Link copied. Who opens it can ask you.");
  } catch {
    // The clipboard is closed to pages that came by plain http.
    openSheet("Link to your cameo", el("p.id", {}, text));
  }
}
