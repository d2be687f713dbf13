// Limits of virtual hosts and users.

import { del, get, path, put } from "../api.js";
import { h } from "../dom.js";
import { form } from "../form.js";
import { count } from "../format.js";
import { act, crumbs, empty, panel } from "../kit.js";
import { link } from "../router.js";
import { may, vhostNames } from "../session.js";
import { small } from "../table.js";
import { done } from "../toast.js";

const VHOST = [["max-connections", "connections"], ["max-queues", "queues"]];
const USER = [["max-connections", "connections"], ["max-channels", "channels"]];

export const limits = {
  place: "limits",
  title: () => "Limits",

  async load(ctx) {
    const options = { signal: ctx.signal };
    const admin = may("administrator");
    const [vhosts, users, names] = await Promise.all([
      get("vhost-limits", options), admin ? get("user-limits", options) : null, admin ? get("users?columns=name", options) : [],
    ]);
    return { vhosts, users, names: names.map((one) => one.name).sort() };
  },

  view({ vhosts, users, names }, ctx) {
    return [
      crumbs(["Admin", link(["admin"])], ["Limits"]),
      h("div", { class: "page-head", key: "head" }, h("h1", null, "Limits")),
      part("Virtual hosts", "vhost", vhosts, VHOST, vhostNames(), ctx),
      users && part("Users", "user", users, USER, names, ctx),
    ];
  },
};

function part(title, kind, given, kinds, names, ctx) {
  const rows = given.flatMap((one) => Object.entries(one.value ?? {}).map(([limit, value]) => ({ name: one[kind], limit, value })));
  const changes = may("administrator");
  const words = Object.fromEntries(kinds);
  return panel(`Limits of ${title.toLowerCase()}`, { key: kind, wide: true },
    small(rows, {
      what: `limits of ${title}`, key: (one) => `${one.name} ${one.limit}`, none: empty("No limits.", "There may be as many as the machine carries."),
      columns: [
        { id: "name", label: kind === "vhost" ? "Virtual host" : "User", cell: (one) => one.name },
        { id: "limit", label: "At most", number: true, cell: (one) => (one.value < 0 ? "no limit" : count(one.value)) },
        { id: "what", label: "Of what", cell: (one) => words[one.limit] ?? one.limit },
        ...(changes ? [{ id: "clear", label: "", class: "end", cell: (one) => act("Take away", async () => { await del(`${kind}-limits/${path(one.name, one.limit)}`); await ctx.refresh(); }, { kind: "small", good: "The limit is gone." }) }] : []),
      ],
    }),
    changes && names.length > 0 && form({
      key: kind, label: `Set a limit of ${title}`, action: "Set the limit", compact: true,
      fields: [
        { name: "name", label: kind === "vhost" ? "Virtual host" : "User", type: "select", options: names },
        { name: "limit", label: "Of what", type: "select", options: kinds },
        { name: "value", label: "At most", type: "number", required: true, hint: "0: none may be there; -1: no limit.", check: (value) => (Number.isInteger(value) ? null : "A whole number.") },
      ],
      submit: async ({ name, limit, value }) => {
        await put(`${kind}-limits/${path(name, limit)}`, { value });
        done("The limit is set.");
        await ctx.refresh();
      },
    }));
}
