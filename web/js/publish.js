// The form that publishes a message.

import { path, post } from "./api.js";
import { form } from "./form.js";
import { done } from "./toast.js";

const PROPERTIES = [
  { key: "content_type", type: "string", value: "application/json", label: "content_type" },
  { key: "correlation_id", type: "string", value: "", label: "correlation_id" },
  { key: "reply_to", type: "string", value: "", label: "reply_to" },
  { key: "expiration", type: "string", value: "60000", label: "expiration", hint: "milliseconds after which it is dropped or dead-lettered" },
  { key: "priority", type: "number", value: "5", label: "priority" },
  { key: "message_id", type: "string", value: "", label: "message_id" },
  { key: "type", type: "string", value: "", label: "type" },
];

/** Publishes to an exchange; `key` is the routing key to begin with, fixed for the default exchange of a queue. */
export function publishForm({ vhost, exchange, key, fixed, published }) {
  return form({
    key: `publish ${vhost} ${exchange} ${key}`, label: "Publish a message", action: "Publish",
    fields: [
      ...(fixed ? [] : [{ name: "routing_key", label: "Routing key", value: key }]),
      { name: "delivery_mode", label: "Delivery mode", type: "select", options: [["2", "Persistent: on disk in durable queues"], ["1", "Transient: in memory"]] },
      { name: "payload", label: "Body", type: "textarea" },
      { name: "payload_encoding", label: "The body is", type: "select", options: [["string", "text"], ["base64", "base64"]] },
      { name: "headers", label: "Headers", type: "entries" },
      { name: "properties", label: "Properties", type: "entries", presets: PROPERTIES },
    ],
    submit: async (given) => {
      const properties = { ...given.properties, delivery_mode: Number(given.delivery_mode) };
      if (Object.keys(given.headers).length > 0) properties.headers = given.headers;
      const answer = await post(`exchanges/${path(vhost, exchange === "" ? "amq.default" : exchange)}/publish`, {
        routing_key: fixed ? key : given.routing_key, properties, payload: given.payload, payload_encoding: given.payload_encoding,
      });
      done(answer.routed ? "Published, and the broker has confirmed it." : "Published, and no queue wanted it: it is gone.");
      await published?.();
    },
  });
}
