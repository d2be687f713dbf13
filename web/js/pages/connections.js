// Who is connected.

import { h } from "../dom.js";
import { bytes, count, moment } from "../format.js";
import { connectionName, empty, state } from "../kit.js";
import { vhost } from "../prefs.js";
import { path } from "../api.js";
import { list, loadPage } from "../table.js";

const ORDER = { sort: "name" };

export const connections = {
  place: "connections",
  title: () => "Connections",

  load(ctx) {
    const chosen = vhost();
    return loadPage(ctx, chosen === "" ? "connections" : `vhosts/${path(chosen)}/connections`, { order: ORDER });
  },

  view(data, ctx) {
    return [
      h("div", { class: "page-head", key: "head" }, h("h1", null, "Connections")),
      list(data, ctx, {
        what: "connections", order: ORDER, key: (one) => one.name,
        none: empty("Nobody is connected.", "Connect a client to ", h("code", null, `amqp://${location.hostname}:5672`), " and it appears here within seconds."),
        columns: [
          { id: "name", label: "Name", sort: "name", cell: (one) => named(one) },
          { id: "vhost", label: "Virtual host", sort: "vhost", cell: (one) => one.vhost },
          { id: "user", label: "User", sort: "user", cell: (one) => one.user },
          { id: "state", label: "State", sort: "state", cell: (one) => state(one.state) },
          { id: "tls", label: "TLS", sort: "ssl", extra: true, cell: (one) => (one.ssl ? one.ssl_protocol ?? "yes" : "no") },
          { id: "client", label: "Client", cell: client },
          { id: "channels", label: "Channels", sort: "channels", number: true, cell: (one) => count(one.channels) },
          { id: "in", label: "From client", hint: "bytes per second", sort: "recv_oct_details.rate", number: true, cell: (one) => perSecond(one, "recv_oct") },
          { id: "out", label: "To client", hint: "bytes per second", sort: "send_oct_details.rate", number: true, cell: (one) => perSecond(one, "send_oct") },
          { id: "since", label: "Since", sort: "connected_at", extra: true, cell: (one) => moment(one.connected_at) },
        ],
      }),
    ];
  },
};

function named(one) {
  return one.user_provided_name
    ? h("span", { class: "two" }, connectionName(one.name, one.user_provided_name), h("small", { class: "muted" }, one.name))
    : connectionName(one.name);
}

/** What the client says that it is. */
export function client(one) {
  const said = one.client_properties ?? {};
  return [said.product, said.version].filter(Boolean).join(" ") || "–";
}

function perSecond(one, name) {
  const rate = one[`${name}_details`]?.rate;
  return rate === undefined ? "–" : `${bytes(rate)}/s`;
}
