// Pieces that pages are made of.

import { h } from "./dom.js";
import { bytes, count, inline, nameOf, percent, rate } from "./format.js";
import { channelLink, connectionLink, exchangeLink, queueLink } from "./router.js";
import { done, failed } from "./toast.js";


/** A part of a page with a heading. `open` given: it can be folded. */
export function panel(title, { key, note, actions, open, wide, kind } = {}, ...content) {
  if (open !== undefined) {
    return h("details", { class: `panel ${wide ? "wide" : ""}`, key: key ?? title, open },
      h("summary", null, h("h2", null, title), note && h("span", { class: "muted" }, note)),
      h("div", { class: "panel-body" }, content));
  }
  return h("section", { class: `panel ${wide ? "wide" : ""} ${kind ?? ""}`, key: key ?? title, "aria-label": typeof title === "string" ? title : undefined },
    h("header", null, h("h2", null, title), note && h("span", { class: "muted" }, note), actions && h("div", { class: "actions" }, actions)),
    h("div", { class: "panel-body" }, content));
}

/** Names and what they are; a pair without a value is left out. */
export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => value !== undefined && value !== null && value !== false).map(([name, value, hint]) =>
    h("div", { key: name }, h("dt", { title: hint }, name), h("dd", null, value))));
}

/** What to do where there is nothing yet. */
export function empty(title, ...what) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), what.length > 0 && h("p", null, what));
}

/** A word in a frame; `kind` is good, bad, warn, info or nothing. */
export function badge(text, kind = "", hint) {
  return h("span", { class: `badge ${kind}`, title: hint }, text);
}

const STATES = { running: "good", idle: "", flow: "warn", blocked: "bad", blocking: "bad", crashed: "bad", stopped: "bad", down: "bad", minority: "bad", closing: "warn" };

/** A state as the broker says it. */
export function state(text) {
  return text ? h("span", { class: `state ${STATES[text] ?? ""}` }, text) : h("span", { class: "muted" }, "–");
}

const FEATURES = [
  ["durable", "D", "durable: its definition survives a restart"],
  ["auto_delete", "AD", "auto-delete: goes when its last user has gone"],
  ["exclusive", "Excl", "exclusive: belongs to one connection"],
  ["internal", "I", "internal: clients cannot publish to it"],
];

/** What a queue or an exchange was declared with, in little room. */
export function features(object) {
  const flags = FEATURES.filter(([name]) => object[name]).map(([, label, hint]) => badge(label, "", hint));
  const given = Object.entries(object.arguments ?? {}).map(([name, value]) =>
    badge(SHORT[name] ?? name.replace(/^x-/, ""), "", `${name}: ${inline(value)}`));
  const policies = [
    object.policy && badge(object.policy, "info", `policy ${object.policy}`),
    object.operator_policy && badge(object.operator_policy, "info", `operator policy ${object.operator_policy}`),
  ];
  return h("span", { class: "badges" }, flags, given, policies);
}

const SHORT = {
  "x-message-ttl": "TTL", "x-expires": "Exp", "x-max-length": "Lim", "x-max-length-bytes": "Lim B", "x-overflow": "Ovfl",
  "x-dead-letter-exchange": "DLX", "x-dead-letter-routing-key": "DLK", "x-max-priority": "Pri", "x-single-active-consumer": "SAC",
  "x-queue-type": "type", "x-delivery-limit": "DlL", "alternate-exchange": "AE",
};

/** JSON values as a small table. */
export function values(object, none = "none") {
  const entries = Object.entries(object ?? {});
  if (entries.length === 0) return h("span", { class: "muted" }, none);
  return h("table", { class: "values" }, h("tbody", null, entries.map(([name, value]) =>
    h("tr", { key: name }, h("th", { scope: "row" }, name),
      h("td", null, value !== null && typeof value === "object" && !Array.isArray(value) ? values(value) : inline(value))))));
}

/** A bar that fills up, with words. */
export function meter(label, used, most, format, danger) {
  const part = most > 0 ? Math.min(1, used / most) : 0;
  return h("div", { class: `meter ${danger ? "bad" : part > 0.85 ? "warn" : ""}`, key: label },
    h("div", { class: "meter-head" }, h("span", null, label),
      h("span", { class: "number" }, most > 0 ? `${format(used)} of ${format(most)}` : format(used))),
    most > 0 && h("div", { class: "meter-bar", role: "meter", "aria-label": label, "aria-valuenow": Math.round(part * 100), "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuetext": percent(part) },
      h("div", { style: { width: `${(part * 100).toFixed(1)}%` } })));
}

/** One large number. */
export function figure(label, value, { hint, href, kind } = {}) {
  const inside = [h("span", { class: "figure-value number" }, value), h("span", { class: "figure-label" }, label)];
  return href ? h("a", { class: `figure ${kind ?? ""}`, href, title: hint, key: label }, inside) : h("div", { class: `figure ${kind ?? ""}`, title: hint, key: label }, inside);
}

/** A button that does something and says how it went. */
export function act(label, run, { kind = "", good, hint, disabled } = {}) {
  const press = async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    try {
      const result = await run();
      if (result !== false && good) done(good);
    } catch (error) {
      failed(error);
    }
    button.disabled = disabled ?? false;
  };
  return h("button", { type: "button", class: kind, title: hint, onclick: press, disabled, key: label }, label);
}

export const queueName = (vhost, name) => h("a", { href: queueLink(vhost, name), class: "name" }, name);
export const exchangeName = (vhost, name) => h("a", { href: exchangeLink(vhost, name), class: "name" }, nameOf(name));
export const connectionName = (name, shown) => h("a", { href: connectionLink(name), class: "name" }, shown ?? name);
export const channelName = (name) => h("a", { href: channelLink(name), class: "name" }, name);

/** The rate of a counter in `message_stats`. */
export function rateOf(object, counter) {
  return object?.message_stats?.[`${counter}_details`]?.rate;
}

/** A cell of a table with a rate. */
export const rateCell = (object, counter) => rate(rateOf(object, counter));
export const countCell = (value) => count(value);
export const bytesCell = (value) => bytes(value);

/** Choices of which one is on. */
export function choices(label, options, chosen, choose) {
  return h("div", { class: "choices", role: "group", "aria-label": label }, options.map(([id, text]) =>
    h("button", { key: id, type: "button", "aria-pressed": String(id === chosen), onclick: () => choose(id) }, text)));
}

/** The path through the pages to here. */
export function crumbs(...parts) {
  return h("nav", { class: "crumbs", "aria-label": "Where this is" }, parts.map(([text, href], at) => [
    at > 0 && h("span", { "aria-hidden": "true" }, "/"),
    href ? h("a", { href, key: text }, text) : h("span", { key: text }, text),
  ]));
}
