// The shelf under the composer: swarms, newest first, with the renders made from them.

import { call } from "../shared/api.js";
import { el } from "../shared/dom.js";
import { Swarm } from "./swarm.js";
import { attempt, busy } from "../shared/ui.js";

const PAGE = 48;

/** @typedef {import("../shared/types.js").Video} Video */

/** The swarm that a video is shown in: a render lies beside the preview it was made from. */
function homeOf(video, swarms) {
  const from = video.source?.relation === "render" ? video.source.video_ids[0] : null;
  return swarms.find((swarm) => swarm.id === video.swarm.id || swarm.tiles.some((tile) => tile.video.id === from));
}

/** @returns {Promise<{node: Element, drawn: (first: Video) => Promise<void>, refresh: () => Promise<void>}>} */
export async function drafts() {
  /** @type {Swarm[]} */
  let swarms = [];
  let last = null;
  const list = el("div.swarms", {});
  const nothing = el("p.empty", {}, "What you draw stays here, until you delete it.");
  const more = el("button.text.more", { hidden: true, onclick: () => busy(more, () => read(true)) }, "Earlier ones");
  const node = el("div.drafts", {}, list, nothing, more);

  function paint() {
    swarms = swarms.filter((swarm) => swarm.tiles.length);
    nothing.hidden = swarms.length > 0;
  }

  /** @param {Video[]} videos oldest first @param {boolean} atTop */
  function place(videos, atTop) {
    const kept = videos.filter((video) => !video.tombstone && !["cancelled", "failed"].includes(video.status));
    // Renders last: the swarm that they belong to may be new itself.
    const isRender = (video) => video.source?.relation === "render";
    for (const part of [kept.filter((video) => !isRender(video)), kept.filter(isRender)]) {
      const groups = new Map();
      for (const video of part) {
        const home = homeOf(video, swarms);
        if (home) home.add(video);
        else groups.set(video.swarm.id, [...(groups.get(video.swarm.id) ?? []), video]);
      }
      const made = [...groups.values()].reverse().map((group) => new Swarm(group, false));
      if (atTop) list.prepend(...made.map((swarm) => swarm.node));
      else list.append(...made.map((swarm) => swarm.node));
      swarms = atTop ? [...made, ...swarms] : [...swarms, ...made];
    }
    paint();
  }

  async function read(further) {
    const page = await call("GET", `/v1/videos?limit=${PAGE}${further ? `&after=${last}` : ""}`);
    if (further || last === null) {
      last = page.last_id;
      more.hidden = !page.has_more;
    }
    place(page.data.reverse(), !further);
  }

  addEventListener("deleted", ({ detail }) => {
    for (const swarm of swarms) swarm.remove(detail);
    paint();
  });
  await attempt(() => read(false));

  return {
    node,
    refresh: () => read(false),
    async drawn(first) {
      const ids = first.swarm.video_ids;
      const videos = await Promise.all(ids.map((id) => (id === first.id ? first : call("GET", `/v1/videos/${id}`))));
      for (const swarm of swarms) swarm.open(false);
      // A refresh may have found it while its videos were read.
      const made = swarms.find(({ id }) => id === first.swarm.id) ?? new Swarm(videos, true);
      made.open(true);
      list.prepend(made.node);
      swarms = [made, ...swarms.filter((swarm) => swarm !== made)];
      paint();
      made.node.scrollIntoView({ behavior: "smooth", block: "start" });
    },
  };
}
