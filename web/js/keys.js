// Keys: `/` goes to the filter, `g` and a letter to a page, `?` shows them all.

import { h } from "./dom.js";
import { open } from "./dialog.js";
import { go } from "./router.js";

const PLACES = {
  o: ["Overview", []],
  c: ["Connections", ["connections"]],
  h: ["Channels", ["channels"]],
  e: ["Exchanges", ["exchanges"]],
  q: ["Queues", ["queues"]],
  t: ["Live tail", ["tail"]],
  l: ["Log", ["log"]],
  a: ["Admin", ["admin"]],
};
const PATIENCE_MS = 1200;

let waiting = 0;

/** Listens. */
export function listen(refresh) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const followed = event.timeStamp - waiting < PATIENCE_MS;
    waiting = 0;
    if (followed && PLACES[event.key]) go(PLACES[event.key][1]);
    else if (event.key === "g") waiting = event.timeStamp;
    else if (event.key === "/") focusFilter();
    else if (event.key === "r") refresh();
    else if (event.key === "?") help();
    else return;
    event.preventDefault();
  });
}

function isTyping(node) {
  return node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName);
}

function focusFilter() {
  const filter = document.getElementById("filter");
  filter?.focus();
  filter?.select();
}

/** Shows the keys. */
export function help() {
  const rows = [
    ["/", "to the filter of a list"], ["r", "look again now"], ["?", "these keys"], ["Esc", "close a window"],
    ...Object.entries(PLACES).map(([key, [label]]) => [`g ${key}`, label]),
  ];
  open({
    title: "Keys",
    view: () => h("table", { class: "values" }, h("tbody", null, rows.map(([key, what]) =>
      h("tr", { key }, h("th", { scope: "row" }, key.split(" ").map((part) => h("kbd", { key: part }, part))), h("td", null, what))))),
  });
}
