// One connection.

import { del, get, path, query } from "../api.js";
import { charts, collect, flowChart, octetChart, rangeChoice } from "../charts.js";
import { h } from "../dom.js";
import { form } from "../form.js";
import { bytes, count, moment } from "../format.js";
import { channelName, crumbs, empty, facts, panel, rateCell, state, values } from "../kit.js";
import { go, link } from "../router.js";
import { rangeOf, sampleQuery } from "../series.js";
import { may, user } from "../session.js";
import { small } from "../table.js";
import { done } from "../toast.js";
import { explained, whyPanel } from "../why.js";

export const connection = {
  place: "connections",
  title: (ctx) => ctx.data?.one.user_provided_name ?? ctx.params[0],

  async load(ctx) {
    const [name] = ctx.params;
    const samples = sampleQuery(rangeOf(ctx.query), ["data_rates", "msg_rates"]);
    const options = { signal: ctx.signal };
    const [one, channels, findings] = await Promise.all([
      get(`connections/${path(name)}${query(samples)}`, options),
      get(`connections/${path(name)}/channels`, options).catch(() => []),
      explained(ctx, "connection", name),
    ]);
    collect(`connection ${name}`, one);
    return { one, channels, findings };
  },

  view({ one, channels, findings }, ctx) {
    const id = `connection ${one.name}`;
    return [
      crumbs(["Connections", link(["connections"])], [one.name]),
      h("div", { class: "page-head", key: "head" }, h("h1", null, one.user_provided_name ?? one.name), state(one.state), rangeChoice(ctx)),
      whyPanel(findings),
      panel("Traffic", { key: "traffic", wide: true }, charts(octetChart(id, one, ctx), one.message_stats && flowChart(id, one, ctx))),
      panel("About", { key: "about" }, facts([
        ["User", one.user], ["Virtual host", one.vhost], ["From", h("code", null, `${one.peer_host}:${one.peer_port}`)],
        ["Protocol", one.protocol], ["TLS", one.ssl ? [one.ssl_protocol, one.ssl_cipher].filter(Boolean).join(", ") || "yes" : "no"],
        ["Certificate", one.peer_cert_subject], ["Login", one.auth_mechanism], ["Connected", moment(one.connected_at)],
        ["Heartbeat", one.timeout === 0 ? "off" : `${one.timeout} s`], ["Largest frame", bytes(one.frame_max)],
        ["Channels", `${count(one.channels)} of ${count(one.channel_max)}`],
        ["Received", bytes(one.recv_oct)], ["Sent", bytes(one.send_oct)],
      ])),
      panel("What the client says of itself", { key: "client" }, values(one.client_properties, "nothing")),
      panel("Channels", { key: "channels", wide: true }, small(channels, {
        what: "channels", key: (channel) => channel.name,
        none: empty("No channels.", "The client has connected and opened none yet."),
        columns: [
          { id: "name", label: "Channel", cell: (channel) => channelName(channel.name) },
          { id: "state", label: "State", cell: (channel) => state(channel.state) },
          { id: "consumers", label: "Consumers", number: true, cell: (channel) => count(channel.consumer_count) },
          { id: "prefetch", label: "Prefetch", number: true, cell: (channel) => count(channel.prefetch_count) },
          { id: "unacked", label: "Unacked", number: true, cell: (channel) => count(channel.messages_unacknowledged) },
          { id: "publish", label: "Publish/s", number: true, cell: (channel) => rateCell(channel, "publish") },
          { id: "deliver", label: "Deliver/s", number: true, cell: (channel) => rateCell(channel, "deliver_get") },
        ],
      })),
      (may("administrator") || user().name === one.user) && panel("Close", { key: "close", open: false, note: "the client is told the reason" }, form({
        label: "Close the connection", action: "Close the connection", danger: true,
        fields: [{ name: "reason", label: "Reason", value: "Closed via management pages", wide: true, hint: "The client sees it behind CONNECTION_FORCED. Most clients connect again at once." }],
        submit: async ({ reason }) => {
          await del(`connections/${path(one.name)}`, { headers: { "x-reason": reason.replace(/[^\x20-\x7e]/g, "?") } });
          done(`The connection ${one.name} is closed.`);
          go(["connections"]);
        },
      })),
    ];
  },
};
