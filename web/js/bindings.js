// Lists of bindings, and the form that makes one.

import { del, path, post } from "./api.js";
import { h } from "./dom.js";
import { form } from "./form.js";
import { act, empty, exchangeName, queueName, values } from "./kit.js";
import { small } from "./table.js";
import { done } from "./toast.js";

function address(binding, key) {
  const type = binding.destination_type === "queue" ? "q" : "e";
  const base = `bindings/${path(binding.vhost)}/e/${path(binding.source)}/${type}/${path(binding.destination)}`;
  return key === undefined ? base : `${base}/${path(key)}`;
}

/** Bindings seen from one end: `show` is `source` or `destination`. */
export function bindingTable(bindings, { show, ctx, none }) {
  const end = (one) => {
    if (show === "source") return one.source === "" ? h("span", { class: "muted" }, "(default exchange)") : exchangeName(one.vhost, one.source);
    return one.destination_type === "queue" ? queueName(one.vhost, one.destination) : exchangeName(one.vhost, one.destination);
  };
  return small(bindings, {
    what: "bindings", none: empty(...none), key: (one) => `${one.source} ${one.destination_type} ${one.destination} ${one.properties_key}`,
    columns: [
      { id: "end", label: show === "source" ? "From" : "To", cell: end },
      ...(show === "destination" ? [{ id: "type", label: "Type", cell: (one) => one.destination_type }] : []),
      { id: "key", label: "Routing key", cell: (one) => (one.routing_key === "" ? h("span", { class: "muted" }, "(empty)") : h("code", null, one.routing_key)) },
      { id: "arguments", label: "Arguments", cell: (one) => values(one.arguments) },
      {
        id: "unbind", label: "", class: "end", cell: (one) => one.source !== "" && act("Unbind", async () => {
          await del(address(one, one.properties_key));
          await ctx.refresh();
        }, { kind: "small", good: "Unbound." }),
      },
    ],
  });
}

/** Binds `fixed` (a part of a binding) to what the form names. */
export function bindForm({ fixed, toQueue, ctx }) {
  const other = toQueue
    ? [{ name: "source", label: "From exchange", required: true }]
    : [
      { name: "destination_type", label: "To", type: "select", options: [["queue", "queue"], ["exchange", "exchange"]] },
      { name: "destination", label: "Its name", required: true },
    ];
  return form({
    key: "bind", label: "Add a binding", action: "Bind", clear: ["routing_key", "arguments"],
    fields: [
      ...other,
      { name: "routing_key", label: "Routing key", hint: "For a topic exchange: words with dots; * is one word, # any number of them." },
      { name: "arguments", label: "Arguments", type: "entries", presets: [{ key: "x-match", type: "string", value: "all", label: "x-match", hint: "for a headers exchange: all, any, all-with-x, any-with-x" }] },
    ],
    submit: async ({ routing_key: key, arguments: given, ...ends }) => {
      await post(address({ ...fixed, ...ends }), { routing_key: key, arguments: given });
      done("Bound.");
      await ctx.refresh();
    },
  });
}
