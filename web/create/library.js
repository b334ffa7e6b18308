// The library of pictures of a model: searched while somebody types, and shown small.

import { call } from "../shared/api.js";
import { avatar, el } from "../shared/dom.js";

// As many searches as a prompt has words, a few times over.
const MAX_KEPT = 200;
const CAMEO = "cameo:";

/** @typedef {import("../shared/types.js").PictureCard} PictureCard @typedef {{data: PictureCard[], has_more: boolean, last_id: string|null}} Page */

/** @type {Map<string, Page>} */
const kept = new Map();

/** A page of subjects by meaning. @param {string} model @param {{q?: string, after?: string|null, limit?: number}} asked @param {AbortSignal} [signal] @returns {Promise<Page>} */
export async function search(model, { q = "", after = null, limit = 24 }, signal) {
  const query = new URLSearchParams({ q: q.slice(0, 200), limit: String(limit), ...(after ? { after } : {}) });
  const path = `/v1/models/${encodeURIComponent(model)}/subjects?${query}`;
  const known = kept.get(path);
  if (known) return known;
  const page = await call("GET", path, undefined, undefined, signal);
  kept.set(path, page);
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value);
  return page;
}

/** The subject of a picture, with its other tones of skin. @param {string} model @param {string} picture @param {AbortSignal} [signal] @returns {Promise<PictureCard>} */
export function subjectOf(model, picture, signal) {
  return call("GET", `/v1/models/${encodeURIComponent(model)}/subjects/${encodeURIComponent(picture)}`, undefined, undefined, signal);
}

/** Whether a subject is shown by a cameo's picture. @param {string} picture */
export function isCameo(picture) {
  return picture.startsWith(CAMEO);
}

/** A small picture; of a cameo its letter, since its picture is its owner's. @param {string} model @param {string} picture @param {string} name */
export function smallPicture(model, picture, name) {
  if (isCameo(picture)) return avatar(name);
  const image = el("img.small-picture", {
    alt: "", width: "44", height: "44", decoding: "async",
    src: `/v1/models/${encodeURIComponent(model)}/subjects/${encodeURIComponent(picture)}/picture`,
  });
  // A model that is there no more has no pictures either.
  image.addEventListener("error", () => image.replaceWith(avatar(name)), { once: true });
  return image;
}
