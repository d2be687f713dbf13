// Moves messages from a queue to somewhere else.

import { path, post } from "./api.js";
import { confirm } from "./dialog.js";
import { form } from "./form.js";
import { many } from "./format.js";
import { h } from "./dom.js";
import { panel } from "./kit.js";
import { offers } from "./session.js";
import { done } from "./toast.js";

const RESOURCE = "POST /haremq/queues/{vhost}/{queue}/move";

/** The form; nothing where the broker cannot do it. */
export function movePanel(queue, ctx) {
  if (!offers(RESOURCE)) return null;
  return panel("Move messages", { key: "move", open: false, note: "each is confirmed there before it goes here" }, form({
    key: "move", label: "Move messages", action: "Move",
    fields: [
      { name: "to", label: "To", type: "select", options: [["queue", "a queue"], ["exchange", "an exchange"]] },
      { name: "queue", label: "Queue", required: true, when: ({ to }) => to === "queue" },
      { name: "exchange", label: "Exchange", required: true, when: ({ to }) => to === "exchange" },
      { name: "new_key", label: "Routing key", hint: "Empty: each message keeps its own.", when: ({ to }) => to === "exchange" },
      { name: "count", label: "How many", type: "number", hint: "Empty: all that wait now." },
      { name: "routing_key", label: "Only with routing key" },
      { name: "header", label: "Only with header", placeholder: "name or name=value" },
      { name: "text", label: "Only with text in the body" },
    ],
    submit: (given) => move(queue, ctx, given),
  }), h("p", { class: "hint" }, "No message is lost on the way. After a crash in the middle a message may be in both places."));
}

async function move(queue, ctx, { to, queue: target, exchange, new_key: key, ...filter }) {
  const where = to === "queue" ? `the queue ${target}` : `the exchange ${exchange}`;
  const sure = await confirm({ title: "Move messages?", text: `From ${queue.name} to ${where}.`, action: "Move" });
  if (!sure) return;
  const chosen = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== "" && value !== undefined));
  const body = to === "queue" ? { queue: target, ...chosen } : { exchange, ...(key ? { key } : {}), ...chosen };
  const answer = await post(`haremq/queues/${path(queue.vhost, queue.name)}/move`, body);
  const moved = answer?.moved ?? answer?.count;
  done(moved === undefined ? "Moved." : `${many(moved, "message")} moved to ${where}.`);
  await ctx.refresh();
}
