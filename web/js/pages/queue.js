// One queue.

import { del, get, path, query } from "../api.js";
import { bindForm, bindingTable } from "../bindings.js";
import { charts, collect, flowChart, levelChart, rangeChoice } from "../charts.js";
import { confirm } from "../dialog.js";
import { h } from "../dom.js";
import { bytes, count, inline, many, moment, percent, rate } from "../format.js";
import { act, badge, connectionName, crumbs, empty, facts, features, figure, panel, rateOf, state } from "../kit.js";
import { messagesPanel, unacked, unackedPanel } from "../inspect.js";
import { movePanel } from "../move.js";
import { publishForm } from "../publish.js";
import { go, link } from "../router.js";
import { rangeOf, sampleQuery } from "../series.js";
import { offers } from "../session.js";
import { settings, settingsPanel } from "../settings.js";
import { explained, whyPanel } from "../why.js";
import { consumerTable } from "./consumers.js";

export const queue = {
  place: "queues",
  title: (ctx) => ctx.params[1],

  async load(ctx) {
    const [vhost, name] = ctx.params;
    const at = `queues/${path(vhost, name)}`;
    const options = { signal: ctx.signal };
    const [one, bindings, findings, origins, held] = await Promise.all([
      get(at + query(sampleQuery(rangeOf(ctx.query), ["lengths", "msg_rates"])), options),
      get(`${at}/bindings`, options),
      explained(ctx, "queue", vhost, name),
      settings(ctx, vhost, name),
      unacked(ctx, vhost, name),
    ]);
    collect(`queue ${vhost} ${name}`, one);
    return { one, bindings, findings, origins, held };
  },

  view({ one, bindings, findings, origins, held }, ctx) {
    const id = `queue ${one.vhost} ${one.name}`;
    return [
      crumbs(["Queues", link(["queues"])], [`virtual host “${one.vhost}”`], [one.name]),
      h("div", { class: "page-head", key: "head" }, h("h1", null, one.name), badge(one.type, "info"), state(one.state), features({ ...one, arguments: {} }),
        offers("GET /haremq/tail/queue/{}/{}") && h("a", { class: "button", href: link(["tail", "queue", one.vhost, one.name]) }, "Live tail"),
        rangeChoice(ctx)),
      numbers(one),
      whyPanel(findings),
      panel("Over time", { key: "charts", wide: true }, charts(levelChart(id, one, ctx), flowChart(id, one, ctx))),
      messagesPanel(one, ctx),
      panel("Consumers", { key: "consumers", wide: true, note: many((one.consumer_details ?? []).length, "consumer") },
        consumerTable(one.consumer_details ?? [], { none: empty("Nobody consumes.", "Messages wait here until a client does.") })),
      unackedPanel(held),
      panel("Bindings", { key: "bindings", wide: true },
        bindingTable(bindings, { show: "source", ctx, none: ["No bindings."] }),
        h("details", { class: "inner" }, h("summary", null, "Add a binding"), bindForm({ fixed: { vhost: one.vhost, destination: one.name, destination_type: "queue" }, toQueue: true, ctx }))),
      settingsPanel(one, origins),
      about(one),
      panel("Publish a message", { key: "publish", open: false, note: "to this queue, by the default exchange" },
        publishForm({ vhost: one.vhost, exchange: "", key: one.name, fixed: true, published: () => ctx.refresh() })),
      movePanel(one, ctx),
      panel("Purge or delete", { key: "end", open: false }, h("div", { class: "buttons" },
        act("Purge: drop what waits", () => purge(one, ctx), { kind: "danger", good: "The queue is empty." }),
        act("Delete the queue", () => remove(one), { kind: "danger", good: `The queue ${one.name} is deleted.` }))),
    ];
  },
};

function numbers(one) {
  return h("div", { class: "figures", key: "figures" },
    figure("ready", count(one.messages_ready), { hint: "messages that wait for a consumer" }),
    figure("unacked", count(one.messages_unacknowledged), { hint: "messages that consumers have not acknowledged yet" }),
    figure("in/s", rate(rateOf(one, "publish"))),
    figure("out/s", rate(rateOf(one, "deliver_get"))),
    figure("acked/s", rate(rateOf(one, "ack"))),
    figure("consumers", count(one.consumers)),
    one.consumer_utilisation !== undefined && figure("consumer capacity", percent(one.consumer_utilisation), { hint: "how much of the time the queue could hand out at once" }));
}

function about(one) {
  return panel("About", { key: "about" }, facts([
    ["Virtual host", one.vhost], ["Node", one.node], ["Durable", one.durable ? "yes" : "no"], ["Auto-delete", one.auto_delete ? "yes" : "no"],
    ["Exclusive to", one.owner_pid_details && connectionName(one.owner_pid_details.name)],
    ["Active consumer", one.single_active_consumer_tag ?? one.exclusive_consumer_tag],
    ["Bytes of messages", bytes(one.message_bytes)], ["… in memory", bytes(one.message_bytes_ram)],
    ["Delivery limit", one.delivery_limit !== undefined && count(one.delivery_limit)],
    ["Idle since", one.idle_since && moment(Date.parse(one.idle_since))],
    ["Oldest message", one.head_message_timestamp ? inline(one.head_message_timestamp) : undefined],
    ["Lost", one.messages_lost > 0 && badge(many(one.messages_lost, "message"), "bad", "they were there and could not be read back from disk")],
  ]));
}

async function purge(one, ctx) {
  const sure = await confirm({ title: "Purge the queue?", text: `${many(one.messages_ready, "message")} that wait in ${one.name} are dropped for good. Unacknowledged ones stay with their consumers.`, action: "Purge" });
  if (!sure) return false;
  await del(`queues/${path(one.vhost, one.name)}/contents`);
  await ctx.refresh();
  return true;
}

async function remove(one) {
  const sure = await confirm({
    title: "Delete the queue?", text: `${one.name}, its bindings and ${many(one.messages, "message")} go for good. Its consumers are told.`,
    action: "Delete", typed: one.messages > 0 ? one.name : undefined,
  });
  if (!sure) return false;
  await del(`queues/${path(one.vhost, one.name)}`);
  go(["queues"]);
  return true;
}
