// Policies and operator policies, with what they match before they are set.

import { del, get, path, put } from "../api.js";
import { confirm } from "../dialog.js";
import { h } from "../dom.js";
import { form } from "../form.js";
import { count } from "../format.js";
import { act, crumbs, empty, panel, values } from "../kit.js";
import { vhost } from "../prefs.js";
import { preview, previewView } from "../preview.js";
import { OPERATOR_KEYS, POLICY_KEYS } from "../presets.js";
import { link } from "../router.js";
import { may, vhostNames } from "../session.js";
import { small } from "../table.js";
import { done } from "../toast.js";
import { entriesOf } from "../entries.js";
import { expression } from "./users.js";

const APPLIES = [["all", "queues and exchanges"], ["queues", "queues"], ["classic_queues", "classic queues"], ["quorum_queues", "quorum queues"], ["exchanges", "exchanges"]];

export const policies = {
  place: "policies",
  title: () => "Policies",

  async load(ctx) {
    const below = vhost() === "" ? "" : `/${path(vhost())}`;
    const options = { signal: ctx.signal };
    const [own, operator] = await Promise.all([get(`policies${below}`, options), get(`operator-policies${below}`, options)]);
    return { own, operator };
  },

  view({ own, operator }, ctx) {
    return [
      crumbs(["Admin", link(["admin"])], ["Policies"]),
      h("div", { class: "page-head", key: "head" }, h("h1", null, "Policies")),
      panel("Policies", { key: "own", wide: true, note: "of those that match, the one with the highest priority is in force" },
        table(own, ctx, "policies", may("policymaker"), ["No policy is set.", "A policy changes many queues at once, also those that are there already."])),
      may("policymaker") && adding(ctx, "policies"),
      panel("Operator policies", { key: "operator", wide: true, note: "limits that nobody's policy or argument goes beyond" },
        table(operator, ctx, "operator-policies", may("administrator"), ["No operator policy is set."])),
      may("administrator") && adding(ctx, "operator-policies"),
    ];
  },
};

function table(items, ctx, resource, changes, none) {
  return small(items, {
    what: "policies", key: (one) => `${one.vhost} ${one.name}`, none: empty(...none),
    columns: [
      { id: "name", label: "Name", cell: (one) => one.name },
      { id: "vhost", label: "Virtual host", cell: (one) => one.vhost },
      { id: "pattern", label: "Pattern", cell: (one) => h("code", null, one.pattern) },
      { id: "applies", label: "Applies to", cell: (one) => one["apply-to"] },
      { id: "definition", label: "Definition", cell: (one) => values(one.definition) },
      { id: "priority", label: "Priority", number: true, cell: (one) => count(one.priority) },
      ...(changes ? [{
        id: "change", label: "", class: "end", cell: (one) => h("span", { class: "buttons tight" },
          h("button", { type: "button", class: "small", onclick: () => edit(ctx, resource, one) }, "Edit"),
          act("Delete", () => remove(ctx, resource, one), { kind: "small", good: `The policy ${one.name} is deleted.` })),
      }] : []),
    ],
  });
}

function edit(ctx, resource, one) {
  ctx.state.edited = { resource, one, count: (ctx.state.edited?.count ?? 0) + 1 };
  ctx.state.preview = null;
  ctx.render();
  document.getElementById(`add-${resource}`)?.scrollIntoView({ behavior: "smooth", block: "start" });
}

async function remove(ctx, resource, one) {
  const sure = await confirm({ title: "Delete the policy?", text: `Queues and exchanges that ${one.name} is in force for go back to the next policy that matches, or to their arguments.`, action: "Delete" });
  if (!sure) return false;
  await del(`${resource}/${path(one.vhost, one.name)}`);
  await ctx.refresh();
  return true;
}

function adding(ctx, resource) {
  const edited = ctx.state.edited?.resource === resource ? ctx.state.edited : null;
  const one = edited?.one;
  const names = vhostNames();
  const isOperator = resource === "operator-policies";
  const seen = ctx.state.preview?.resource === resource ? ctx.state.preview : null;
  const title = one ? `Edit ${one.name}` : isOperator ? "Add an operator policy" : "Add a policy";
  return h("div", { id: `add-${resource}`, key: `add-${resource}` }, panel(title, { key: `${resource} ${edited?.count ?? 0}`, open: one !== undefined }, form({
    key: `${resource} ${edited?.count ?? 0}`, label: title, action: one ? "Change the policy" : "Add the policy",
    fields: [
      ...(names.length > 1 ? [{ name: "vhost", label: "Virtual host", type: "select", value: one?.vhost ?? (vhost() || names[0]), options: names }] : []),
      { name: "name", label: "Name", required: true, value: one?.name },
      { name: "pattern", label: "Pattern", required: true, value: one?.pattern, placeholder: "^orders\\.", hint: "A regular expression of names. What it matches stands below while you type.", check: expression },
      { name: "apply", label: "Applies to", type: "select", options: isOperator ? APPLIES.filter(([key]) => /queues/.test(key)) : APPLIES, value: one?.["apply-to"] ?? (isOperator ? "queues" : "all") },
      { name: "priority", label: "Priority", type: "number", value: one?.priority ?? 0 },
      { name: "definition", label: "Definition", type: "entries", value: one ? entriesOf(one.definition) : [], presets: isOperator ? OPERATOR_KEYS : POLICY_KEYS, check: (given) => (Object.keys(given).length === 0 ? "A policy says at least one thing: choose what." : null) },
    ],
    onChange: ({ vhost: chosen = names[0], ...given }) => preview(ctx, resource, { ...given, vhost: chosen, operator: isOperator }),
    submit: async ({ vhost: chosen = names[0], name, pattern, apply, priority, definition }) => {
      await put(`${resource}/${path(chosen, name)}`, { pattern, definition, priority: priority ?? 0, "apply-to": apply });
      done(`The policy ${name} is in force.`);
      ctx.state.preview = null;
      await ctx.refresh();
    },
  }), previewView(seen)));
}
