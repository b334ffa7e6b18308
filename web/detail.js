// One finished video up close: render it, post it, remix it, keep it.

import { call, media } from "./api.js";
import { attempt, el, toast } from "./dom.js";
import { Tile, loop } from "./tile.js";

/** @param {any} video a completed one */
export function detail(video) {
  const stage = el("div.stage", {});
  const facts = el("p.facts", {});
  const actions = el("div.actions", {});
  const box = el("div.detail", {}, stage, el("p.prompt", {}, video.prompt), facts, actions);
  attempt(() => show(video));
  return box;

  async function show(shown, preview = null) {
    stage.replaceChildren(loop(await media(shown.id), shown.prompt));
    facts.textContent = describe(shown);
    actions.replaceChildren();
    if (shown.tier === "preview") {
      actions.append(el("button.primary", { onclick: () => render(shown) }, "Render"));
    }
    if (preview) actions.append(compare(shown, preview));
    if (shown.post_id) actions.append(el("span.posted", {}, "Posted"));
    else actions.append(publish(shown));
    actions.append(
      el("button", { onclick: () => remix(shown) }, "Remix"),
      el("button", { onclick: () => attempt(() => reroll(shown)) }, "Reroll"),
      el("a.button", { href: await media(shown.id), download: `${shown.id}.mp4` }, "Download"),
    );
  }

  function render(preview) {
    return attempt(async () => {
      const job = await call("POST", `/v1/videos/${preview.id}/render`, {});
      const tile = new Tile(job, () => {});
      tile.node.classList.add("big");
      stage.replaceChildren(tile.node);
      actions.replaceChildren();
      facts.textContent = `Rendering at ${job.size} for ${job.cost.credits} credits…`;
      const watch = new MutationObserver(async () => {
        if (tile.node.dataset.status === "completed") {
          watch.disconnect();
          await show(await call("GET", `/v1/videos/${job.id}`), preview);
        } else if (["failed", "cancelled"].includes(tile.node.dataset.status)) {
          watch.disconnect();
          toast(tile.video.error?.message ?? "The render was cancelled");
          await show(preview);
        }
      });
      watch.observe(tile.node, { attributes: true, attributeFilter: ["data-status"] });
    });
  }

  function compare(full, preview) {
    const button = el("button", {}, "See the preview");
    let other = false;
    button.addEventListener("click", () => attempt(async () => {
      other = !other;
      const shown = other ? preview : full;
      stage.replaceChildren(loop(await media(shown.id), shown.prompt));
      facts.textContent = describe(shown);
      button.textContent = other ? "See the render" : "See the preview";
    }));
    return button;
  }

  function publish(shown) {
    const caption = el("input", { placeholder: "Say something (optional)", maxlength: "500", "aria-label": "Caption" });
    const form = el("form.post", {}, caption, el("button.primary", { type: "submit" }, "Post"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      attempt(async () => {
        await call("POST", "/v1/posts", { video_id: shown.id, caption: caption.value });
        toast("Posted");
        form.replaceWith(el("span.posted", {}, "Posted"));
      });
    });
    return form;
  }
}

/** Tier, size, cost and likeness in one line. @param {any} video */
function describe(video) {
  const parts = [video.tier === "full" ? "full render" : "preview", video.size, `${video.cost.credits} credit${video.cost.credits === 1 ? "" : "s"}`];
  if (video.cost.cpu_seconds != null) parts.push(`${video.cost.cpu_seconds.toFixed(1)} CPU-s`);
  if (video.fidelity != null) parts.push(`${Math.round(100 * video.fidelity)}% like its preview`);
  return parts.join(" · ");
}

/** Open Create with a video as the source. @param {any} video */
export function remix(video) {
  document.getElementById("sheet").hidden = true;
  document.getElementById("sheet").replaceChildren();
  dispatchEvent(new CustomEvent("remix", { detail: video }));
}

async function reroll(video) {
  await call("POST", "/v1/videos", {
    prompt: video.prompt,
    n: 4,
    source: { relation: "reroll", video_ids: [video.id] },
  });
  document.getElementById("sheet").hidden = true;
  location.hash = "#create";
  dispatchEvent(new Event("hashchange"));
}
