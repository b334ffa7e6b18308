// Signing up and in.

import { call, keep } from "../shared/api.js";
import { el } from "../shared/dom.js";

const WAYS = {
  join: { path: "/v1/accounts", verb: "Join Riffle", other: "I have an account", complete: "new-password" },
  enter: { path: "/v1/sessions", verb: "Sign in", other: "I am new here", complete: "current-password" },
};

// What is sent as age_bracket; lending a likeness is for adults.
const AGES = { "": "How old are you? (you need not say)", "18_plus": "18 or older", "13_17": "13 to 17", under_13: "Under 13" };

/** @param {() => void} done */
export function signIn(done) {
  let way = WAYS.join;
  const handle = el("input", {
    name: "handle", placeholder: "handle", autocomplete: "username", autocapitalize: "none", spellcheck: "false",
    pattern: "[a-z0-9_]{3,30}", title: "3 to 30 of a-z, 0-9 and _", required: true, "aria-label": "Handle",
  });
  const password = el("input", {
    name: "password", type: "password", placeholder: "password", minlength: "8", maxlength: "128", required: true, "aria-label": "Password",
  });
  const age = el("select", { "aria-label": "Age" }, ...Object.entries(AGES).map(([value, text]) => el("option", { value }, text)));
  const error = el("p.error", { role: "alert" });
  const submit = el("button.primary", { type: "submit" });
  const other = el("button.text", { type: "button", onclick: () => choose(way === WAYS.join ? WAYS.enter : WAYS.join) });

  function choose(chosen) {
    way = chosen;
    submit.textContent = way.verb;
    other.textContent = way.other;
    error.textContent = "";
    password.setAttribute("autocomplete", way.complete);
    age.hidden = way !== WAYS.join;
  }

  handle.addEventListener("input", () => (handle.value = handle.value.toLowerCase()));
  choose(WAYS.join);
  return el("form.auth", { onsubmit: async (event) => {
    event.preventDefault();
    submit.disabled = true;
    error.textContent = "";
    try {
      const said = way === WAYS.join && age.value ? { age_bracket: age.value } : {};
      keep(await call("POST", way.path, { handle: handle.value.trim(), password: password.value, ...said }));
      done();
    } catch (problem) {
      error.textContent = problem.message;
    } finally {
      submit.disabled = false;
    }
  } }, el("div.hero", { "aria-hidden": "true" }, ...Array.from({ length: 8 }, () => el("i", {}))),
  el("h1", {}, "Riffle"), el("p.quiet", {}, "Draw eight ideas at once. Keep the one you love. Remix everybody's."),
  handle, password, age, error, submit, other);
}
