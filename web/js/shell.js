// What stands around every page: the name, the places, the choices.

import { h } from "./dom.js";
import { clock } from "./format.js";
import { help } from "./keys.js";
import { every, INTERVALS, setEvery, setVhost, vhost } from "./prefs.js";
import { link } from "./router.js";
import * as session from "./session.js";
import { theme, turn } from "./theme.js";

const PLACES = [
  ["Overview", [], []],
  ["Connections", ["connections"], ["connections"]],
  ["Channels", ["channels"], ["channels"]],
  ["Exchanges", ["exchanges"], ["exchanges"]],
  ["Queues", ["queues"], ["queues"]],
  ["Live tail", ["tail"], ["tail"]],
  ["Log", ["log"], ["log"]],
  ["Admin", ["admin"], ["admin", "users", "vhosts", "policies", "limits", "definitions", "feature-flags"]],
];

const THEMES = { auto: "◐ as the system", light: "☀ light", dark: "☾ dark" };

/** What not every broker has, or not everybody may see. */
const THERE = {
  "Live tail": () => session.offers("GET /haremq/tail/queue/{vhost}/{queue}"),
  Log: () => session.may("administrator") && session.offers("GET /haremq/log"),
};

function places() {
  return PLACES.filter(([label]) => THERE[label]?.() ?? true);
}

/** The whole page around `content`. */
export function shell(visit, { refresh, changed, leave, content }) {
  const here = visit.page.place ?? "";
  const names = session.vhostNames();
  return [
    h("a", { class: "skip", href: "#main", onclick: skip, key: "skip" }, "Skip to the content"),
    h("header", { class: "top", key: "top" },
      h("a", { class: "brand", href: link([]), "aria-label": "HareMQ, overview" }, h("img", { src: "favicon.svg", alt: "", width: "26", height: "26" }), h("span", null, "HareMQ")),
      h("nav", { class: "places", "aria-label": "Pages" }, places().map(([label, parts, own]) =>
        h("a", { key: label, href: link(parts), "aria-current": own.includes(here) || (here === "" && parts.length === 0) ? "page" : undefined }, label))),
      h("div", { class: "choose" },
        names.length > 1 && h("label", { key: "vhost" }, h("span", { class: "unseen" }, "Virtual host"),
          h("select", { title: "Lists show this virtual host", onchange: (event) => { setVhost(event.target.value); changed(); } },
            h("option", { key: "all", value: "", selected: vhost() === "" }, "All virtual hosts"),
            names.map((name) => h("option", { key: `v${name}`, value: name, selected: vhost() === name }, name)))),
        h("label", { key: "every" }, h("span", { class: "unseen" }, "Look again"),
          h("select", { title: "How often this page looks again", onchange: (event) => { setEvery(Number(event.target.value)); refresh(); } },
            INTERVALS.map((seconds) => h("option", { key: String(seconds), value: seconds, selected: seconds === every() }, seconds === 0 ? "Paused" : `Every ${seconds} s`)))),
        h("details", { class: "menu right", key: "user" }, h("summary", null, session.user().name),
          h("div", { class: "menu-body" },
            h("p", { class: "muted" }, session.user().tags.join(", ") || "no tags"),
            h("button", { type: "button", class: "plain", onclick: () => { turn(); visit.render(); } }, `Colours: ${THEMES[theme()]}`),
            h("button", { type: "button", class: "plain", onclick: help }, "Keys (?)"),
            h("a", { href: "./api/openapi.json", target: "_blank", rel: "noopener" }, "HTTP API"),
            h("button", { type: "button", class: "plain", onclick: leave }, "Log out"))))),
    content,
    h("footer", { class: "bottom", key: "bottom" }, h("span", null, visit.at ? `Seen at ${clock(visit.at)}` : " "), h("span", null, "Press ", h("kbd", null, "?"), " for keys")),
  ];
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
