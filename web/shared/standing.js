// Whether a clip that is on the screen may still be shown: its stream says when it is withdrawn, and why, and when
// its post shows a better one.

import { call } from "./api.js";
import { forgetMedia } from "./media.js";
import { live } from "./socket.js";
import { toast } from "./ui.js";

// Nine clips of one person go at once: that is said once.
const GATHER_MS = 400;
// Beyond every event that there is: the stream is followed from now on.
const FROM_NOW = { after: Number.MAX_SAFE_INTEGER };
const WHY = {
  deleted: "who made it deleted it",
  taken_back: "the post was taken back",
  hidden: "a person in it does not want it shown",
  revoked: "a person in it took their permission back",
  taken_down: "it was taken down",
};

/** @typedef {{nodes: Set<any>, stop: () => void}} Watched */
/** @type {Map<string, Watched>} by the id of the video */
const watched = new Map();
/** @type {Map<string, string>} reasons, by the id of the video */
let gathered = new Map();
let timer = 0;

/** Watch over a clip while it is near the screen. @param {any} node @param {string} id of its video */
export function watchStanding(node, id) {
  const known = watched.get(id);
  if (known) return void known.nodes.add(node);
  let begun = false;
  const stop = live.follow(`video:${id}`, {
    onEvent: ({ name, data }) => {
      if (name === "video.withdrawn") look(id, data.reason);
      if (name === "post.rendered") dispatchEvent(new CustomEvent("rendered", { detail: data.post_id }));
    },
    // The first one only says that what happened before is not told.
    onReset: () => (begun ? look(id) : (begun = true)),
    onRefused: () => look(id),
  }, FROM_NOW, { spare: true });
  watched.set(id, { nodes: new Set([node]), stop });
}

/** @param {any} node @param {string} id */
export function leaveStanding(node, id) {
  const known = watched.get(id);
  known?.nodes.delete(node);
  if (known?.nodes.size !== 0) return;
  known.stop();
  watched.delete(id);
}

/** See what may still be shown of a video, and take away what may not. @param {string} id @param {string} [reason] */
export async function look(id, reason) {
  const video = await call("GET", `/v1/videos/${id}`).catch((error) => (error.status === 404 ? null : undefined));
  // Not reached: nothing is known.
  if (video === undefined) return;
  const gone = !video || Boolean(video.tombstone);
  // Its maker keeps a draft whose post is hidden or taken back.
  if (!gone && !reason) return;
  if (gone) {
    forgetMedia(id);
    gathered.set(id, reason ?? "");
    timer ||= setTimeout(say, GATHER_MS);
  }
  dispatchEvent(new CustomEvent(gone ? "deleted" : "unposted", { detail: id }));
}

/** See what may still be shown of all that is near the screen. */
export function lookAtAll() {
  for (const id of watched.keys()) look(id);
}

function say() {
  const reasons = [...gathered.values()];
  const why = WHY[reasons.find((reason) => reason in WHY)];
  const what = reasons.length === 1 ? "This video" : `${reasons.length} videos`;
  toast(`${what} can't be shown any more${why ? `: ${why}` : ""}.`);
  gathered = new Map();
  timer = 0;
}
