// Looks into a queue: at what waits without taking it, at what consumers hold, and fetching for real.

import { get, path, post, query } from "./api.js";
import { h } from "./dom.js";
import { form } from "./form.js";
import { count, duration, many } from "./format.js";
import { act, badge, channelName, choices, empty, panel } from "./kit.js";
import { messageView } from "./message.js";
import { offers } from "./session.js";

const PEEK = "GET /haremq/queues/{vhost}/{queue}/messages";
const UNACKED = "GET /haremq/queues/{vhost}/{queue}/unacked";
const AT_ONCE = 20;
const GET_BYTES = 50_000;

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
  return panel("Messages", {
    key: "messages", wide: true, note: state.way === "peek" ? "looking changes nothing" : "fetching changes the queue",
    actions: canPeek && choices("Way", [["peek", "Look"], ["get", "Get"]], state.way, turn),
  }, state.way === "peek" ? peekForm(queue, ctx) : getForm(queue, ctx), state.found && foundView(queue, ctx));
}

function peekForm(queue, ctx) {
  return form({
    key: "peek", label: "Look at waiting messages", action: "Look", compact: true,
    fields: [
      { name: "routing_key", label: "Routing key", placeholder: "any" },
      { name: "header", label: "Header", placeholder: "name or name=value" },
      { name: "text", label: "Text in the body", placeholder: "any" },
    ],
    submit: (filter) => peek(queue, ctx, filter, undefined, null),
  });
}

async function peek(queue, ctx, filter, offset, before) {
  const at = `haremq/queues/${path(queue.vhost, queue.name)}/messages`;
  const page = await get(at + query({ ...filter, offset, count: AT_ONCE }), { signal: ctx.signal });
  ctx.state.found = {
    way: "peek", filter, next: page.next_offset,
    messages: [...(before?.messages ?? []), ...page.messages],
    looked: (before?.looked ?? 0) + page.looked_at,
    unreadable: (before?.unreadable ?? 0) + page.unreadable,
  };
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
      const messages = await post(`queues/${path(queue.vhost, queue.name)}/get`, { ...given, encoding: "auto", truncate: GET_BYTES });
      ctx.state.found = { way: "get", messages, next: null };
      await ctx.refresh();
    },
  });
}

function foundView(queue, ctx) {
  const found = ctx.state.found;
  const { way, messages, next, filter, looked, unreadable } = found;
  const on = typeof next === "number" && h("p", null,
    act("Go on", () => peek(queue, ctx, filter, next, found)), h("span", { class: "muted" }, ` ${many(looked, "message")} looked at so far`));
  if (messages.length === 0) {
    const filtered = Object.values(filter ?? {}).some(Boolean);
    return [empty(filtered ? "No waiting message is like that." : "No message waits.", queue.messages_unacknowledged > 0 ? "Those that consumers have not acknowledged yet are below." : ""), on];
  }
  return h("div", { class: "messages", role: "region", "aria-label": "Messages" },
    unreadable > 0 && h("p", { class: "error" }, `${many(unreadable, "message")} could not be read from disk.`),
    messages.map((message, at) => messageView(message, {
      key: String(message.offset ?? at), title: `${at + 1}.`,
      note: h("span", { class: "badges" }, notes(message)),
    })), on);
}

function notes(message) {
  return [
    typeof message.age_ms === "number" && h("span", { class: "muted", key: "age" }, `${message.age_is_at_least ? "at least " : ""}${duration(message.age_ms)} old`),
    typeof message.expires_in_ms === "number" && badge(`expires in ${duration(message.expires_in_ms)}`, "warn"),
    message.delivery_count > 0 && badge(`delivered ${many(message.delivery_count, "time")}`),
    message.unreadable && badge("cannot be read from disk", "bad"),
  ];
}

/** What consumers hold; `null` where the broker does not say. */
export async function unacked(ctx, vhost, name) {
  if (!offers(UNACKED)) return null;
  return get(`haremq/queues/${path(vhost, name)}/unacked`, { signal: ctx.signal, quiet: true }).catch(() => null);
}

/** What consumers hold, by consumer. */
export function unackedPanel(held) {
  if (held === null || held.holders.length === 0) return null;
  return panel("Unacknowledged", {
    key: "unacked", wide: true,
    note: `${many(held.messages_unacknowledged, "message")} with consumers${held.is_complete ? "" : ", not all of them are shown"}`,
  }, held.holders.map((holder, at) => h("details", { class: "inner", key: `${holder.channel_details?.name} ${holder.consumer_tag} ${at}` },
    h("summary", null, h("code", null, holder.consumer_tag ?? "(basic.get)"),
      h("span", null, `${many(holder.messages_unacknowledged, "message")}, the oldest for ${duration(holder.oldest_age_ms)}`),
      holder.prefetch_count > 0 && holder.messages_unacknowledged >= holder.prefetch_count && badge("prefetch is full", "warn", `it may hold ${count(holder.prefetch_count)}`)),
    holder.channel_details?.name && h("p", null, channelName(holder.channel_details.name), holder.channel_details.user && h("span", { class: "muted" }, ` of ${holder.channel_details.user}`)),
    h("div", { class: "messages" }, holder.messages.map((message, index) => messageView(message, {
      key: String(message.id), title: `${index + 1}.`, note: h("span", { class: "badges" }, notes(message)),
    }))))));
}
