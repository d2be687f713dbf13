// All exchanges.

import { get, path, put } from "../api.js";
import { h } from "../dom.js";
import { form } from "../form.js";
import { empty, exchangeName, features, panel, rateCell } from "../kit.js";
import { vhost } from "../prefs.js";
import { exchangeLink } from "../router.js";
import { EXCHANGE_ARGUMENTS } from "../presets.js";
import { vhostNames } from "../session.js";
import { list, loadPage } from "../table.js";
import { done } from "../toast.js";

const ORDER = { sort: "name" };
const TYPES = ["direct", "fanout", "topic", "headers"];

export const exchanges = {
  place: "exchanges",
  title: () => "Exchanges",

  async load(ctx) {
    const chosen = vhost();
    ctx.state.types ??= await get("overview?columns=exchange_types", { signal: ctx.signal })
      .then(({ exchange_types: types }) => [...new Set([...TYPES, ...types.map((type) => type.name)])]).catch(() => TYPES);
    return loadPage(ctx, chosen === "" ? "exchanges" : `exchanges/${path(chosen)}`, { order: ORDER });
  },

  view(data, ctx) {
    return [
      h("div", { class: "page-head", key: "head" }, h("h1", null, "Exchanges")),
      list(data, ctx, {
        what: "exchanges", order: ORDER, key: (one) => `${one.vhost} ${one.name}`,
        none: empty("No exchange to see."),
        columns: [
          { id: "name", label: "Name", sort: "name", cell: (one) => exchangeName(one.vhost, one.name) },
          { id: "vhost", label: "Virtual host", sort: "vhost", cell: (one) => one.vhost },
          { id: "type", label: "Type", sort: "type", cell: (one) => one.type },
          { id: "features", label: "Features", cell: features },
          { id: "in", label: "In/s", hint: "messages published to it per second", sort: "message_stats.publish_in_details.rate", number: true, cell: (one) => rateCell(one, "publish_in") },
          { id: "out", label: "Out/s", hint: "messages that it gave to queues per second", sort: "message_stats.publish_out_details.rate", number: true, cell: (one) => rateCell(one, "publish_out") },
        ],
      }),
      declare(ctx),
    ];
  },
};

function declare(ctx) {
  const names = vhostNames();
  return panel("Add an exchange", { key: "add", open: false }, form({
    label: "Add an exchange", action: "Add the exchange", clear: ["name", "arguments"],
    fields: [
      ...(names.length > 1 ? [{ name: "vhost", label: "Virtual host", type: "select", value: vhost() || names[0], options: names }] : []),
      { name: "name", label: "Name", required: true },
      { name: "type", label: "Type", type: "select", options: ctx.state.types, hint: "direct: the same key; fanout: everything; topic: keys with * and #; headers: by headers" },
      { name: "durable", label: "Durable: it survives a restart", type: "checkbox", value: true },
      { name: "auto_delete", label: "Auto-delete: it goes with its last binding", type: "checkbox" },
      { name: "internal", label: "Internal: only other exchanges feed it", type: "checkbox" },
      { name: "arguments", label: "Arguments", type: "entries", presets: EXCHANGE_ARGUMENTS },
    ],
    submit: async ({ name, vhost: chosen = names[0], ...body }) => {
      await put(`exchanges/${path(chosen, name)}`, body);
      done(`The exchange ${name} is there.`);
      await ctx.refresh();
      return exchangeLink(chosen, name);
    },
  }));
}
