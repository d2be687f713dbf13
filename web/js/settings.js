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
  return answer === null || Array.isArray(answer) ? answer : answer.settings ?? answer.items ?? [];
}

/** The panel. */
export function settingsPanel(queue, origins) {
  const rows = origins?.map((one) => ({ ...one, name: one.name ?? one.setting ?? one.key })) ?? guessed(queue);
  return panel("What is in force", { key: "settings", note: "arguments and policies" },
    h("p", { class: "badges" },
      queue.policy ? h("a", { href: link(["policies"], { name: queue.policy }), key: "p" }, badge(`policy ${queue.policy}`, "info")) : badge("no policy matches"),
      queue.operator_policy && badge(`operator policy ${queue.operator_policy}`, "info")),
    small(rows, {
      what: "settings", key: (one) => one.name, none: empty("Nothing but the defaults."),
      columns: [
        { id: "name", label: "Setting", cell: (one) => h("code", null, one.name) },
        { id: "value", label: "Value", cell: (one) => inline(one.value ?? "–") },
        { id: "from", label: "Comes from", cell: from },
      ],
    }));
}

function from(one) {
  const source = one.source ?? one.origin ?? one.from;
  const text = source !== null && typeof source === "object" ? [source.kind, source.name].filter(Boolean).join(" ") : source ?? "–";
  return [text, one.why && h("small", { class: "muted" }, ` ${one.why}`)];
}

/** Without the broker's word: which of the two names it. Where both do, the broker takes the smaller number. */
function guessed(queue) {
  const policy = queue.effective_policy_definition ?? {};
  const own = queue.arguments ?? {};
  const rows = Object.entries(own).map(([name, value]) => ({
    name: name.replace(/^x-/, ""), value, source: name.replace(/^x-/, "") in policy ? "argument, and a policy as well" : "argument",
  }));
  const named = new Set(rows.map((row) => row.name));
  for (const [name, value] of Object.entries(policy)) {
    if (!named.has(name)) rows.push({ name, value, source: "policy" });
  }
  return rows;
}
