// Only what a person can see plays; what is one swipe away is loaded, what is far is let go.

import { show } from "./media.js";
import { leaveStanding, look, watchStanding } from "./standing.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
/** @typedef {{id: string, visible: boolean, near: boolean}} Clip */
/** @type {WeakMap<any, Clip>} */
const clips = new WeakMap();
/** @type {Set<any>} */
const onScreen = new Set();

const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const clip = clips.get(target);
    clip.near = isIntersecting;
    if (isIntersecting) {
      load(target, clip);
      watchStanding(target, clip.id);
    } else {
      unload(target);
      leaveStanding(target, clip.id);
    }
  }
}, { rootMargin: "100%", scrollMargin: "100%" });

const visible = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    clips.get(target).visible = isIntersecting;
    if (isIntersecting) onScreen.add(target);
    else onScreen.delete(target);
    settle(target);
  }
}, { threshold: 0.55 });

async function load(node, clip) {
  try {
    await show(node, clip.id, "thumbnail", "poster");
    await show(node, clip.id, "video");
  } catch (error) {
    node.closest("[data-video]")?.classList.add("gone");
    if (error.status === 404 || error.status === 410) look(clip.id);
    return;
  }
  if (clip.near) settle(node);
  else unload(node);
}

function unload(node) {
  if (!node.src) return;
  node.removeAttribute("src");
  node.load();
}

function onTop(node) {
  return node.closest("dialog.full") === ([...document.querySelectorAll("dialog.full[open]")].at(-1) ?? null);
}

function settle(node) {
  const clip = clips.get(node);
  const wanted = clip.visible && onTop(node) && !node.dataset.held && (!calm.matches || node.dataset.asked);
  if (wanted && node.src) node.play().catch(() => {});
  else node.pause();
}

/** Play a clip whenever it is on the screen. @param {HTMLVideoElement} node @param {string} id of its video */
export function playWhenVisible(node, id) {
  clips.set(node, { id, visible: false, near: false });
  near.observe(node);
  visible.observe(node);
}

/** Play another clip in the place of one, as soon as it is there. @param {HTMLVideoElement} node @param {string} id of its video */
export function playInstead(node, id) {
  const clip = clips.get(node);
  leaveStanding(node, clip.id);
  clip.id = id;
  if (!clip.near) return unload(node);
  watchStanding(node, id);
  return load(node, clip);
}

/** Hold a clip or let it go on, as a tap asks. @param {HTMLVideoElement} node @returns {boolean} whether it is held */
export function toggle(node) {
  const held = !node.paused;
  if (held) node.dataset.held = "1";
  else delete node.dataset.held;
  node.dataset.asked = "1";
  settle(node);
  return held;
}

addEventListener("sheets", () => onScreen.forEach(settle));
