// The page: which view is in front, and who is signed in.

import { session } from "./shared/api.js";
import "./shared/appeal.js";
import { signIn } from "./me/sign_in.js";
import { Cameos } from "./cameos/cameos.js";
import { cameoId } from "./cameos/consent_check.js";
import { create } from "./create/create.js";
import { el } from "./shared/dom.js";
import { Feed } from "./feed/feed.js";
import { inbox } from "./shared/inbox.js";
import { Me } from "./me/me.js";
import { openCameo } from "./shared/people.js";
import { Away } from "./shared/model_away.js";
import { attempt, closeSheets } from "./shared/ui.js";

const main = document.getElementById("main");
const tabs = document.getElementById("tabs");
const badge = document.getElementById("badge");

const away = new Away();
const feed = new Feed();
const MAKERS = { feed: () => feed, create, cameos: () => new Cameos(), me: () => new Me() };
/** Views stay as they were left. @type {Map<string, Promise<any>>} */
const views = new Map();
let front = "";
let person = session.get()?.account.id;

/** @param {keyof typeof MAKERS} name */
function view(name) {
  if (!views.has(name)) {
    const made = Promise.resolve(MAKERS[name]()).then((one) => {
      one.node.hidden = true;
      main.append(one.node);
      return one;
    });
    views.set(name, made);
    // The model may still be prepared; the next try makes the view anew.
    made.catch(() => views.delete(name));
  }
  return views.get(name);
}

async function go(name) {
  front = name;
  for (const tab of tabs.children) tab.toggleAttribute("aria-current", tab.dataset.tab === name);
  document.body.dataset.view = name;
  // What keeps a view away stays on the screen while it is tried again.
  for (const node of main.children) node.hidden ||= node !== away.node || away.wanted !== name;
  away.wanted = name;
  const one = await attemptView(name);
  if (front !== name || !one) return;
  away.hide();
  one.node.hidden = false;
  await one.shown?.();
}

/** The view, or what keeps it away in its place: then it's tried again until it comes. */
async function attemptView(name) {
  try {
    return await view(name);
  } catch (error) {
    if (front === name) away.show(error, () => front === name && go(name));
    return undefined;
  }
}

function route() {
  if (!session.get()) return;
  const wanted = location.hash.slice(1);
  if (wanted.startsWith("cameo=")) {
    history.replaceState(null, "", "#cameos");
    openCameo(cameoId(wanted));
  }
  const name = location.hash.slice(1);
  go(name in MAKERS ? name : "feed");
}

function start() {
  document.getElementById("door").replaceChildren();
  tabs.hidden = false;
  person = session.get().account.id;
  inbox.start();
  route();
}

/** Bring Create to the front and do something in it. @param {(view: any) => any} act */
async function inCreate(act) {
  closeSheets();
  location.hash = "#create";
  await go("create");
  await attempt(async () => act(await view("create")));
}

inbox.addEventListener("change", () => {
  badge.textContent = String(inbox.open.length);
  badge.hidden = inbox.open.length === 0;
});
addEventListener("hashchange", route);
addEventListener("signed-out", () => {
  history.replaceState(null, "", "/");
  location.reload();
});
// Another tab signed out, or in as somebody else.
addEventListener("storage", () => session.get()?.account.id !== person && location.reload());
addEventListener("remix", ({ detail: { video, picks } }) => inCreate((one) => one.prefill(video, picks)));
addEventListener("drawn", ({ detail }) => inCreate((one) => one.drawn(detail)));
addEventListener("posted", () => (feed.stale = true));
addEventListener("deleted", () => (feed.stale = true));
addEventListener("see-post", async ({ detail }) => {
  closeSheets();
  feed.stale = false;
  location.hash = "#feed";
  await go("feed");
  await attempt(() => feed.see(detail));
});
tabs.addEventListener("click", (event) => {
  // A tap on the tab that is in front already means: back to the top, with what is new.
  if (event.target.closest("[data-tab]")?.dataset.tab === "feed" && front === "feed") feed.choose(feed.cut);
});
addEventListener("keydown", (event) => {
  const pressed = event.key === " " && event.target.closest("button, a");
  if (front === "feed" && !pressed && !document.querySelector("dialog[open]")) feed.key(event);
});

main.append(away.node);
if (session.get()) start();
else document.getElementById("door").append(signIn(start));
