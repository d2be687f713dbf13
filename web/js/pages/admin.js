// Where administration begins.

import { h } from "../dom.js";
import { link } from "../router.js";
import { may } from "../session.js";

const PLACES = [
  ["Users", ["users"], "administrator", "Who may log in, with which tags, and what they may do where."],
  ["Virtual hosts", ["vhosts"], "management", "Worlds of their own: queues, exchanges and permissions."],
  ["Policies", ["policies"], "management", "Settings for all queues and exchanges whose names match."],
  ["Limits", ["limits"], "management", "How many connections, queues and channels there may be."],
  ["Definitions", ["definitions"], "administrator", "Everything that is declared, as one document: export and import."],
];

export const admin = {
  place: "admin",
  still: true,
  title: () => "Admin",
  load: async () => ({}),

  view() {
    return [
      h("div", { class: "page-head", key: "head" }, h("h1", null, "Admin")),
      h("ul", { class: "tiles", key: "tiles" }, PLACES.filter(([, , tag]) => may(tag)).map(([name, parts, , what]) =>
        h("li", { key: name }, h("a", { href: link(parts) }, h("b", null, name), h("span", { class: "muted" }, what))))),
    ];
  },
};
