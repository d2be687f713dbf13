// Name and password.

import { logIn } from "../api.js";
import { h } from "../dom.js";
import { form } from "../form.js";

/** The page before all others. */
export function loginView({ note, entered }) {
  const submit = async ({ username, password }) => entered(await logIn(username, password));
  return h("main", { class: "login", id: "main" },
    h("div", { class: "login-card" },
      h("h1", null, h("img", { src: "favicon.svg", alt: "", width: "40", height: "40" }), "HareMQ"),
      note && h("p", { class: "muted", role: "status" }, note),
      form({
        label: "Log in", action: "Log in", submit,
        fields: [
          { name: "username", label: "Username", required: true, autocomplete: "username", wide: true },
          { name: "password", label: "Password", type: "password", autocomplete: "current-password", wide: true },
        ],
      }),
      h("p", { class: "hint" }, "A new broker has the user ", h("code", null, "guest"), " with the password ", h("code", null, "guest"),
        ", who may log in from the broker's own machine only.")));
}
