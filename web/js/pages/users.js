// Users, their permissions and limits.

import { del, get, path, put } from "../api.js";
import { confirm } from "../dialog.js";
import { h } from "../dom.js";
import { form } from "../form.js";
import { act, badge, crumbs, empty, facts, panel } from "../kit.js";
import { go, link } from "../router.js";
import { vhostNames } from "../session.js";
import { list, loadPage, small } from "../table.js";
import { done } from "../toast.js";

const ORDER = { sort: "name" };

const TAGS = [
  ["", "none: AMQP only"], ["management", "management: own virtual hosts in these pages"], ["policymaker", "policymaker: and policies"],
  ["monitoring", "monitoring: sees everything"], ["administrator", "administrator: may change everything"],
];

const tagsOf = (one) => (Array.isArray(one.tags) ? one.tags : String(one.tags ?? "").split(",").filter(Boolean));

export const users = {
  place: "users",
  title: () => "Users",

  async load(ctx) {
    const [page, permissions] = await Promise.all([loadPage(ctx, "users", { order: ORDER }), get("permissions", { signal: ctx.signal })]);
    return { page, permissions };
  },

  view({ page, permissions }, ctx) {
    const where = Map.groupBy(permissions, (one) => one.user);
    return [
      crumbs(["Admin", link(["admin"])], ["Users"]),
      h("div", { class: "page-head", key: "head" }, h("h1", null, "Users")),
      list(page, ctx, {
        what: "users", order: ORDER, key: (one) => one.name, none: empty("No users."),
        columns: [
          { id: "name", label: "Name", sort: "name", cell: (one) => h("a", { class: "name", href: link(["users", one.name]) }, one.name) },
          { id: "tags", label: "Tags", cell: (one) => h("span", { class: "badges" }, tagsOf(one).map((tag) => badge(tag, "info"))) },
          { id: "vhosts", label: "May enter", cell: (one) => (where.get(one.name) ?? []).map((each) => each.vhost).join(", ") || h("span", { class: "warn-text" }, "no virtual host") },
          { id: "password", label: "Password", cell: (one) => (one.password_hash === "" ? badge("none", "warn", "cannot log in with a password") : "set") },
        ],
      }),
      panel("Add a user", { key: "add", open: false }, form({
        label: "Add a user", action: "Add the user", clear: true,
        fields: [
          { name: "name", label: "Name", required: true, autocomplete: "off" },
          { name: "password", label: "Password", type: "password", required: true, autocomplete: "new-password" },
          { name: "tags", label: "Tag", type: "select", options: TAGS },
        ],
        submit: async ({ name, password, tags }) => {
          await put(`users/${path(name)}`, { password, tags });
          done(`The user ${name} is there. Give permissions next.`);
          go(["users", name]);
        },
      })),
    ];
  },
};

export const user = {
  place: "users",
  title: (ctx) => ctx.params[0],

  async load(ctx) {
    const at = `users/${path(ctx.params[0])}`;
    const options = { signal: ctx.signal };
    const [one, permissions, topics] = await Promise.all([get(at, options), get(`${at}/permissions`, options), get(`${at}/topic-permissions`, options)]);
    return { one, permissions, topics };
  },

  view({ one, permissions, topics }, ctx) {
    return [
      crumbs(["Admin", link(["admin"])], ["Users", link(["users"])], [one.name]),
      h("div", { class: "page-head", key: "head" }, h("h1", null, one.name), tagsOf(one).map((tag) => badge(tag, "info"))),
      panel("Permissions", { key: "permissions", wide: true }, permissionTable(permissions, ctx), permissionForm(one, ctx)),
      panel("Topic permissions", { key: "topics", wide: true, open: topics.length > 0, note: "which routing keys of an exchange" }, topicTable(topics, ctx), topicForm(one, ctx)),
      panel("Change", { key: "change", open: false }, changeForm(one, ctx)),
      panel("Delete", { key: "delete", open: false }, facts([["What happens", "Its permissions go, and its connections are closed."]]),
        act("Delete the user", () => remove(one), { kind: "danger", good: `The user ${one.name} is deleted.` })),
    ];
  },
};

