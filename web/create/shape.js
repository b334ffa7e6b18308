// Which shape and how long: small pictures of the sizes, and the lengths, that the model draws.

import { el } from "../shared/dom.js";

/** Width by height. @param {string} size such as "64x96" @returns {number} */
export function ratio(size) {
  const [width, height] = size.split("x").map(Number);
  return width / height;
}

/** @param {number} shape width by height */
function named(shape) {
  if (shape === 1) return "Square";
  return shape < 1 ? "Portrait" : "Landscape";
}

/**
 * @param {string} label @param {string[]} values @param {(value: string) => [string, Node | string]} show name and face of one
 * @param {() => void} changed
 */
function choice(label, values, show, changed) {
  let chosen = values[0];
  const node = el("div.formats", { role: "radiogroup", "aria-label": label, hidden: values.length < 2 },
    ...values.map((value) => {
      const [name, face] = show(value);
      return el("button", { type: "button", role: "radio", "aria-label": name, "data-value": value, onclick: () => choose(value) }, face);
    }));
  function choose(value) {
    chosen = value;
    for (const button of node.children) button.setAttribute("aria-checked", String(button.dataset.value === value));
    changed();
  }
  for (const button of node.children) button.setAttribute("aria-checked", String(button.dataset.value === chosen));
  return { node, value: () => chosen };
}

/** The row of both choices. @param {any} card of the model @param {() => void} changed */
export function formatField({ sizes, seconds }, changed) {
  const size = choice("Shape", sizes.preview, (value) => {
    const shape = ratio(value);
    const face = el("i", {});
    // By script, since the page's policy takes no style from an attribute.
    face.style.aspectRatio = String(shape);
    face.style[shape > 1 ? "width" : "height"] = "22px";
    return [named(shape), face];
  }, changed);
  const length = choice("Length", seconds, (value) => [`${value} seconds`, `${value} s`], changed);
  const node = el("div.row.format", {}, size.node, length.node);
  return { node, size: size.value, seconds: length.value };
}
