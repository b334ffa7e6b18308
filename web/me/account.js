// My account: the name that others see, the password, where I am signed in, my data, and the way out for good.

import { call, forget, upload } from "../shared/api.js";
import { el, icon } from "../shared/dom.js";
import { busy, openSheet, sure, toast } from "../shared/ui.js";

/** @typedef {{id: string, device: string, created_at: number, refreshed_at: number, current: boolean}} SessionInfo */

/** @param {{display_name: string, handle: string}} account @param {() => Promise<any>} changed */
export function openAccount(account, changed) {
  openSheet("Account", el("div.stack", {}, nameForm(account, changed), passwordForm(), sessionList(), dataButtons(account)));
}

function nameForm(account, changed) {
  const name = el("input", { value: account.display_name, maxlength: "60", required: true, "aria-label": "Name that others see" });
  const save = el("button", { type: "submit" }, "Save name");
  return el("form.stack", { onsubmit: (event) => {
    event.preventDefault();
    busy(save, async () => {
      const me = await call("PATCH", "/v1/me", { display_name: name.value });
      name.value = me.account.display_name;
      await changed();
      toast("Saved.");
    });
  } }, el("h3", {}, "Name"), name, save);
}

function passwordForm() {
  const field = (label, autocomplete) => el("input", { type: "password", placeholder: label, "aria-label": label, autocomplete, maxlength: "128", required: true });
  const old = field("Present password", "current-password");
  const fresh = field("New password", "new-password");
  fresh.setAttribute("minlength", "8");
  const save = el("button", { type: "submit" }, "Change password");
  const form = el("form.stack", { onsubmit: (event) => {
    event.preventDefault();
    busy(save, async () => {
      await call("POST", "/v1/me/password", { password: old.value, new_password: fresh.value });
      form.reset();
      toast("Changed. You are signed out everywhere else.");
    });
  } }, el("h3", {}, "Password"), old, fresh, save);
  return form;
}

function sessionList() {
  const list = el("div.stack", { "aria-live": "polite" });
  const paint = async () => {
    /** @type {{data: SessionInfo[]}} */
    const { data } = await call("GET", "/v1/me/sessions");
    others.hidden = data.length < 2;
    list.replaceChildren(...data.map((one) => el("div.line", { "data-session": one.id },
      el("b", {}, deviceName(one.device)), el("span.quiet", {}, one.current ? "here" : new Date(1000 * one.refreshed_at).toLocaleString()),
      one.current ? null : endButton(one, paint))));
  };
  const others = el("button", { hidden: true, onclick: () => busy(others, async () => {
    await call("DELETE", "/v1/me/sessions");
    await paint();
  }) }, "Sign out everywhere else");
  const show = el("button", { onclick: () => busy(show, async () => {
    await paint();
    show.hidden = true;
  }) }, "Where am I signed in?");
  return el("div.stack", {}, el("h3", {}, "Sessions"), show, list, others);
}

function endButton(one, done) {
  const end = el("button.text", { "aria-label": `Sign out ${deviceName(one.device)}`, onclick: () => busy(end, async () => {
    await call("DELETE", `/v1/me/sessions/${one.id}`);
    await done();
  }) }, "Sign out");
  return end;
}

/** The telling part of what a browser calls itself. @param {string} device */
function deviceName(device) {
  const kinds = [[/iPhone|iPad/, "iPhone or iPad"], [/Android/, "Android"], [/Windows/, "Windows"], [/Mac OS X/, "Mac"], [/Linux/, "Linux"]];
  return kinds.find(([pattern]) => pattern.test(device))?.[1] ?? (device.slice(0, 40) || "Unknown device");
}

function dataButtons(account) {
  const take = el("button", { onclick: () => busy(take, async () => {
    const blob = await upload("POST", "/v1/me/export").then((reply) => reply.blob());
    const link = el("a", { href: URL.createObjectURL(blob), download: `riffle-${account.handle}.zip` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }) }, icon("download"), "Take my data along");
  const leave = el("button.danger", { onclick: () => busy(leave, async () => {
    const password = el("input", { type: "password", placeholder: "Password", "aria-label": "Password to delete the account", autocomplete: "current-password" });
    const question = "Your account, your videos and your cameos are deleted, and with them every video that anybody made with your likeness. Your handle is given to nobody else. This can't be undone.";
    if (!(await sure(question, "Delete account", password))) return;
    await call("DELETE", "/v1/me", { password: password.value });
    forget();
  }) }, "Delete account…");
  return el("div.stack", {}, el("h3", {}, "Your data"), take, leave);
}
