// Looks into a queue: at what waits without taking it, at what consumers hold, and fetching for real.

import { get, path, post, query } from "./api.js";
import { h } from "./dom.js";
import { form } from "./form.js";
import { ago, count, duration, many } from "./format.js";
import { act, channelName, choices, empty, panel } from "./kit.js";
import { messageView } from "./message.js";
import { offers } from "./session.js";
import { small } from "./table.js";

const PEEK = "GET /haremq/queues/{vhost}/{queue}/messages";
const UNACKED = "GET /haremq/queues/{vhost}/{queue}/unacked";
const AT_ONCE = 20;

const FATES = [
  ["ack_requeue_true", "put back (marked redelivered)"],
  ["ack_requeue_false", "taken out for good"],
  ["reject_requeue_true", "rejected and put back"],
  ["reject_requeue_false", "rejected: dropped, or dead-lettered"],
];

/** Looking and fetching. */
export function messagesPanel(queue, ctx) {
  const canPeek = offers(PEEK);
  const state = ctx.state;
  state.way ??= canPeek ? "peek" : "get";
  const turn = (way) => {
    state.way = way;
    state.found = null;
    ctx.render();
  };
  return panel("Messages", { key: "messages", wide: true, note: state.way === "peek" ? "looking changes nothing" : "fetching changes the queue", actions: canPeek && choices("Way", [["peek", "Look"], ["get", "Get"]], state.way, turn) },
    state.way === "peek" ? peekForm(queue, ctx) : getForm(queue, ctx),
    state.found && foundView(queue, ctx));
}

function peekForm(queue, ctx) {
  return form({
    key: "peek", label: "Look at waiting messages", action: "Look", compact: true,
    fields: [
      { name: "routing_key", label: "Routing key", placeholder: "any" },
      { name: "header", label: "Header", placeholder: "name or name=value" },
      { name: "text", label: "Text in the body", placeholder: "any" },
    ],
    submit: (filter) => peek(queue, ctx, filter, 0),
  });
}

async function peek(queue, ctx, filter, offset, before = []) {
  const at = `haremq/queues/${path(queue.vhost, queue.name)}/messages`;
  const answer = await get(at + query({ ...filter, offset: offset || undefined, count: AT_ONCE }), { signal: ctx.signal });
  const messages = Array.isArray(answer) ? answer : answer.messages ?? answer.items ?? [];
  const next = answer.next_offset ?? answer.next ?? null;
  ctx.state.found = { way: "peek", filter, messages: [...before, ...messages], next, scanned: answer.scanned };
  ctx.render();
}

function getForm(queue, ctx) {
  return form({
    key: "get", label: "Get messages", action: "Get", compact: true,
    fields: [
      { name: "ackmode", label: "Afterwards they are", type: "select", options: FATES },
      { name: "count", label: "How many", type: "number", value: 1, check: (value) => (value >= 1 && value <= 1000 ? null : "From 1 to 1000.") },
    ],
    submit: async (given) => {
      const messages = await post(`queues/${path(queue.vhost, queue.name)}/get`, { ...given, encoding: "auto", truncate: 50_000 });
      ctx.state.found = { way: "get", messages, next: null };
      await ctx.refresh();
    },
  });
}

function foundView(queue, ctx) {
  const { way, messages, next, filter, scanned } = ctx.state.found;
  if (messages.length === 0 && next === null) {
    const filtered = Object.values(filter ?? {}).some(Boolean);
    return empty(filtered ? "No waiting message is like that." : "No message waits.", way === "peek" && queue.messages_unacknowledged > 0 ? "What consumers have not acknowledged is below." : "");
  }
  return h("div", { class: "messages", role: "region", "aria-label": "Messages" },
    messages.map((message, at) => messageView(message, {
      key: String(message.position ?? message.offset ?? at),
      title: way === "peek" ? `#${count((message.position ?? message.offset ?? at) + 1)}` : `${at + 1} of ${messages.length}`,
      note: typeof message.stored_at_ms === "number" ? h("span", { class: "muted" }, ago(message.stored_at_ms)) : typeof message.age_ms === "number" ? h("span", { class: "muted" }, `${duration(message.age_ms)} old`) : null,
    })),
    next !== null && h("p", null, act(scanned ? `Go on (${many(scanned, "message")} were looked at)` : "Go on", () => peek(queue, ctx, filter, next, messages))));
}

/** What consumers hold; `null` where the broker does not say. */
export async function unacked(ctx, vhost, name) {
  if (!offers(UNACKED)) return null;
  const answer = await get(`haremq/queues/${path(vhost, name)}/unacked`, { signal: ctx.signal, quiet: true }).catch(() => null);
  return answer === null || Array.isArray(answer) ? answer : answer.consumers ?? answer.messages ?? answer.items ?? [];
}

/** What consumers hold, the oldest first. */
export function unackedPanel(held) {
  if (held === null || held.length === 0) return null;
  return panel("Unacknowledged", { key: "unacked", wide: true, note: "with consumers, not acknowledged yet" }, small(held, {
    what: "unacknowledged", none: null, key: (one, at) => `${one.channel ?? one.channel_details?.name} ${one.consumer_tag} ${at}`,
    columns: [
      { id: "tag", label: "Consumer", cell: (one) => h("code", null, one.consumer_tag || "(basic.get)") },
      { id: "channel", label: "Channel", cell: (one) => (one.channel_details?.name ? channelName(one.channel_details.name) : one.channel ?? "–") },
      { id: "count", label: "Messages", number: true, cell: (one) => count(one.count ?? one.unacknowledged ?? one.messages?.length) },
      { id: "prefetch", label: "Prefetch", number: true, cell: (one) => (one.prefetch_count === undefined ? "–" : count(one.prefetch_count)) },
      { id: "oldest", label: "Oldest", number: true, cell: (one) => duration(one.oldest_age_ms ?? one.oldest_ms) },
    ],
  }));
}
