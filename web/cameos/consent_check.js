// What the consent check says, in words.

import { call } from "../shared/api.js";

export const AUDIENCES = {
  only_me: "Only me", people_i_approve: "People I approve", mutuals: "People I follow who follow me", everyone: "Everyone",
};

const REASONS = {
  owner: "It is yours.",
  everyone: "Open to everyone.",
  mutuals: "You follow each other.",
  granted: "Its owner lets you.",
  posted: "It is posted.",
  sign_in: "Sign in first.",
  cameo_revoked: "Its owner has withdrawn it.",
  withdrawn: "What this comes from was withdrawn.",
  cameo_expired: "Its owner lent it until a day that has passed.",
  restricted_topic: "Its owner does not allow this subject.",
  restricted_style: "Its owner does not allow this style.",
  no_others: "Its owner does not appear with other people.",
  other_trend: "The permission is for another trend.",
  other_video: "The permission is for another video.",
  post_not_approved: "Its owner wants to approve each post.",
  blocked: "It is not available to you.",
  restricted_words: "Its owner does not allow a word of this prompt.",
  no_remix: "Its owner allows no remixes.",
  only_me: "Its owner lends it to nobody.",
  not_asked: "Ask its owner first.",
  pending: "Your request waits for its owner.",
  refused: "Its owner said no.",
  grant_revoked: "Its owner took the permission back.",
  grant_expired: "The permission has run out.",
  other_prompt: "The permission is for another prompt.",
  more_than_prompt: "The permission is for the prompt alone: no steering, and nothing made from a video.",
  no_posting: "The permission does not cover posting.",
  used_up: "The permission is used up.",
  not_proven: "Its owner has not proven yet that it is them.",
  minor: "It may be used by nobody.",
};

/** @param {string} reason a code of the consent check */
export function inWords(reason) {
  return REASONS[reason] ?? `It is not allowed (${reason.replaceAll("_", " ")}).`;
}

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
