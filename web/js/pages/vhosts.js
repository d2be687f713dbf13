// Virtual hosts.

import { del, get, path, put, query } from "../api.js";
import { charts, collect, flowChart, levelChart, rangeChoice } from "../charts.js";
import { confirm } from "../dialog.js";
import { h } from "../dom.js";
import { form } from "../form.js";
import { count } from "../format.js";
import { act, badge, crumbs, empty, facts, panel, rateCell } from "../kit.js";
import { go, link } from "../router.js";
import { rangeOf, sampleQuery } from "../series.js";
import { may, refreshVhosts } from "../session.js";
import { list, loadPage, small } from "../table.js";
import { done } from "../toast.js";

const ORDER = { sort: "name" };
const TYPES = [["", "the broker's own default"], ["classic", "classic"], ["quorum", "quorum"]];

export const vhosts = {
  place: "vhosts",
  title: () => "Virtual hosts",
  load: (ctx) => loadPage(ctx, "vhosts", { order: ORDER }),

  view(data, ctx) {
    return [
      crumbs(["Admin", link(["admin"])], ["Virtual hosts"]),
      h("div", { class: "page-head", key: "head" }, h("h1", null, "Virtual hosts")),
      list(data, ctx, {
        what: "virtual hosts", order: ORDER, key: (one) => one.name, none: empty("No virtual host to see.", "An administrator gives permissions."),
        columns: [
          { id: "name", label: "Name", sort: "name", cell: (one) => h("a", { class: "name", href: link(["vhosts", one.name]) }, one.name) },
          { id: "description", label: "Description", cell: (one) => one.description || "–" },
          { id: "ready", label: "Ready", sort: "messages_ready", number: true, cell: (one) => count(one.messages_ready) },
          { id: "unacked", label: "Unacked", sort: "messages_unacknowledged", number: true, cell: (one) => count(one.messages_unacknowledged) },
          { id: "in", label: "In/s", number: true, cell: (one) => rateCell(one, "publish") },
          { id: "out", label: "Out/s", number: true, cell: (one) => rateCell(one, "deliver_get") },
          { id: "flags", label: "Set", cell: (one) => h("span", { class: "badges" }, one.tracing && badge("tracing", "warn"), one.protected_from_deletion && badge("protected", "info", "cannot be deleted")) },
        ],
      }),
      may("administrator") && panel("Add a virtual host", { key: "add", open: false }, form({
        label: "Add a virtual host", action: "Add the virtual host", clear: true,
        fields: [
          { name: "name", label: "Name", required: true },
          { name: "description", label: "Description" },
          { name: "default_queue_type", label: "Type of queues that do not say one", type: "select", options: TYPES },
        ],
        submit: async ({ name, description, default_queue_type: type }) => {
          await put(`vhosts/${path(name)}`, { description, ...(type === "" ? {} : { default_queue_type: type }) });
          await refreshVhosts();
          done(`The virtual host ${name} is there.`);
          await ctx.refresh();
        },
      })),
    ];
  },
};

export const vhost = {
  place: "vhosts",
  title: (ctx) => ctx.params[0],

  async load(ctx) {
    const at = `vhosts/${path(ctx.params[0])}`;
    const options = { signal: ctx.signal };
    const [one, permissions] = await Promise.all([
      get(at + query(sampleQuery(rangeOf(ctx.query), ["lengths", "msg_rates"])), options),
      may("administrator") ? get(`${at}/permissions`, options) : null,
    ]);
    collect(`vhost ${one.name}`, one);
    return { one, permissions };
  },

  view({ one, permissions }, ctx) {
    const id = `vhost ${one.name}`;
    return [
      crumbs(["Admin", link(["admin"])], ["Virtual hosts", link(["vhosts"])], [one.name]),
      h("div", { class: "page-head", key: "head" }, h("h1", null, one.name), rangeChoice(ctx)),
      panel("Over time", { key: "charts", wide: true }, charts(levelChart(id, one, ctx), flowChart(id, one, ctx))),
      panel("About", { key: "about" }, facts([
        ["Description", one.description || "–"], ["Tags", Array.isArray(one.tags) ? one.tags.join(", ") || "–" : one.tags],
        ["Type of queues that do not say one", one.default_queue_type], ["Tracing", one.tracing ? "on" : "off"],
        ["Protected from deletion", one.protected_from_deletion ? "yes" : "no"],
      ])),
      permissions && panel("Who may enter", { key: "permissions" }, small(permissions, {
        what: "permissions", key: (each) => each.user, none: empty("Nobody may enter.", "Give permissions on the page of a user."),
        columns: [
          { id: "user", label: "User", cell: (each) => h("a", { class: "name", href: link(["users", each.user]) }, each.user) },
          ...["configure", "write", "read"].map((what) => ({ id: what, label: what, cell: (each) => h("code", null, each[what] || "–") })),
        ],
      })),
      may("administrator") && panel("Change or delete", { key: "end", open: false }, h("div", { class: "buttons" },
        act(one.tracing ? "Stop tracing" : "Trace: copy messages to amq.rabbitmq.trace", () => change(one, ctx, { tracing: !one.tracing })),
        act("Delete the virtual host", () => remove(one), { kind: "danger", good: `The virtual host ${one.name} is deleted.` }))),
    ];
  },
};

async function change(one, ctx, part) {
  const { description, tags, default_queue_type: type } = one;
  await put(`vhosts/${path(one.name)}`, { description, tags, ...(type ? { default_queue_type: type } : {}), ...part });
  await ctx.refresh();
}

async function remove(one) {
  const sure = await confirm({ title: "Delete the virtual host?", text: "All its queues, messages, exchanges, bindings, policies and permissions go for good, and its connections are closed.", action: "Delete", typed: one.name });
  if (!sure) return false;
  await del(`vhosts/${path(one.name)}`);
  await refreshVhosts();
  go(["vhosts"]);
  return true;
}
