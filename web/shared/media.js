// Media need the token, so they are fetched as blobs; what nobody shows any more is let go, oldest first.

import { request } from "./api.js";

// A clip is tens to hundreds of kilobytes: a long evening of swiping without holding all of it.
const MAX_BYTES = 48 * 1024 * 1024;

/** @typedef {{url: string, bytes: number, shownBy: Set<any>}} Entry */
/** @type {Map<string, Promise<Entry>>} in order of use */
const known = new Map();
/** @type {Map<string, Entry>} */
const loaded = new Map();

async function load(key, id, variant) {
  const reply = await request("GET", `/v1/videos/${id}/content?variant=${variant}`);
  const blob = await reply.blob();
  const entry = { url: URL.createObjectURL(blob), bytes: blob.size, shownBy: new Set() };
  loaded.set(key, entry);
  return entry;
}

/** @param {string} id @param {"video"|"thumbnail"|"spritesheet"} variant @returns {Promise<Entry>} */
function entryOf(id, variant) {
  const key = `${id} ${variant}`;
  const entry = known.get(key) ?? load(key, id, variant);
  known.delete(key);
  known.set(key, entry);
  entry.catch(() => known.delete(key));
  return entry;
}

function isShown(entry) {
  for (const node of entry.shownBy) {
    if (!node.isConnected || (node.src !== entry.url && node.poster !== entry.url)) entry.shownBy.delete(node);
  }
  return entry.shownBy.size > 0;
}

function tidy() {
  let bytes = [...loaded.values()].reduce((sum, entry) => sum + entry.bytes, 0);
  for (const key of known.keys()) {
    const entry = loaded.get(key);
    if (bytes <= MAX_BYTES) return;
    if (!entry || isShown(entry)) continue;
    URL.revokeObjectURL(entry.url);
    known.delete(key);
    loaded.delete(key);
    bytes -= entry.bytes;
  }
}

/**
 * Show a video's media in an element.
 * @param {any} node @param {string} id @param {"video"|"thumbnail"|"spritesheet"} variant
 * @param {"src"|"poster"} [place]
 */
export async function show(node, id, variant, place = "src") {
  const entry = await entryOf(id, variant);
  entry.shownBy.add(node);
  if (node[place] !== entry.url) node[place] = entry.url;
  tidy();
}

/** The address of a clip, for a download. @param {string} id */
export async function address(id) {
  return (await entryOf(id, "video")).url;
}

/** Let go of what was fetched of a video that may not be shown any more. @param {string} id */
export function forgetMedia(id) {
  for (const variant of ["video", "thumbnail", "spritesheet"]) {
    const key = `${id} ${variant}`;
    const entry = loaded.get(key);
    if (entry) URL.revokeObjectURL(entry.url);
    known.delete(key);
    loaded.delete(key);
  }
}