const pattern = (text) => (text === "" ? h("span", { class: "muted" }, "nothing") : h("code", null, text));

function permissionTable(permissions, ctx) {
  return small(permissions, {
    what: "permissions", key: (one) => one.vhost,
    none: empty("May not enter any virtual host.", "Add permissions below, or connecting is refused."),
    columns: [
      { id: "vhost", label: "Virtual host", cell: (one) => one.vhost },
      ...["configure", "write", "read"].map((what) => ({ id: what, label: what, cell: (one) => pattern(one[what]) })),
      { id: "clear", label: "", class: "end", cell: (one) => act("Take away", async () => { await del(`permissions/${path(one.vhost, one.user)}`); await ctx.refresh(); }, { kind: "small", good: "Taken away." }) },
    ],
  });
}

function permissionForm(one, ctx) {
  const names = vhostNames();
  return h("details", { class: "inner" }, h("summary", null, "Set permissions"), form({
    label: "Set permissions", action: "Set",
    fields: [
      { name: "vhost", label: "Virtual host", type: "select", options: names },
      ...["configure", "write", "read"].map((name) => ({ name, label: `${name[0].toUpperCase()}${name.slice(1)}`, value: ".*", hint: "A regular expression of names; .* is all, nothing is none.", check: expression })),
    ],
    submit: async ({ vhost, ...body }) => {
      await put(`permissions/${path(vhost, one.name)}`, body);
      done("Permissions are set.");
      await ctx.refresh();
    },
  }));
}

/** What is wrong with a regular expression, roughly: the broker's word is the last. */
export function expression(text) {
  try {
    return new RegExp(text) && null;
  } catch (error) {
    return `Not a regular expression: ${error.message}`;
  }
}

function topicTable(topics, ctx) {
  return small(topics, {
    what: "topic permissions", key: (one) => `${one.vhost} ${one.exchange}`, none: empty("None: all routing keys are allowed."),
    columns: [
      { id: "vhost", label: "Virtual host", cell: (one) => one.vhost },
      { id: "exchange", label: "Exchange", cell: (one) => one.exchange || "(AMQP default)" },
      { id: "write", label: "write", cell: (one) => pattern(one.write) },
      { id: "read", label: "read", cell: (one) => pattern(one.read) },
      { id: "clear", label: "", class: "end", cell: (one) => act("Take away", async () => { await del(`topic-permissions/${path(one.vhost, one.user)}`); await ctx.refresh(); }, { kind: "small", good: "All of this virtual host are taken away.", hint: "all of this virtual host" }) },
    ],
  });
}

function topicForm(one, ctx) {
  return form({
    label: "Set topic permissions", action: "Set",
    fields: [
      { name: "vhost", label: "Virtual host", type: "select", options: vhostNames() },
      { name: "exchange", label: "Exchange", required: true, value: "amq.topic" },
      { name: "write", label: "Write", value: ".*", check: expression },
      { name: "read", label: "Read", value: ".*", check: expression },
    ],
    submit: async ({ vhost, ...body }) => {
      await put(`topic-permissions/${path(vhost, one.name)}`, body);
      done("Topic permissions are set.");
      await ctx.refresh();
    },
  });
}

function changeForm(one, ctx) {
  return form({
    label: "Change the user", action: "Change", clear: ["password"],
    fields: [
      { name: "password", label: "New password", type: "password", autocomplete: "new-password", hint: "Empty: it stays." },
      { name: "tags", label: "Tags", value: tagsOf(one).join(","), hint: "With commas: management, policymaker, monitoring, administrator." },
    ],
    submit: async ({ password, tags }) => {
      const secret = password === "" ? { password_hash: one.password_hash, hashing_algorithm: one.hashing_algorithm } : { password };
      await put(`users/${path(one.name)}`, { tags, ...secret });
      done(`The user ${one.name} is changed.`);
      await ctx.refresh();
    },
  });
}

async function remove(one) {
  const sure = await confirm({ title: "Delete the user?", text: "Its connections are closed at once.", action: "Delete", typed: one.name });
  if (!sure) return false;
  await del(`users/${path(one.name)}`);
  go(["users"]);
  return true;
}
