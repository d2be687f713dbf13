// Bindings as a picture: what comes into an exchange, and where it goes.

import { h } from "./dom.js";
import { inline, nameOf } from "./format.js";
import { exchangeLink, queueLink } from "./router.js";

const ROW = 46;
const BOX = { width: 200, height: 32 };
const SIDE_MAX = 24;
const KEYS_MAX = 3;
const WIDTH = 900;

/** The picture of the bindings of an exchange. */
export function bindingPicture(exchange, incoming, outgoing) {
  const left = grouped(incoming, (one) => [one.source, "exchange"]);
  const right = grouped(outgoing, (one) => [one.destination, one.destination_type]);
  const rows = Math.max(left.shown.length, right.shown.length, 1);
  const high = rows * ROW + 24;
  const middle = high / 2;
  const hasLeft = left.shown.length > 0;
  const width = hasLeft ? WIDTH : WIDTH - 260;
  const centre = hasLeft ? 350 : 20;
  const at = (side, index) => middle + (index - (side.length - 1) / 2) * ROW;
  const far = width - BOX.width - 10;
  const what = `${nameOf(exchange.name)}: from ${left.shown.length} exchanges, to ${right.shown.length} queues and exchanges`;
  return h("div", { class: "picture scroll" },
    h("svg", { viewBox: `0 0 ${width} ${high}`, width, height: high, role: "group", "aria-label": what },
      left.shown.map((one, index) => h("g", { key: `l${one.name}` },
        edge(10 + BOX.width, at(left.shown, index), centre, middle, one.keys, true),
        box(exchange.vhost, one.name, "exchange", 10, at(left.shown, index)))),
      right.shown.map((one, index) => h("g", { key: `r${one.type} ${one.name}` },
        edge(centre + BOX.width, middle, far, at(right.shown, index), one.keys, false),
        box(exchange.vhost, one.name, one.type, far, at(right.shown, index)))),
      h("g", { class: "here", key: "here" },
        h("rect", { x: centre, y: middle - BOX.height / 2, width: BOX.width, height: BOX.height, rx: 16 }),
        h("text", { x: centre + BOX.width / 2, y: middle + 5, "text-anchor": "middle" }, cut(nameOf(exchange.name), 24)))),
    (left.more > 0 || right.more > 0) && h("p", { class: "muted" }, `${left.more + right.more} more are in the list below.`));
}

function grouped(bindings, ends) {
  const all = new Map();
  for (const one of bindings) {
    const [name, type] = ends(one);
    const id = `${type} ${name}`;
    if (!all.has(id)) all.set(id, { name, type, keys: [] });
    all.get(id).keys.push(labelOf(one));
  }
  const list = [...all.values()];
  return { shown: list.slice(0, SIDE_MAX), more: Math.max(0, list.length - SIDE_MAX) };
}

/** What a binding asks for, in words. */
export function labelOf(binding) {
  const given = Object.entries(binding.arguments ?? {}).map(([name, value]) => `${name}=${inline(value)}`);
  return [binding.routing_key, ...given].filter(Boolean).join(" ");
}

function box(vhost, name, type, x, y) {
  const href = type === "queue" ? queueLink(vhost, name) : exchangeLink(vhost, name);
  return h("a", { href, class: `box ${type}`, "aria-label": `${type} ${nameOf(name)}` },
    h("title", null, `${type} ${nameOf(name)}`),
    h("rect", { x, y: y - BOX.height / 2, width: BOX.width, height: BOX.height, rx: type === "queue" ? 4 : 16 }),
    h("text", { x: x + 12, y: y + 5 }, cut(nameOf(name), 24)));
}

function edge(x1, y1, x2, y2, keys, comesIn) {
  const bend = (x2 - x1) / 2;
  const text = keys.filter(Boolean);
  const label = text.slice(0, KEYS_MAX).join(", ") + (text.length > KEYS_MAX ? ` +${text.length - KEYS_MAX}` : "");
  // The label stands near the end that is not shared.
  const [lx, ly, anchor] = Math.abs(y1 - y2) < 1 ? [(x1 + x2) / 2, y1 - 6, "middle"] : comesIn ? [x1 + 8, y1 - 6, "start"] : [x2 - 8, y2 - 6, "end"];
  return [
    h("path", { class: "edge", d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` }),
    label && h("text", { class: "edge-label", x: lx, y: ly, "text-anchor": anchor }, h("title", null, text.join(", ")), cut(label, 26)),
  ];
}

function cut(text, most) {
  const all = [...text];
  return all.length > most ? `${all.slice(0, most - 1).join("")}…` : text;
}
