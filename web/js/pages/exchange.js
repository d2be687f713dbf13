// One exchange.

import { del, get, path, query } from "../api.js";
import { bindForm, bindingTable } from "../bindings.js";
import { chart } from "../chart.js";
import { charts, rangeChoice } from "../charts.js";
import { confirm } from "../dialog.js";
import { h } from "../dom.js";
import { nameOf, rate } from "../format.js";
import { act, badge, crumbs, facts, features, panel, values } from "../kit.js";
import { bindingPicture } from "../picture.js";
import { publishForm } from "../publish.js";
import { routePanel } from "../route.js";
import { go, link } from "../router.js";
import { rangeOf, rates, remember, sampleQuery } from "../series.js";
import { offers } from "../session.js";

const COUNTERS = [["publish_in", "In"], ["publish_out", "Out to queues"]];

export const exchange = {
  place: "exchanges",
  title: (ctx) => nameOf(nameIn(ctx)),

  async load(ctx) {
    const [vhost, shown] = ctx.params;
    const at = `exchanges/${path(vhost, shown)}`;
    const options = { signal: ctx.signal };
    const [one, incoming, outgoing] = await Promise.all([
      get(at + query(sampleQuery(rangeOf(ctx.query), ["msg_rates"])), options),
      get(`${at}/bindings/destination`, options),
      get(`${at}/bindings/source`, options),
    ]);
    remember(`exchange ${vhost} ${shown}`, one.message_stats, COUNTERS.map(([name]) => name));
    return { one, incoming, outgoing };
  },

  view({ one, incoming, outgoing }, ctx) {
    const id = `exchange ${ctx.params.join(" ")}`;
    const isDefault = one.name === "";
    return [
      crumbs(["Exchanges", link(["exchanges"])], [`virtual host “${one.vhost}”`], [nameOf(one.name)]),
      h("div", { class: "page-head", key: "head" }, h("h1", null, nameOf(one.name)), badge(one.type, "info"), features({ ...one, arguments: {} }),
        offers("GET /haremq/tail/exchange/{}/{}") && !isDefault && h("a", { class: "button", href: link(["tail", "exchange", one.vhost, one.name]) }, "Live tail"),
        one.message_stats && rangeChoice(ctx)),
      one.message_stats && panel("Traffic", { key: "traffic", wide: true }, charts(chart({
        title: "Messages per second", seconds: rangeOf(ctx.query).age, format: rate,
        series: COUNTERS.map(([name, label], at) => ({ name: label, colour: at, points: rates(id, one.message_stats, name) })),
      }))),
      panel("Bindings", { key: "bindings", wide: true },
        isDefault
          ? h("p", null, "Every queue is bound to the default exchange with its own name as the key. That cannot be changed.")
          : [
            bindingPicture(one, incoming, outgoing),
            h("h3", null, "What it feeds"), bindingTable(outgoing, { show: "destination", ctx, none: ["Nothing is bound to this exchange.", "What is published to it is dropped, or returned when it is mandatory. Bind a queue below."] }),
            incoming.length > 0 && [h("h3", null, "What feeds it"), bindingTable(incoming, { show: "source", ctx, none: [""] })],
          ]),
      !isDefault && panel("Add a binding", { key: "bind", open: false, note: "from this exchange" }, bindForm({ fixed: { vhost: one.vhost, source: one.name }, ctx })),
      routePanel(one, ctx),
      !one.internal && panel("Publish a message", { key: "publish", open: false }, publishForm({ vhost: one.vhost, exchange: one.name, key: "", published: () => ctx.refresh() })),
      panel("About", { key: "about", wide: true }, facts([
        ["Virtual host", one.vhost], ["Type", one.type], ["Durable", one.durable ? "yes" : "no"], ["Auto-delete", one.auto_delete ? "yes" : "no"],
        ["Internal", one.internal ? "yes" : "no"], ["Policy", one.policy ?? "none"], ["Arguments", values(one.arguments)],
      ])),
      !isDefault && !one.name.startsWith("amq.") && panel("Delete", { key: "delete", open: false }, h("p", null, "Its bindings go with it. Queues and their messages stay."),
        act("Delete the exchange", () => remove(one), { kind: "danger", good: `The exchange ${one.name} is deleted.` })),
    ];
  },
};

function nameIn(ctx) {
  return ctx.params[1] === "amq.default" ? "" : ctx.params[1];
}

async function remove(one) {
  const sure = await confirm({ title: "Delete the exchange?", text: `${one.name} and its bindings go. Publishers that name it are refused from then on.`, action: "Delete" });
  if (!sure) return false;
  await del(`exchanges/${path(one.vhost, one.name)}`);
  go(["exchanges"]);
  return true;
}
