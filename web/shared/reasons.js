// Refusals in the words of people: why a likeness may not be used, and which field is meant.

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
  gone: "It isn't there any more.",
};

/** @param {string} reason a code of the consent check */
export function inWords(reason) {
  return REASONS[reason] ?? `It is not allowed (${reason.replaceAll("_", " ")}).`;
}

const FIELDS = {
  prompt: "The prompt", caption: "The caption", display_name: "The name", handle: "The handle", password: "The password",
  new_password: "The new password", reason: "The reason", note: "The note",
};

/**
 * What went wrong, as the page says it: without ids, and without codes.
 * @param {{code?: string, message?: string, param?: string|null}} error in the service's one shape
 */
export function plainly(error) {
  const message = error.message ?? "";
  const refused = error.code === "consent_refused" && message.match(/^(?:cameo|source) \S+ may not be (\w+): (\w+)/);
  if (refused) return `Somebody in this may not be ${refused[1]} by you. ${inWords(refused[2])}`;
  const field = error.param ?? "";
  if (!field || !message.startsWith(`${field}: `)) return message;
  return `${FIELDS[field] ?? "This"}: ${message.slice(field.length + 2)}`;
}
