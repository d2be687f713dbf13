// One channel.

import { get, path, query } from "../api.js";
import { charts, collect, flowChart, rangeChoice } from "../charts.js";
import { h } from "../dom.js";
import { count } from "../format.js";
import { connectionName, crumbs, empty, facts, panel, state } from "../kit.js";
import { link } from "../router.js";
import { rangeOf, sampleQuery } from "../series.js";
import { consumerTable } from "./consumers.js";
import { mode } from "./channels.js";

export const channel = {
  place: "channels",
  title: (ctx) => ctx.params[0],

  async load(ctx) {
    const [name] = ctx.params;
    const one = await get(`channels/${path(name)}${query(sampleQuery(rangeOf(ctx.query), ["msg_rates"]))}`, { signal: ctx.signal });
    collect(`channel ${name}`, one);
    return one;
  },

  view(one, ctx) {
    return [
      crumbs(["Channels", link(["channels"])], [one.name]),
      h("div", { class: "page-head", key: "head" }, h("h1", null, one.name), state(one.state), one.message_stats && rangeChoice(ctx)),
      one.message_stats && panel("Traffic", { key: "traffic", wide: true }, charts(flowChart(`channel ${one.name}`, one, ctx))),
      panel("About", { key: "about" }, facts([
        ["Connection", connectionName(one.connection_details.name)], ["User", one.user], ["Virtual host", one.vhost],
        ["Mode", mode(one)], ["Prefetch of each consumer", one.prefetch_count === 0 ? "no limit" : count(one.prefetch_count)],
        ["Prefetch of the channel", one.global_prefetch_count === 0 ? "no limit" : count(one.global_prefetch_count)],
      ])),
      panel("On their way", { key: "way" }, facts([
        ["Unacknowledged", count(one.messages_unacknowledged), "delivered, and the client has not acknowledged them"],
        ["Unconfirmed", count(one.messages_unconfirmed), "published, and not confirmed yet"],
        ["Uncommitted messages", count(one.messages_uncommitted)], ["Uncommitted acks", count(one.acks_uncommitted)],
      ])),
      panel("Consumers", { key: "consumers", wide: true },
        consumerTable(one.consumer_details ?? [], { withQueue: true, none: empty("No consumer on this channel.") })),
    ];
  },
};
