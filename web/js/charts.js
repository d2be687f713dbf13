// The charts of the pages: which counters stand in which picture.

import { chart } from "./chart.js";
import { h } from "./dom.js";
import { bytes, rate, short } from "./format.js";
import { choices } from "./kit.js";
import { requery } from "./router.js";
import { levels, RANGES, rangeOf, rates, remember } from "./series.js";

export const LEVELS = [
  ["messages", "Total", 0],
  ["messages_ready", "Ready", 1],
  ["messages_unacknowledged", "Unacked", 2],
];

export const FLOWS = [
  ["publish", "Publish", 0, "messages that came in"],
  ["confirm", "Confirm", 3, "publishers were told that these are safe"],
  ["deliver", "Deliver (ack)", 1, "to consumers that acknowledge"],
  ["deliver_no_ack", "Deliver (auto)", 4, "to consumers that do not acknowledge"],
  ["ack", "Ack", 2, "consumers are done with these"],
  ["redeliver", "Redeliver", 5, "delivered for a second time or more"],
  ["get", "Get", 6, "fetched one by one"],
  ["return_unroutable", "Returned", 7, "no queue wanted them, the publisher was told"],
  ["drop_unroutable", "Dropped", 7, "no queue wanted them"],
];

const OCTETS = [["recv_oct", "From client", 0], ["send_oct", "To client", 1]];

/** Which part of the past is shown. */
export function rangeChoice(ctx) {
  return choices("Time shown", RANGES.map(({ id, label }) => [id, label]), rangeOf(ctx.query).id, (id) => requery({ range: id }));
}

/** Keeps what an answer says, for a broker that keeps no samples. */
export function collect(id, object) {
  remember(`${id} levels`, object, LEVELS.map(([name]) => name));
  remember(`${id} flows`, object.message_stats, FLOWS.map(([name]) => name));
  remember(`${id} octets`, object, OCTETS.map(([name]) => name));
}

/** How many messages. */
export function levelChart(id, object, ctx, title = "Messages") {
  return chart({
    title, seconds: rangeOf(ctx.query).age, format: short, kind: "whole",
    series: LEVELS.map(([name, label, colour]) => ({ name: label, colour, points: levels(`${id} levels`, object, name) })),
  });
}

/** How fast; counters that the object does not have are left out. */
export function flowChart(id, object, ctx, { title = "Message rates per second", only } = {}) {
  const stats = object.message_stats ?? {};
  const always = ["publish", "deliver", "ack"];
  const wanted = FLOWS.filter(([name]) => (only ? only.includes(name) : name in stats && (always.includes(name) || stats[name] > 0)));
  return chart({
    title, seconds: rangeOf(ctx.query).age, format: rate, note: wanted.length === 0 ? "Nothing was counted here yet." : undefined,
    series: wanted.map(([name, label, colour, hint]) => ({ name: label, colour, hint, points: rates(`${id} flows`, stats, name) })),
  });
}

/** Bytes per second of a connection. */
export function octetChart(id, object, ctx) {
  return chart({
    title: "Bytes per second", seconds: rangeOf(ctx.query).age, format: bytes, kind: "bytes",
    series: OCTETS.map(([name, label, colour]) => ({ name: label, colour, points: rates(`${id} octets`, object, name) })),
  });
}

/** Charts beside each other. */
export function charts(...all) {
  return h("div", { class: "charts" }, all);
}
