// Building blocks of the page: text is always set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/** Line drawings on a 24 x 24 sheet. */
const ICONS = {
  create: "M12 5v14M5 12h14",
  cameos: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4 3.6-6 8-6 1 0 2 .1 2.9.4M16 19l2 2 4-4",
  heart: "M12 20.500C5.5 16 3 12.6 3 9a4.7 4.7 0 0 1 9-2 4.7 4.7 0 0 1 9 2c0 3.6-2.5 7-9 11.500z",
  remix: "M4 11V9a4 4 0 0 1 4-4h11M16 2l3 3-3 3M20 13v2a4 4 0 0 1-4 4H5M8 22l-3-3 3-3",
  close: "M6 6l12 12M18 6L6 18",
  down: "M6 9l6 6 6-6",
  forward: "M5 5l7 7-7 7M13 5l7 7-7 7",
  dice: "M5 3h14a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zM8 8h.01M16 8h.01M12 12h.01M8 16h.01M16 16h.01",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13",
  link: "M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 6 6l1-1",
  play: "M8 5l11 7-11 7z",
  check: "M5 12l5 5 9-10",
  flag: "M5 21V4M5 4h13l-3 4.500 3 4.500H5",
};

/**
 * @param {string} tag a tag with classes, such as "button.primary"
 * @param {Record<string, any>} [props] attributes; on* are listeners
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {any}
 */
export function el(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value != null) node.setAttribute(key, String(value));
  }
  node.append(...children.filter((child) => child != null && child !== false));
  return node;
}

function drawing(shape, attributes, ...children) {
  const node = document.createElementNS(SVG, shape);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** A small drawing beside a text or a label. @param {keyof typeof ICONS} name */
export function icon(name) {
  return drawing("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, drawing("path", { d: ICONS[name] }));
}

/** A ring that fills as `--done` of an ancestor goes from 0 to 1. */
export function ring() {
  const circle = (name) => drawing("circle", { cx: "18", cy: "18", r: "15", pathLength: "1", class: name });
  return drawing("svg", { viewBox: "0 0 36 36", class: "ring", "aria-hidden": "true" }, circle("track"), circle("arc"));
}

/** A muted loop, as every clip in the page is. @param {string} label */
export function clip(label) {
  const video = el("video", { loop: true, playsinline: true, preload: "none", "aria-label": label, disablepictureinpicture: true });
  video.muted = true;
  return video;
}

/** A text of three lines that a tap unfolds. @param {string} tag @param {string} text */
export function foldable(tag, text) {
  const node = el(`${tag}.clamp`, { onclick: () => node.classList.toggle("whole") }, text);
  return node;
}

/** "1 credit", "4 credits". @param {number} count @param {string} word */
export function counted(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

/** A round picture of a person: the first letter on a colour of their own. @param {string} handle */
export function avatar(handle) {
  const hue = [...handle].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
  const node = el("span.avatar", { "aria-hidden": "true" }, handle.slice(0, 1).toUpperCase());
  node.style.setProperty("--hue", String(hue));
  return node;
}
