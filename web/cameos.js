// Cameos: lending one's likeness, asking for another's, answering requests as they arrive.

import { call } from "./api.js";
import { attempt, el, openSheet, toast } from "./dom.js";
import { live } from "./socket.js";

const AUDIENCES = {
  only_me: "Only me", people_i_approve: "People I approve", mutuals: "Mutuals", everyone: "Everyone",
};
/** Reasons of the consent check, in words. */
const REASONS = {
  owner: "it is yours", everyone: "open to everyone", mutuals: "you follow each other", granted: "you were allowed",
  cameo_revoked: "it was withdrawn", blocked: "it is not available to you", restricted_word: "its owner refuses a word in your prompt",
  no_remix: "its owner allows no remixes", only_me: "its owner lends it to nobody", not_approved: "ask its owner first",
  pending: "your request is still open", grant_revoked: "its owner took the permission back", grant_expired: "the permission has expired",
  other_prompt: "it was allowed for another prompt", no_posting: "it may not be posted", used_up: "the permission is used up",
};
const pending = new Set();
let stopInbox = null;

/** Hear of requests wherever one is in the page. @param {() => void} changed */
export function watchInbox(changed) {
  stopInbox?.();
  pending.clear();
  attempt(async () => {
    for (const grant of (await call("GET", "/v1/cameo-requests?role=owner")).data) {
      if (grant.status === "pending") pending.add(grant.id);
    }
    badge();
  });
  const started = Date.now();
  stopInbox = live.follow("inbox", {
    onReset: changed,
    onEvent: (event) => {
      // Older events are history that the lists show already.
      if (event.at < started - 5000) return;
      toast(say(event));
      changed();
      attempt(async () => {
        pending.clear();
        for (const grant of (await call("GET", "/v1/cameo-requests?role=owner")).data) {
          if (grant.status === "pending") pending.add(grant.id);
        }
        badge();
      });
    },
  });
}

function say({ name, data }) {
  return {
    "cameo.requested": `@${data.grantee ?? "Someone"} asks to use your cameo`,
    "cameo.accepted": `You may use the cameo ${data.cameo_name ?? ""}`,
    "cameo.refused": `Your request for ${data.cameo_name ?? "a cameo"} was refused`,
    "cameo.revoked": `The permission to use ${data.cameo_name ?? "a cameo"} was taken back`,
    "post.remixed": "Someone remixed your post",
  }[name] ?? name;
}

function badge() {
  const mark = document.getElementById("badge");
  mark.textContent = String(pending.size);
  mark.hidden = pending.size === 0;
}

/** The Cameos view. */
export async function inbox() {
  const view = el("section.inbox", {});
  const [own, asked, wanted] = await Promise.all([
    call("GET", "/v1/cameos"), call("GET", "/v1/cameo-requests?role=owner"), call("GET", "/v1/cameo-requests?role=grantee"),
  ]);
  const open = asked.data.filter((grant) => grant.status === "pending");
  const given = asked.data.filter((grant) => grant.status === "accepted");
  view.append(
    el("h2", {}, "Requests"),
    ...(open.length ? open.map(requestCard) : [el("p.quiet", {}, "Nobody is waiting for your answer.")]),
    ...(given.length ? [el("h2", {}, "You allowed"), ...given.map(grantCard)] : []),
    el("h2", {}, "My cameos"), ...own.data.map(cameoCard), makeForm(),
    el("h2", {}, "Ask for a cameo"), askForm(),
    ...wanted.data.map((grant) => el("p.line", { "data-grant": grant.id }, `${grant.cameo_name}: `, el("b", {}, grant.status))),
  );
  return view;
}

function refreshInbox() {
  dispatchEvent(new Event("hashchange"));
}

function requestCard(grant) {
  const answer = (verb) => attempt(async () => {
    await call("POST", `/v1/cameo-requests/${grant.id}/${verb}`);
    pending.delete(grant.id);
    badge();
    refreshInbox();
  });
  return el(
    "div.panel.request", { "data-grant": grant.id },
    el("p", {}, el("b", {}, `@${grant.grantee}`), ` wants to use ${grant.cameo_name}`,
      grant.scope.prompt ? ` for “${grant.scope.prompt}”` : "", grant.scope.post ? "" : ", previews only"),
    grant.message ? el("q", {}, grant.message) : null,
    el("div.row", {},
      el("button.primary", { onclick: () => answer("accept") }, "Accept"),
      el("button", { onclick: () => answer("refuse") }, "Refuse")),
  );
}

function grantCard(grant) {
  return el("div.panel.row", {}, el("span", {}, `@${grant.grantee} may use ${grant.cameo_name}`),
    el("button", { onclick: () => attempt(async () => {
      await call("POST", `/v1/cameos/${grant.cameo_id}/revoke`, { grant_id: grant.id });
      refreshInbox();
    }) }, "Revoke"));
}

