// What is in force for a queue, and where each setting comes from.

import { get, path } from "./api.js";
import { h } from "./dom.js";
import { inline } from "./format.js";
import { badge, empty, panel } from "./kit.js";
import { link } from "./router.js";
import { offers } from "./session.js";
import { small } from "./table.js";

const RESOURCE = "GET /haremq/queues/{vhost}/{queue}/settings";

/** What the broker says of it; `null` where it does not. */
export async function settings(ctx, vhost, name) {
  if (!offers(RESOURCE)) return null;
  const answer = await get(`haremq/queues/${path(vhost, name)}/settings`, { signal: ctx.signal, quiet: true }).catch(() => null);
  return answer?.settings ?? null;
}

/** The panel. Defaults are folded away. */
export function settingsPanel(queue, told) {
  const rows = told ?? guessed(queue);
  const own = rows.filter((row) => row.origin !== "default");
  const defaults = rows.filter((row) => row.origin === "default" && row.value !== null);
  return panel("What is in force", { key: "settings", note: "arguments and policies" },
    h("p", { class: "badges" },
      queue.policy ? h("a", { href: link(["policies"]), key: "p" }, badge(`policy ${queue.policy}`, "info")) : badge("no policy matches"),
      queue.operator_policy && badge(`operator policy ${queue.operator_policy}`, "info")),
    table(own, empty("Nothing but the defaults.")),
    defaults.length > 0 && h("details", { class: "inner" }, h("summary", null, "Defaults"), table(defaults, null)));
}

function table(rows, none) {
  return small(rows, {
    what: "settings", key: (row) => row.key, none,
    columns: [
      { id: "name", label: "Setting", cell: (row) => h("code", null, row.key) },
      { id: "value", label: "Value", cell: (row) => (row.value === null ? "–" : inline(row.value)) },
      { id: "from", label: "Comes from", cell: from },
    ],
  });
}

const ORIGINS = { argument: "its argument", policy: "policy", operator_policy: "operator policy", default: "default" };

function from(row) {
  const others = (row.said ?? []).filter((one) => one.origin !== row.origin);
  return [
    [ORIGINS[row.origin] ?? row.origin, row.policy].filter(Boolean).join(" "),
    others.map((one) => h("small", { class: "muted also", key: one.origin }, `${[ORIGINS[one.origin], one.name].filter(Boolean).join(" ")} says ${inline(one.value)}`)),
  ];
}

/** Without the broker's word: who names it. */
function guessed(queue) {
  const policy = queue.effective_policy_definition ?? {};
  const own = Object.entries(queue.arguments ?? {}).map(([name, value]) => ({ key: name.replace(/^x-/, ""), value, origin: "argument" }));
  const named = new Set(own.map((row) => row.key));
  const rest = Object.entries(policy).filter(([name]) => !named.has(name));
  return [...own, ...rest.map(([key, value]) => ({ key, value, origin: "policy", policy: queue.policy }))];
}
