// What the consent check says, in words.

import { call } from "../shared/api.js";

export { inWords } from "../shared/reasons.js";

export const AUDIENCES = {
  only_me: "Only me", people_i_approve: "People I approve", mutuals: "People I follow who follow me", everyone: "Everyone",
};

/**
 * May these be used? Asked before anything is paid.
 * @param {string[]} cameos @param {string} prompt
 * @returns {Promise<{allowed: boolean, decisions: {cameo: string, allowed: boolean, reason: string, ask: string|null}[]}>}
 */
export function check(cameos, prompt) {
  return call("POST", "/v1/consent/check", { cameos, ...(prompt ? { prompt } : {}) });
}

/** A cameo's id out of whatever a person pastes: the id, or a link that holds it. @param {string} text */
export function cameoId(text) {
  return text.match(/cameo_[0-9a-f]+/)?.[0] ?? text.trim().replace(/^@/, "");
}

/** A link that others open to ask for a cameo. @param {string} id */
export function cameoLink(id) {
  return `${location.origin}/#cameo=${id}`;
}
