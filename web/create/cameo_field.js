// Whose likeness goes into a video: chosen in Create, and checked before anything is paid.

import { call } from "../shared/api.js";
import { cameoId, check, inWords } from "../cameos/consent_check.js";
import { el, icon } from "../shared/dom.js";
import { inbox } from "../shared/inbox.js";
import { askForm } from "../shared/people.js";
import { attempt, openSheet, toast } from "../shared/ui.js";

const MAX_CAMEOS = 4;

/** The cameos that I can name: my own, those lent to me, those in use. @returns {Promise<Map<string, string>>} */
async function known() {
  const [own, lent] = await Promise.all([call("GET", "/v1/cameos"), call("GET", "/v1/cameo-requests?role=grantee")]);
  return new Map([
    ...lent.data.map((grant) => [grant.cameo_id, grant.cameo_name]),
    ...own.data.filter((cameo) => cameo.status === "active").map((cameo) => [cameo.id, cameo.display_name]),
  ]);
}

/** Why each of these may not be used, by id; those that may are left out. @param {string[]} ids @param {string} prompt */
async function refusals(ids, prompt) {
  const found = new Map();
  const ask = async (some) => {
    const { decisions } = await check(some, prompt);
    for (const one of decisions) if (!one.allowed) found.set(one.cameo, one.reason);
  };
  const missing = (error) => {
    if (error.status !== 404) throw error;
  };
  // Which of them is missing is asked one by one.
  await ask(ids).catch((error) => {
    missing(error);
    return Promise.all(ids.map((id) => ask([id]).catch((one) => {
      missing(one);
      found.set(id, "gone");
    })));
  });
  return found;
}

/** @param {() => string} prompt @param {() => void} changed called when what is chosen has changed */
export function cameoField(prompt, changed = () => {}) {
  /** @type {Map<string, string>} id to name */
  const chosen = new Map();
  /** @type {Map<string, string>} reasons by the id of those that were refused when asked last */
  let refused = new Map();
  const add = el("button", { type: "button", onclick: () => attempt(pick) }, icon("cameos"), "Cameo");
  const chips = el("div.chosen", {});
  const node = el("div.cameo-field", {}, add, chips);

  function paint() {
    chips.replaceChildren(...[...chosen].map(([id, name]) => {
      const why = refused.has(id) ? inWords(refused.get(id)) : "";
      return el(why ? "button.chip.refused" : "button.chip", {
        type: "button", "aria-label": why ? `Remove ${name}: ${why}` : `Remove ${name}`, onclick: () => {
          chosen.delete(id);
          paint();
          changed();
        },
      }, el("span", {}, name, why ? el("small", {}, why) : null), icon("close"));
    }));
  }

  /** See whether those that are chosen may still be used, whatever the words. */
  async function look() {
    if (!chosen.size) return;
    refused = await refusals([...chosen.keys()], "");
    paint();
  }
  // A permission that is taken back is told to the inbox; that nobody is reached says nothing.
  inbox.addEventListener("change", () => look().catch(() => {}));

  async function pick() {
    const names = new Map([...(await known()), ...chosen]);
    const list = el("div.stack", {});
    const row = async (id, name) => {
      const box = el("input", { type: "checkbox", checked: chosen.has(id), disabled: true, onchange: () => {
        if (box.checked && chosen.size >= MAX_CAMEOS) {
          box.checked = false;
          return toast(`At most ${MAX_CAMEOS} cameos in one video`);
        }
        if (box.checked) chosen.set(id, name);
        else chosen.delete(id);
        refused.delete(id);
        changed();
        return paint();
      } });
      const why = el("small.quiet", {}, "…");
      const line = el("div.choice", { "data-cameo": id }, el("label", {}, box, el("span", {}, el("b", {}, name), why)));
      list.append(line);
      const [decision] = (await check([id], prompt())).decisions;
      why.textContent = inWords(decision.reason);
      box.disabled = !decision.allowed;
      if (decision.allowed) return;
      if (chosen.delete(id)) paint();
      box.checked = false;
      if (decision.ask) line.append(askForm(() => id, () => (why.textContent = inWords("pending"))));
    };
    for (const [id, name] of names) attempt(() => row(id, name));
    const other = el("input", { placeholder: "Someone's cameo: id or link", "aria-label": "Someone's cameo", autocapitalize: "none" });
    const form = el("form.row", { onsubmit: (event) => {
      event.preventDefault();
      attempt(async () => {
        const cameo = await call("GET", `/v1/cameos/${encodeURIComponent(cameoId(other.value))}`);
        other.value = "";
        if (!names.has(cameo.id)) await row(cameo.id, cameo.display_name);
        names.set(cameo.id, cameo.display_name);
      });
    } }, other, el("button", { type: "submit" }, "Find"));
    openSheet("Cameos in this video", el("div.stack", {},
      names.size ? null : el("p.quiet", {}, "You have no cameo yet, and nobody lent you one."), list, form));
  }

  return {
    node,
    chosen: () => [...chosen.keys()],
    look,
    /** Why not all may be used in this prompt, in words; empty where they may. */
    async refusal() {
      if (!chosen.size) return "";
      refused = await refusals([...chosen.keys()], prompt());
      paint();
      const [first] = [...refused].filter(([id]) => chosen.has(id));
      return first ? `${chosen.get(first[0])} can't be in this video. ${inWords(first[1])}` : "";
    },
  };
}
