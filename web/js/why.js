// "Why?": what the broker finds when it looks at a connection or a queue, in its own words.

import { get, path } from "./api.js";
import { h } from "./dom.js";
import { duration, moment } from "./format.js";
import { panel } from "./kit.js";
import { offers } from "./session.js";

/** What the broker finds, or `null` where it does not say. */
export async function explained(ctx, what, ...names) {
  if (!offers(`GET /haremq/explain/${what}/${names.map(() => "{}").join("/")}`)) return null;
  return get(`haremq/explain/${what}/${path(...names)}`, { signal: ctx.signal, quiet: true }).catch(() => null);
}

const KINDS = { critical: "bad", warning: "warn", info: "info" };

/** The panel; nothing where nothing was asked. */
export function whyPanel(answer) {
  if (answer === null) return null;
  const findings = answer.findings ?? [];
  if (findings.length === 0) return panel("Why?", { key: "why", wide: true, note: "Nothing holds it up." });
  return panel("Why?", { key: "why", wide: true }, h("ul", { class: "findings" }, findings.map((finding, at) =>
    h("li", { key: `${finding.name} ${at}`, class: KINDS[finding.severity] ?? "info" },
      h("p", { class: "cause" }, sentence(finding.cause)),
      finding.fix && h("p", { class: "fix" }, h("b", null, "What helps: "), sentence(finding.fix)),
      typeof finding.age_ms === "number" && h("p", { class: "muted" }, `For ${duration(finding.age_ms)}, since ${moment(Date.parse(finding.since))}.`)))));
}

/** As a sentence of its own. */
export function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
