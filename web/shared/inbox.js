// What happens to me: requests for my cameos and answers to mine, as they come.

import { call, session } from "./api.js";
import { live } from "./socket.js";
import { lookAtAll } from "./standing.js";
import { toast } from "./ui.js";

// A burst after a long sleep is told once.
const GATHER_MS = 150;
const STILL_NEWS_MS = 60_000;

/** @typedef {import("./types.js").Grant} Grant */

function say({ name, data: { grant, ...data } }) {
  return {
    "cameo.requested": `@${grant?.grantee ?? data.grantee ?? "Someone"} asks to use ${grant?.cameo_name ?? "your cameo"}`,
    "cameo.accepted": `You may use ${grant?.cameo_name ?? "the cameo"} now`,
    "cameo.refused": `Your request for ${grant?.cameo_name ?? "a cameo"} was refused`,
    "cameo.revoked": `The permission to use ${grant?.cameo_name ?? "a cameo"} was taken back`,
    "cameo.used": `@${data.by} ${data.action === "post" ? "posted a video with" : "uses"} ${data.cameo_name}`,
    "cameo.copied": `@${data.by} tried to upload a picture of ${data.cameo_name}. It was refused.`,
    "post.remixed": `${data.by ? `@${data.by}` : "Someone"} remixed your post`,
  }[name];
}

class Inbox extends EventTarget {
  /** @type {{asked: Grant[], wanted: Grant[]}} what others ask of me, and what I ask of others */
  grants = { asked: [], wanted: [] };
  #timer = 0;

  /** Start listening, from where this phone left off. */
  start() {
    const place = `riffle.inbox.${session.get().account.id}`;
    live.follow("inbox", {
      onEvent: (event) => {
        localStorage.setItem(place, JSON.stringify(live.position("inbox")));
        // It says that there is something to read, and nothing to a person.
        if (event.name === "feed.changed") return lookAtAll();
        if (Date.now() - 1000 * event.at < STILL_NEWS_MS) toast(say(event) ?? event.name, this.#door(event));
        return this.#soon();
      },
      onReset: () => {
        lookAtAll();
        this.#soon();
      },
    }, JSON.parse(localStorage.getItem(place) ?? '{"after":0}'));
    this.#soon();
  }

  /** @returns {Grant[]} what waits for my answer */
  get open() {
    return this.grants.asked.filter((grant) => grant.status === "pending");
  }

  /** Read the lists anew. */
  async read() {
    const [asked, wanted] = await Promise.all(["owner", "grantee"].map((role) => call("GET", `/v1/cameo-requests?role=${role}`)));
    this.grants = { asked: asked.data, wanted: wanted.data };
    this.dispatchEvent(new Event("change"));
  }

  #door({ name }) {
    return name === "cameo.requested" && location.hash !== "#cameos" ? { label: "Answer", run: () => (location.hash = "#cameos") } : undefined;
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.read().catch(() => {}), GATHER_MS);
  }
}

export const inbox = new Inbox();
