// What lies over the page: short notes, sheets, and a question before what can't be undone.

import { el, icon } from "./dom.js";

const TOAST_MS = 4000;
// What can be answered stays until it is read.
const TOAST_WITH_ACTION_MS = 10_000;
let hide = 0;

function topSheet() {
  return [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
}

/**
 * Say something short, above everything else.
 * @param {string} text @param {{label: string, run: () => void}} [action]
 */
export function toast(text, action) {
  const box = document.getElementById("toast");
  box.replaceChildren(el("span", {}, text));
  if (action) {
    box.append(el("button.text", { onclick: () => {
      box.hidePopover();
      action.run();
    } }, action.label));
  }
  if (box.matches(":popover-open")) box.hidePopover();
  // Whatever lies outside an open sheet can't be tapped.
  topSheet().append(box);
  box.showPopover();
  clearTimeout(hide);
  hide = setTimeout(() => box.hidePopover(), action ? TOAST_WITH_ACTION_MS : TOAST_MS);
}

/** A note outlives the sheet that it was said in. */
function keepToast(dialog) {
  const box = dialog.querySelector("#toast");
  if (!box) return;
  const shown = box.matches(":popover-open");
  topSheet().append(box);
  if (shown) box.showPopover();
}

/** Run something a person asked for; what goes wrong is said in words. @template T @param {() => Promise<T>} work */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    const appeal = { label: "Appeal", run: () => dispatchEvent(new CustomEvent("appeal", { detail: error })) };
    toast(error.message, error.canAppeal ? appeal : undefined);
    return undefined;
  }
}

/** Run work with its button out of reach, so that a second tap does nothing. @param {any} button @param {() => Promise<any>} work */
export async function busy(button, work) {
  if (button.getAttribute("aria-busy") === "true") return undefined;
  button.setAttribute("aria-busy", "true");
  try {
    return await attempt(work);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/**
 * Open a sheet over the page; Escape, the back gesture and its cross close it.
 * @param {string} label @param {Node} content
 * @param {{full?: boolean, closed?: () => void}} [options]
 * @returns {() => void} closes it
 */
export function openSheet(label, content, { full = false, closed } = {}) {
  const dialog = el("dialog.sheet", { "aria-label": label });
  dialog.classList.toggle("full", full);
  const close = () => dialog.close();
  dialog.append(el("header", {}, full ? null : el("h2", {}, label),
    el("button.round", { "aria-label": "Close", onclick: close }, icon("close"))), content);
  dialog.addEventListener("click", (event) => event.target === dialog && close());
  dialog.addEventListener("close", () => {
    keepToast(dialog);
    dialog.remove();
    closed?.();
    dispatchEvent(new Event("sheets"));
  });
  document.body.append(dialog);
  dialog.showModal();
  dispatchEvent(new Event("sheets"));
  return close;
}

/** Close every sheet, to go elsewhere. */
export function closeSheets() {
  for (const dialog of [...document.querySelectorAll("dialog[open]")].reverse()) dialog.close();
}

/**
 * Ask before what can't be undone. @param {string} question @param {string} verb
 * @param {Node} [how] a choice that goes with it @returns {Promise<boolean>}
 */
export function sure(question, verb, how) {
  return new Promise((answer) => {
    let said = false;
    const close = openSheet(verb, el("div.stack", {}, el("p", {}, question), how ?? null,
      el("button.danger", { onclick: () => {
        said = true;
        close();
      } }, verb)), { closed: () => answer(said) });
  });
}
