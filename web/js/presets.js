// Arguments and policy keys that people choose from, each with what it does.

/** Arguments of queues. */
export const QUEUE_ARGUMENTS = [
  { key: "x-message-ttl", type: "number", value: "60000", label: "Message TTL", hint: "messages older than this many milliseconds are dropped or dead-lettered" },
  { key: "x-expires", type: "number", value: "1800000", label: "Queue expires", hint: "the queue is deleted after this many milliseconds without use" },
  { key: "x-max-length", type: "number", value: "10000", label: "Max length", hint: "how many messages may wait" },
  { key: "x-max-length-bytes", type: "number", value: "104857600", label: "Max bytes", hint: "how many bytes may wait" },
  { key: "x-overflow", type: "string", value: "reject-publish", label: "Overflow", hint: "drop-head, reject-publish or reject-publish-dlx: what happens to what is too much" },
  { key: "x-dead-letter-exchange", type: "string", value: "", label: "Dead letter exchange", hint: "where rejected, expired and overflowing messages go" },
  { key: "x-dead-letter-routing-key", type: "string", value: "", label: "Dead letter key", hint: "with which routing key; without it the message's own" },
  { key: "x-single-active-consumer", type: "boolean", value: "true", label: "Single active consumer", hint: "one consumer at a time, the others wait" },
  { key: "x-max-priority", type: "number", value: "10", label: "Max priority", hint: "messages have priorities from 0 to this" },
  { key: "x-delivery-limit", type: "number", value: "20", label: "Delivery limit", hint: "how often a message may come back before it is dropped or dead-lettered" },
  { key: "x-consumer-timeout", type: "number", value: "1800000", label: "Consumer timeout", hint: "milliseconds after which an unacknowledged delivery ends its channel" },
];

/** Arguments of exchanges. */
export const EXCHANGE_ARGUMENTS = [
  { key: "alternate-exchange", type: "string", value: "", label: "Alternate exchange", hint: "where messages go that no queue wants" },
];

/** Keys of a policy's definition. */
export const POLICY_KEYS = [
  ...QUEUE_ARGUMENTS.filter(({ key }) => !["x-single-active-consumer", "x-max-priority"].includes(key))
    .map((preset) => ({ ...preset, key: preset.key.replace(/^x-/, "") })),
  { key: "alternate-exchange", type: "string", value: "", label: "Alternate exchange", hint: "for exchanges: where messages go that no queue wants" },
];

/** Keys that operator policies may hold. */
export const OPERATOR_KEYS = POLICY_KEYS.filter(({ key }) =>
  ["message-ttl", "expires", "max-length", "max-length-bytes", "delivery-limit"].includes(key));
