// Moves messages from a queue to somewhere else.

import { path, post } from "./api.js";
import { confirm } from "./dialog.js";
import { h } from "./dom.js";
import { form } from "./form.js";
import { many } from "./format.js";
import { panel } from "./kit.js";
import { offers } from "./session.js";
import { done } from "./toast.js";

const RESOURCE = "POST /haremq/queues/{vhost}/{queue}/move";

const STOPPED = {
  bound: "More wait; press Move again to go on.",
  unrouted: "The next message would reach no queue there, so it stays here.",
  refused: "The next message was refused there, so it stays here.",
};

/** The form; nothing where the broker cannot do it. */
export function movePanel(queue, ctx) {
  if (!offers(RESOURCE)) return null;
  return panel("Move messages", { key: "move", open: false, note: "each is confirmed there before it goes here" }, form({
    key: "move", label: "Move messages", action: "Move",
    fields: [
      { name: "to", label: "To", type: "select", options: [["queue", "a queue"], ["exchange", "an exchange"]] },
      { name: "to_queue", label: "Queue", required: true, when: ({ to }) => to === "queue" },
      { name: "to_exchange", label: "Exchange", required: true, when: ({ to }) => to === "exchange" },
      { name: "to_routing_key", label: "Its routing key", hint: "Empty: each message keeps its own.", when: ({ to }) => to === "exchange" },
      { name: "count", label: "How many", type: "number", hint: "Empty: all that wait now." },
      { name: "routing_key", label: "Only with this routing key" },
      { name: "header", label: "Only with this header", placeholder: "name or name=value" },
      { name: "text", label: "Only with this text in the body" },
    ],
    submit: (given) => move(queue, ctx, given),
  }), h("p", { class: "hint" }, "No message is lost on the way. After a crash in the middle a message may be in both places."));
}

async function move(queue, ctx, { to, ...given }) {
  const where = to === "queue" ? `the queue ${given.to_queue}` : `the exchange ${given.to_exchange}`;
  const sure = await confirm({ title: "Move messages?", text: `From ${queue.name} to ${where}.`, action: "Move" });
  if (!sure) return;
  const body = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== "" && value !== undefined));
  const answer = await post(`haremq/queues/${path(queue.vhost, queue.name)}/move`, body);
  done(`${many(answer.moved, "message")} moved to ${where}. ${STOPPED[answer.stopped] ?? ""}`);
  await ctx.refresh();
}
