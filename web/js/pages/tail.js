// Live tail: messages as they pass an exchange or come into a queue.

import { events, path, query } from "../api.js";
import { h } from "../dom.js";
import { form } from "../form.js";
import { clock, count, many, nameOf } from "../format.js";
import { crumbs, empty, panel } from "../kit.js";
import { messageLine, messageView } from "../message.js";
import { go, link } from "../router.js";
import { offers, vhostNames } from "../session.js";
import { sentence } from "../why.js";

const KEPT = 200;
const DRAW_MS = 250;

export const tail = {
  place: "tail",
  still: true,
  title: (ctx) => (ctx.params.length === 3 ? `Live tail of ${nameOf(ctx.params[2])}` : "Live tail"),
  load: async () => ({}),
  end: (ctx) => stop(ctx),

  view(_, ctx) {
    if (offers("GET /haremq/tail/queue/{}/{}")) return ctx.params.length === 3 ? running(ctx) : chooser();
    return [h("div", { class: "page-head", key: "head" }, h("h1", null, "Live tail")), empty("This broker has no live tail.")];
  },
};

function chooser() {
  const names = vhostNames();
  return [
    h("div", { class: "page-head", key: "head" }, h("h1", null, "Live tail")),
    panel("What to watch", { key: "what" }, h("p", null, "Messages are shown as they pass. Nothing is consumed, and nothing waits for this page: what is too fast for it is counted and left out."), form({
      label: "Live tail", action: "Watch",
      fields: [
        { name: "what", label: "What", type: "select", options: [["queue", "What comes into a queue"], ["exchange", "What passes an exchange"]] },
        ...(names.length > 1 ? [{ name: "vhost", label: "Virtual host", type: "select", options: names }] : []),
        { name: "name", label: "Its name", required: true },
      ],
      submit: async ({ what, vhost = names[0], name }) => go(["tail", what, vhost, name]),
    })),
  ];
}

function running(ctx) {
  const [what, vhost, name] = ctx.params;
  const live = (ctx.state.live ??= { messages: [], number: 0, seen: 0, dropped: 0, running: null, note: "", error: "" });
  return [
    crumbs(["Live tail", link(["tail"])], [`virtual host “${vhost}”`], [nameOf(name), link([what === "queue" ? "queues" : "exchanges", vhost, name])]),
    h("div", { class: "page-head", key: "head" }, h("h1", null, `Live tail of ${nameOf(name)}`)),
    panel("Filter", { key: "filter", wide: true }, form({
      key: "tail", label: "Filter", action: live.running ? "Start anew" : "Start", compact: true,
      extra: live.running && h("button", { type: "button", key: "stop", onclick: () => { stop(ctx); ctx.render(); } }, "Stop"),
      fields: [
        { name: "key", label: "Routing key", placeholder: what === "exchange" ? "a binding key; all of a topic" : "any" },
        { name: "header", label: "Header", placeholder: "name or name=value" },
        { name: "text", label: "Text in the body", placeholder: "any" },
        { name: "sample", label: "Show one of", type: "number", value: 1, check: (value) => (value >= 1 ? null : "1 or more.") },
      ],
      submit: async (filter) => begin(ctx, filter),
    })),
    panel("Messages", { key: "messages", wide: true, note: noteOf(live) },
      live.error && h("p", { class: "form-error", role: "alert" }, sentence(live.error)),
      live.messages.length === 0
        ? empty(live.running ? "Nothing passed yet." : "Press Start.", live.running ? "The next message appears here." : "")
        : h("div", { class: "tail", role: "log", "aria-label": "Messages" }, live.messages.map((one) =>
          h("details", { key: String(one.number) },
            h("summary", null, h("time", null, clock(one.at)), h("code", null, one.message.routing_key || "(empty)"), h("span", null, messageLine(one.message))),
            messageView(one.message))))),
  ];
}

function noteOf(live) {
  if (live.running === null && live.seen === 0) return live.note || "not running";
  const counts = `${many(live.seen, "message")} passed, ${count(live.dropped)} of them too fast to show`;
  return live.running === null ? `${counts}; ${live.note}` : counts;
}

function stop(ctx) {
  ctx.state.live?.running?.abort();
  if (ctx.state.live?.running) Object.assign(ctx.state.live, { running: null, note: "stopped" });
}

function begin(ctx, filter) {
  stop(ctx);
  const [what, vhost, name] = ctx.params;
  const running = new AbortController();
  const live = { messages: [], number: 0, seen: 0, dropped: 0, running, note: "", error: "" };
  ctx.state.live = live;
  let waiting = false;
  const draw = () => {
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
      waiting = false;
      ctx.render();
    }, DRAW_MS);
  };
  const asked = query({ ...filter, sample: filter.sample > 1 ? filter.sample : undefined });
  events(`haremq/tail/${what}/${path(vhost, what === "exchange" && name === "" ? "amq.default" : name)}${asked}`, running.signal, (event, text) => {
    take(live, event, JSON.parse(text));
    draw();
  }).then(() => finish(""), (error) => finish(running.signal.aborted ? "" : error.message));
  const finish = (error) => {
    live.note ||= "stopped";
    live.error = error;
    if (live.running === running) live.running = null;
    draw();
  };
  ctx.render();
}

function take(live, event, data) {
  if (event === "counts") Object.assign(live, data);
  else if (event === "end") live.note = `ended: ${data.reason}`;
  else {
    live.number += 1;
    live.messages.unshift({ number: live.number, at: Date.now(), message: data });
    live.messages.length = Math.min(live.messages.length, KEPT);
  }
}
