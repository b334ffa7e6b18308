// What stands in the place of a view that can't be shown yet, and tries again by itself.

import { el } from "./dom.js";

const AGAIN_AFTER_MS = 3000;

export class Away {
  constructor() {
    /** The view that was last asked for. */
    this.wanted = "";
    this.again = 0;
    this.title = el("h2");
    this.text = el("p.quiet", { role: "status" });
    this.button = el("button", {}, "Try again");
    this.node = el("div.nothing", { id: "away", hidden: true }, this.title, this.text, this.button);
  }

  /** @param {{status?: number, message: string}} error @param {() => void} retry */
  show(error, retry) {
    const waiting = error.status === 503;
    this.title.textContent = waiting ? "Almost there" : "Not there yet";
    this.text.textContent = waiting ? sentence(error.message) : error.message;
    this.button.onclick = retry;
    this.node.hidden = false;
    clearTimeout(this.again);
    this.again = setTimeout(retry, AGAIN_AFTER_MS);
  }

  hide() {
    clearTimeout(this.again);
    this.node.hidden = true;
  }
}

/** The service's message as a sentence, with what a person can do meanwhile. @param {string} message */
function sentence(message) {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}. This page goes on by itself.`;
}
