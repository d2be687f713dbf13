// All channels.

import { path } from "../api.js";
import { h } from "../dom.js";
import { count } from "../format.js";
import { badge, channelName, connectionName, empty, rateCell, state } from "../kit.js";
import { vhost } from "../prefs.js";
import { list, loadPage } from "../table.js";

const ORDER = { sort: "name" };

export const channels = {
  place: "channels",
  title: () => "Channels",

  load(ctx) {
    const chosen = vhost();
    return loadPage(ctx, chosen === "" ? "channels" : `vhosts/${path(chosen)}/channels`, { order: ORDER });
  },

  view(data, ctx) {
    return [
      h("div", { class: "page-head", key: "head" }, h("h1", null, "Channels")),
      list(data, ctx, {
        what: "channels", order: ORDER, key: (one) => one.name,
        none: empty("No channel is open.", "Clients open channels within their connection to publish and to consume."),
        columns: [
          { id: "name", label: "Channel", sort: "name", cell: (one) => channelName(one.name) },
          { id: "connection", label: "Connection", extra: true, cell: (one) => connectionName(one.connection_details?.name ?? "") },
          { id: "vhost", label: "Virtual host", sort: "vhost", cell: (one) => one.vhost },
          { id: "user", label: "User", sort: "user", cell: (one) => one.user },
          { id: "mode", label: "Mode", cell: mode },
          { id: "state", label: "State", sort: "state", cell: (one) => state(one.state) },
          { id: "consumers", label: "Consumers", sort: "consumer_count", number: true, cell: (one) => count(one.consumer_count) },
          { id: "prefetch", label: "Prefetch", sort: "prefetch_count", number: true, cell: (one) => count(one.prefetch_count) },
          { id: "unacked", label: "Unacked", sort: "messages_unacknowledged", number: true, cell: (one) => count(one.messages_unacknowledged) },
          { id: "unconfirmed", label: "Unconfirmed", sort: "messages_unconfirmed", number: true, cell: (one) => count(one.messages_unconfirmed) },
          { id: "publish", label: "Publish/s", sort: "message_stats.publish_details.rate", number: true, cell: (one) => rateCell(one, "publish") },
          { id: "deliver", label: "Deliver/s", sort: "message_stats.deliver_get_details.rate", number: true, cell: (one) => rateCell(one, "deliver_get") },
          { id: "ack", label: "Ack/s", sort: "message_stats.ack_details.rate", number: true, cell: (one) => rateCell(one, "ack") },
        ],
      }),
    ];
  },
};

/** Confirms or transactions. */
export function mode(one) {
  return h("span", { class: "badges" },
    one.confirm && badge("C", "", "confirms: the broker tells when a message is safe"),
    one.transactional && badge("T", "", "transactional"),
    !one.confirm && !one.transactional && h("span", { class: "muted" }, "–"));
}
