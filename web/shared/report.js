// Something should not be there: the sheet that tells the moderators.

import { call } from "./api.js";
import { el } from "./dom.js";
import { busy, openSheet, toast } from "./ui.js";

const REASONS = {
  no_consent: "Somebody in it did not allow it", impersonation: "It pretends to be somebody", minor: "It shows a minor",
  sexual: "Sexual", violence: "Violence", hate: "Hate", harassment: "Harassment", self_harm: "Self-harm",
  deception: "It deceives", spam: "Spam", other: "Something else",
};
const STATES = { open: "a moderator will look", acted: "acted upon", dismissed: "dismissed" };

/**
 * Ask why, and tell the moderators.
 * @param {"video"|"post"|"cameo"|"account"} kind @param {string} id of an account: its handle @param {string} what in words
 */
export function openReport(kind, id, what) {
  const note = el("textarea", { placeholder: "What should a moderator know? (optional)", maxlength: "2000", rows: "1", "aria-label": "Note" });
  const send = el("button.primary", { type: "submit" }, "Send the report");
  const form = el("form.stack", { onsubmit: (event) => {
    event.preventDefault();
    busy(send, async () => {
      const said = note.value.trim();
      await call("POST", "/v1/reports", { kind, id, reason: new FormData(form).get("reason"), ...(said ? { note: said } : {}) });
      close();
      toast("Reported. Me shows what becomes of it.");
    });
  } }, el("fieldset.choice.tight", {}, el("legend.quiet", {}, "What is wrong?"), ...Object.entries(REASONS).map(([reason, words]) =>
    el("label", {}, el("input", { type: "radio", name: "reason", value: reason, required: true }), el("span", {}, words)))), note, send);
  const close = openSheet(`Report ${what}`, form);
}

/** One's own reports and what became of them; nothing where there are none. @returns {Promise<Element[]>} */
export async function ownReports() {
  const { data } = await call("GET", "/v1/reports");
  return data.map((report) => el("div.line", { "data-report": report.id, "data-status": report.status },
    el("span", {}, `A ${report.kind === "account" ? "person" : report.kind}: ${REASONS[report.reason] ?? report.reason}`),
    el("span.quiet", {}, report.outcome ?? STATES[report.status] ?? report.status)));
}