function cameoCard(cameo) {
  const audience = el("select", { "aria-label": "Audience", disabled: cameo.status !== "active" },
    ...Object.entries(AUDIENCES).map(([value, text]) => el("option", { value, selected: value === cameo.audience }, text)));
  audience.addEventListener("change", () => attempt(async () => {
    await call("PATCH", `/v1/cameos/${cameo.id}`, { audience: audience.value });
    toast("Saved");
  }));
  const uses = el("div", {});
  return el("div.panel", {},
    el("p", {}, el("b", {}, cameo.display_name), cameo.status === "active" ? "" : " (revoked)", el("code.id", {}, cameo.id)),
    el("div.row", {}, audience,
      el("button", { onclick: () => attempt(async () => {
        const { data } = await call("GET", `/v1/cameos/${cameo.id}/uses`);
        uses.replaceChildren(...(data.length
          ? data.map((use) => el("p.line", {}, `@${use.by}: ${use.prompt} (${use.post_id ? "posted" : use.status})`))
          : [el("p.quiet", {}, "Not used yet.")]));
      }) }, "Uses"),
      cameo.status === "active" ? el("button", { onclick: () => confirm(`Withdraw ${cameo.display_name} for good?`) && attempt(async () => {
        await call("POST", `/v1/cameos/${cameo.id}/revoke`, {});
        refreshInbox();
      }) }, "Withdraw") : null),
    uses);
}

function makeForm() {
  const name = el("input", { placeholder: "Name of the cameo", maxlength: "60", required: true, "aria-label": "Name of the cameo" });
  const audience = el("select", { "aria-label": "Who may use it" },
    ...Object.entries(AUDIENCES).map(([value, text]) => el("option", { value, selected: value === "people_i_approve" }, text)));
  const form = el("form.row", { "data-role": "make-cameo" }, name, audience, el("button.primary", { type: "submit" }, "Lend"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      await call("POST", "/v1/cameos", { display_name: name.value, audience: audience.value });
      refreshInbox();
    });
  });
  return form;
}

function askForm() {
  const whose = el("input", { placeholder: "cameo id", required: true, autocapitalize: "none", "aria-label": "Cameo id" });
  const message = el("input", { placeholder: "Why (optional)", maxlength: "280", "aria-label": "Message" });
  const form = el("form.row", { "data-role": "ask-cameo" }, whose, message, el("button.primary", { type: "submit" }, "Ask"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      await call("POST", `/v1/cameos/${encodeURIComponent(whose.value.trim())}/requests`, message.value ? { message: message.value } : {});
      toast("Asked");
      refreshInbox();
    });
  });
  return form;
}

/** Choose cameos for a prompt; each is checked before anything is paid. */
export function pickCameos(prompt, chosen, done) {
  attempt(async () => {
    const [own, wanted] = await Promise.all([call("GET", "/v1/cameos"), call("GET", "/v1/cameo-requests?role=grantee")]);
    const known = new Map(own.data.filter((cameo) => cameo.status === "active").map((cameo) => [cameo.id, cameo.display_name]));
    for (const grant of wanted.data) known.set(grant.cameo_id, grant.cameo_name);
    for (const id of chosen) known.set(id, known.get(id) ?? id);
    const picked = new Set(chosen);
    const list = el("div", {});
    const box = el("div.detail", {}, el("h2", {}, "Who is in it"), list);
    const add = async (id, name) => {
      const why = el("small", {}, "…");
      const tick = el("input", { type: "checkbox", checked: picked.has(id) });
      tick.addEventListener("change", () => (tick.checked ? picked.add(id) : picked.delete(id)));
      list.append(el("label.panel.row", {}, tick, name, why));
      const answer = await attempt(() => call("POST", "/v1/consent/check", { cameos: [id], ...(prompt.trim() ? { prompt } : {}) }));
      const decision = answer?.decisions[0];
      why.textContent = decision ? (REASONS[decision.reason] ?? decision.reason) : "unknown";
      if (!decision?.allowed) {
        tick.checked = false;
        tick.disabled = true;
        picked.delete(id);
      }
    };
    for (const [id, name] of known) add(id, name);
    const other = el("input", { placeholder: "another cameo id", "aria-label": "Another cameo id" });
    box.append(
      el("form.row", { onsubmit: (event) => {
        event.preventDefault();
        if (other.value.trim()) add(other.value.trim(), other.value.trim());
        other.value = "";
      } }, other, el("button", { type: "submit" }, "Add")),
      el("button.primary", { onclick: () => close() }, "Done"));
    const close = openSheet(box, () => done([...picked]));
  });
}
