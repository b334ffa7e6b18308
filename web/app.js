// The page: which view is shown, and who is signed in.

import { call, session } from "./api.js";
import { signIn } from "./auth.js";
import { inbox, watchInbox } from "./cameos.js";
import { create } from "./create.js";
import { attempt, el } from "./dom.js";
import { feed } from "./feed.js";
import { live } from "./socket.js";

const view = document.getElementById("view");
const tabs = document.getElementById("tabs");
let source = null;
let shown = 0;

const VIEWS = { feed, create: () => create(source), inbox, me };

async function me() {
  const { account, credits } = await call("GET", "/v1/me");
  return el(
    "section.me", {},
    el("h1", {}, account.display_name),
    el("p.quiet", {}, `@${account.handle}`),
    el("div.panel", {}, el("b", {}, `${credits.balance} credits`), credits.held ? ` · ${credits.held} held by running work` : ""),
    el("button", { onclick: () => attempt(async () => {
      await call("DELETE", "/v1/sessions").catch(() => null);
      session.set(null);
      dispatchEvent(new Event("signed-out"));
    }) }, "Sign out"),
  );
}

async function route() {
  const number = ++shown;
  if (!session.get()) {
    tabs.hidden = true;
    view.replaceChildren(signIn(start));
    return;
  }
  const name = location.hash.slice(1) in VIEWS ? location.hash.slice(1) : "feed";
  tabs.hidden = false;
  for (const tab of tabs.children) tab.toggleAttribute("aria-current", tab.dataset.tab === name);
  document.body.dataset.view = name;
  const made = await attempt(VIEWS[name]);
  // A slow view must not replace the one that was asked for after it.
  if (number === shown) view.replaceChildren(made ?? el("p.empty", {}, "That did not work. Try again."));
  source = null;
}

function start() {
  watchInbox(() => document.body.dataset.view === "inbox" && route());
  route();
}

addEventListener("hashchange", route);
addEventListener("signed-out", () => {
  live.close();
  route();
});
addEventListener("remix", (event) => {
  source = event.detail;
  if (location.hash === "#create") route();
  else location.hash = "#create";
});
if (session.get()) start();
else route();
