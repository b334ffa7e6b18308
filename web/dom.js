// Small helpers for building the page: text is always set as text, never as markup.

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

let hide = 0;

/** Say something short at the bottom of the screen. @param {string} text */
export function toast(text) {
  const box = document.getElementById("toast");
  box.textContent = text;
  box.classList.add("shown");
  clearTimeout(hide);
  hide = setTimeout(() => box.classList.remove("shown"), 4000);
}

/** Run something a person asked for; what goes wrong is said in words. @param {() => Promise<any>} work */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.message);
    return undefined;
  }
}

/** Open the sheet over the page. @param {Node} content @param {() => void} [closed] */
export function openSheet(content, closed) {
  const sheet = document.getElementById("sheet");
  const close = () => {
    sheet.hidden = true;
    sheet.replaceChildren();
    document.removeEventListener("keydown", onKey);
    closed?.();
  };
  const onKey = (event) => event.key === "Escape" && close();
  document.addEventListener("keydown", onKey);
  sheet.replaceChildren(el("button.close", { onclick: close, "aria-label": "Close" }, "✕"), content);
  sheet.hidden = false;
  return close;
}
