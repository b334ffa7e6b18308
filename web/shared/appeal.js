// A refusal may be wrong: who was refused says why, and a moderator looks at it.

import { call } from "./api.js";
import { el } from "./dom.js";
import { busy, openSheet, toast } from "./ui.js";

/** Open the form of an appeal. @param {{message: string, requestId: string}} refusal */
function openAppeal(refusal) {
  const reason = el("textarea", { rows: "4", maxlength: "2000", required: true, "aria-label": "Why it is wrong", placeholder: "Say what you meant" });
  const send = el("button.primary", { type: "submit" }, "Send the appeal");
  const form = el("form.stack", { onsubmit: (event) => {
    event.preventDefault();
    busy(send, async () => {
      await call("POST", "/v1/appeals", { request_id: refusal.requestId, reason: reason.value.trim() });
      close();
      toast("Sent. A moderator looks at it.");
    });
  } }, el("p.quiet", {}, refusal.message), reason, send);
  const close = openSheet("Appeal", form);
}

/**
 * What was refused, beside where it was asked for, with the way to appeal where there is one.
 * @param {{message: string, requestId: string, canAppeal: boolean}} refusal
 */
export function refusalLine(refusal) {
  return el("div.refusal", { role: "alert" }, el("p", {}, refusal.message),
    refusal.canAppeal ? el("button.text", { type: "button", onclick: () => openAppeal(refusal) }, "Appeal") : null);
}

addEventListener("appeal", ({ detail }) => openAppeal(detail));
