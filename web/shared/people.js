// Sheets about a person and about a cameo of theirs.

import { call, session } from "./api.js";
import { check, inWords } from "../cameos/consent_check.js";
import { avatar, el, icon } from "./dom.js";
import { openReport } from "./report.js";
import { attempt, busy, openSheet, sure, toast } from "./ui.js";

/** @param {import("./types.js").Account} account */
export function openPerson(account) {
  const { handle } = account;
  const act = (tag, text, done, method, path) => {
    const button = el(tag, { onclick: () => busy(button, async () => {
      if (text === "Block" && !(await sure(`@${handle} will not see your posts, nor use your cameos.`, "Block"))) return;
      await call(method, `${path}/${encodeURIComponent(handle)}`);
      toast(done);
    }) }, text);
    return button;
  };
  openSheet(`@${handle}`, el("div.stack", {},
    el("div.person", {}, avatar(handle), el("div", {}, el("b", {}, account.display_name), el("p.quiet", {}, `@${handle}`),
      account.demo ? el("span.tag", {}, "demo account") : null)),
    handle === session.get()?.account.handle ? el("p.quiet", {}, "This is you.") : el("div.actions", {},
      act("button.primary", "Follow", `You follow @${handle}`, "PUT", "/v1/follows"),
      act("button", "Unfollow", `You don't follow @${handle} any more`, "DELETE", "/v1/follows"),
      act("button", "Block", `@${handle} is blocked`, "PUT", "/v1/blocks"),
      act("button", "Unblock", `@${handle} is not blocked`, "DELETE", "/v1/blocks"),
      el("button", { onclick: () => openReport("account", handle, `@${handle}`) }, icon("flag"), "Report"))));
}

/** A form that asks for a cameo. @param {() => string} id @param {() => void} [asked] @param {Node} [first] */
export function askForm(id, asked, first) {
  const message = el("input", { placeholder: "What for? (optional)", maxlength: "280", "aria-label": "Message" });
  const ask = el("button.primary", { type: "submit" }, "Ask");
  return el("form.row", { onsubmit: (event) => {
    event.preventDefault();
    busy(ask, async () => {
      const text = message.value.trim();
      await call("POST", `/v1/cameos/${encodeURIComponent(id())}/requests`, text ? { message: text } : {});
      toast("Asked. You hear of the answer here.");
      asked?.();
    });
  } }, first, message, ask);
}

/** What a cameo is, whether I may use it, and how to ask. @param {string} id */
export function openCameo(id) {
  attempt(async () => {
    const cameo = await call("GET", `/v1/cameos/${encodeURIComponent(id)}`);
    const { decisions: [decision] } = await check([cameo.id], "");
    const close = openSheet(`Cameo of @${cameo.owner}`, el("div.stack", {},
      el("div.person", {}, avatar(cameo.owner), el("div", {}, el("b", {}, cameo.display_name), el("p.quiet", {}, inWords(decision.reason)))),
      decision.allowed ? null : decision.ask ? askForm(() => cameo.id, () => close()) : null,
      cameo.owner === session.get()?.account.handle ? null
        : el("button.text", { onclick: () => openReport("cameo", cameo.id, "this cameo") }, icon("flag"), "Report this cameo")));
  });
}
