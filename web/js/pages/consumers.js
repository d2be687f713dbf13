// Tables of consumers.

import { h } from "../dom.js";
import { count } from "../format.js";
import { badge, channelName, queueName, values } from "../kit.js";
import { small } from "../table.js";

/** Consumers of a channel (`withQueue`) or of a queue. */
export function consumerTable(consumers, { withQueue, none }) {
  const place = withQueue
    ? { id: "queue", label: "Queue", cell: (one) => queueName(one.queue.vhost, one.queue.name) }
    : { id: "channel", label: "Channel", cell: (one) => (one.channel_details?.name ? channelName(one.channel_details.name) : "–") };
  return small(consumers, {
    what: "consumers", none, key: (one) => `${one.channel_details?.name} ${one.consumer_tag}`,
    columns: [
      { id: "tag", label: "Consumer", cell: (one) => h("code", null, one.consumer_tag) },
      place,
      { id: "active", label: "Active", cell: (one) => (one.active ? badge("active", "good") : badge(one.activity_status ?? "waiting", "", "another consumer is the active one")) },
      { id: "ack", label: "Acks", cell: (one) => (one.ack_required ? "by the client" : "automatic") },
      { id: "exclusive", label: "Exclusive", cell: (one) => (one.exclusive ? "yes" : "no") },
      { id: "prefetch", label: "Prefetch", number: true, cell: (one) => (one.prefetch_count === 0 ? "no limit" : count(one.prefetch_count)) },
      { id: "arguments", label: "Arguments", cell: (one) => values(one.arguments) },
    ],
  });
}
