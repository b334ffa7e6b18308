// Signing up and in.

import { call, keep } from "./api.js";
import { attempt, el } from "./dom.js";

/** @param {() => void} done */
export function signIn(done) {
  let fresh = true;
  const handle = el("input", {
    name: "handle", placeholder: "handle", autocomplete: "username", autocapitalize: "none", spellcheck: "false",
    pattern: "[a-z0-9_]{3,30}", title: "3 to 30 of a-z, 0-9, _", required: true, "aria-label": "Handle",
  });
  const password = el("input", {
    name: "password", type: "password", placeholder: "password", minlength: "8", maxlength: "128", required: true,
    autocomplete: "current-password", "aria-label": "Password",
  });
  const submit = el("button.primary", { type: "submit" }, "Join Riffle");
  const other = el("button.quiet", { type: "button" }, "I have an account");
  other.addEventListener("click", () => {
    fresh = !fresh;
    submit.textContent = fresh ? "Join Riffle" : "Sign in";
    other.textContent = fresh ? "I have an account" : "I am new here";
  });
  const form = el(
    "form.auth", {},
    el("h1", {}, "Riffle"),
    el("p", {}, "Draw eight ideas at once. Keep the one you love. Remix everybody’s."),
    handle, password, submit, other,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      const body = { handle: handle.value.trim().toLowerCase(), password: password.value };
      keep(await call("POST", fresh ? "/v1/accounts" : "/v1/sessions", body));
      done();
    });
  });
  return form;
}
