// A message: where it went, its properties, its headers, its body. All of it is a stranger's text.

import { h } from "./dom.js";
import { bytes, count, inline, moment, nameOf } from "./format.js";
import { badge, values } from "./kit.js";

const SHOWN_MAX = 20_000;

/** One message, as `get`, a look into a queue and the live tail give it. */
export function messageView(message, { key, title, note } = {}) {
  const { headers, ...properties } = message.properties ?? {};
  return h("article", { class: "message", key },
    h("header", null,
      h("span", null, title ?? "Message", " "),
      h("span", { class: "muted" }, "to ", h("b", null, nameOf(message.exchange)), " with key ", h("code", null, message.routing_key === "" ? "(empty)" : message.routing_key)),
      message.redelivered && badge("redelivered", "warn", "it was with a consumer before"),
      note),
    h("div", { class: "message-parts" },
      h("div", null, h("h3", null, "Properties"), values(readable(properties))),
      h("div", null, h("h3", null, "Headers"), values(headers))),
    bodyView(message));
}

const DELIVERY = { 1: "1 (transient)", 2: "2 (persistent)" };

function readable(properties) {
  const out = { ...properties };
  if (out.delivery_mode !== undefined) out.delivery_mode = DELIVERY[out.delivery_mode] ?? out.delivery_mode;
  if (typeof out.timestamp === "number") out.timestamp = `${out.timestamp} (${moment(out.timestamp * 1000)})`;
  return out;
}

function bodyView(message) {
  const size = message.payload_bytes ?? message.payload?.length ?? 0;
  const text = bodyText(message);
  return h("div", { class: "body" },
    h("h3", null, "Body ", h("span", { class: "muted" }, bytes(size), message.payload_encoding === "base64" && ", not text: shown as hexadecimal")),
    h("pre", { tabindex: "0" }, text.slice(0, SHOWN_MAX)),
    (text.length > SHOWN_MAX || message.payload_truncated) && h("p", { class: "muted" }, "Only the beginning is shown."));
}

/** The body as text: JSON in lines, bytes in hexadecimal. */
export function bodyText(message) {
  const payload = message.payload ?? "";
  if (message.payload_encoding === "base64") return hexadecimal(payload);
  if (/json/.test(message.properties?.content_type ?? "") || /^\s*[[{]/.test(payload)) {
    try {
      return JSON.stringify(JSON.parse(payload), null, 2);
    } catch {
      // Not JSON after all, or cut off.
    }
  }
  return payload;
}

function hexadecimal(base64) {
  let binary;
  try {
    binary = atob(base64);
  } catch {
    return base64;
  }
  const lines = [];
  for (let at = 0; at < binary.length && lines.length < 400; at += 16) {
    const part = [...binary.slice(at, at + 16)];
    const hex = part.map((one) => one.charCodeAt(0).toString(16).padStart(2, "0")).join(" ");
    const text = part.map((one) => (one >= " " && one <= "~" ? one : ".")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join("\n");
}

/** A message in one line, for lists that run. */
export function messageLine(message) {
  const flat = message.payload_encoding === "base64" ? `${count(message.payload_bytes)} bytes` : inline(message.payload ?? "");
  return flat.replace(/\s+/g, " ").slice(0, 200);
}
