// All queues.

import { path, put } from "../api.js";
import { h } from "../dom.js";
import { form } from "../form.js";
import { bytes, count } from "../format.js";
import { empty, features, panel, queueName, rateCell, state } from "../kit.js";
import { vhost } from "../prefs.js";
import { QUEUE_ARGUMENTS } from "../presets.js";
import { vhostNames } from "../session.js";
import { list, loadPage } from "../table.js";
import { done } from "../toast.js";

const ORDER = { sort: "name" };

export const queues = {
  place: "queues",
  title: () => "Queues",

  load(ctx) {
    const chosen = vhost();
    return loadPage(ctx, chosen === "" ? "queues" : `queues/${path(chosen)}`, { order: ORDER });
  },

  view(data, ctx) {
    ctx.state.isFirst ??= data.total_count === 0;
    return [
      h("div", { class: "page-head", key: "head" }, h("h1", null, "Queues")),
      list(data, ctx, {
        what: "queues", order: ORDER, key: (one) => `${one.vhost} ${one.name}`,
        none: empty("No queues yet.", "Add one below, or let a client declare it."),
        columns: [
          { id: "name", label: "Name", sort: "name", cell: (one) => queueName(one.vhost, one.name) },
          { id: "vhost", label: "Virtual host", sort: "vhost", cell: (one) => one.vhost },
          { id: "type", label: "Type", sort: "type", cell: (one) => one.type },
          { id: "features", label: "Features", cell: features },
          { id: "state", label: "State", sort: "state", cell: (one) => state(one.idle_since && one.state === "running" ? "idle" : one.state) },
          { id: "ready", label: "Ready", sort: "messages_ready", number: true, cell: (one) => count(one.messages_ready) },
          { id: "unacked", label: "Unacked", sort: "messages_unacknowledged", number: true, cell: (one) => count(one.messages_unacknowledged) },
          { id: "total", label: "Total", sort: "messages", number: true, cell: (one) => count(one.messages) },
          { id: "consumers", label: "Consumers", sort: "consumers", number: true, cell: (one) => count(one.consumers) },
          { id: "in", label: "In/s", sort: "message_stats.publish_details.rate", number: true, cell: (one) => rateCell(one, "publish") },
          { id: "out", label: "Out/s", hint: "delivered and fetched per second", sort: "message_stats.deliver_get_details.rate", number: true, cell: (one) => rateCell(one, "deliver_get") },
          { id: "ack", label: "Ack/s", sort: "message_stats.ack_details.rate", number: true, cell: (one) => rateCell(one, "ack") },
          { id: "bytes", label: "Bytes", sort: "message_bytes", number: true, extra: true, cell: (one) => bytes(one.message_bytes) },
          { id: "memory", label: "In memory", sort: "message_bytes_ram", number: true, extra: true, cell: (one) => bytes(one.message_bytes_ram) },
        ],
      }),
      declare(ctx),
    ];
  },
};

function declare(ctx) {
  const names = vhostNames();
  return panel("Add a queue", { key: "add", open: ctx.state.isFirst }, form({
    label: "Add a queue", action: "Add the queue", clear: ["name", "arguments"],
    fields: [
      ...(names.length > 1 ? [{ name: "vhost", label: "Virtual host", type: "select", value: vhost() || names[0], options: names }] : []),
      { name: "name", label: "Name", required: true, check: (name) => (name.startsWith("amq.") ? "Names that begin with amq. are the broker's own." : null) },
      { name: "type", label: "Type", type: "select", options: [["", "as the virtual host says"], ["classic", "classic"], ["quorum", "quorum"]] },
      { name: "durable", label: "Durable: it survives a restart", type: "checkbox", value: true },
      { name: "auto_delete", label: "Auto-delete: it goes with its last consumer", type: "checkbox" },
      { name: "arguments", label: "Arguments", type: "entries", presets: QUEUE_ARGUMENTS },
    ],
    submit: async ({ name, type, vhost: chosen = names[0], arguments: given, ...body }) => {
      const all = type === "" ? given : { ...given, "x-queue-type": type };
      await put(`queues/${path(chosen, name)}`, { ...body, arguments: all });
      done(`The queue ${name} is there.`);
      await ctx.refresh();
    },
  }));
}
