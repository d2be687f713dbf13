// "Why?": what the broker finds when it looks at a connection or a queue, in its own words.

import { get, path } from "./api.js";
import { h } from "./dom.js";
import { ago, duration } from "./format.js";
import { panel } from "./kit.js";
import { offers } from "./session.js";

/** What the broker finds, or `null` where it does not say. */
export async function explained(ctx, what, ...names) {
  const resource = `GET /haremq/explain/${what}/${names.map(() => "{}").join("/")}`;
  if (!offers(resource)) return null;
  const answer = await get(`haremq/explain/${what}/${path(...names)}`, { signal: ctx.signal, quiet: true }).catch(() => null);
  return answer === null ? null : findingsOf(answer);
}

function findingsOf(answer) {
  return Array.isArray(answer) ? answer : answer.findings ?? [];
}

const KINDS = { error: "bad", critical: "bad", blocked: "bad", bad: "bad", warning: "warn", warn: "warn", info: "info", notice: "info", good: "good", ok: "good" };

/** The panel; nothing when there is nothing to explain. */
export function whyPanel(findings, quiet = "Nothing holds it up.") {
  if (findings === null || findings === undefined) return null;
  if (findings.length === 0) return panel("Why?", { key: "why", note: quiet, kind: "calm" });
  return panel("Why?", { key: "why", wide: true }, h("ul", { class: "findings" }, findings.map((finding, at) =>
    h("li", { key: finding.name ?? finding.code ?? String(at), class: KINDS[finding.severity] ?? "info" },
      h("p", { class: "cause" }, finding.cause ?? finding.text ?? ""),
      since(finding) && h("p", { class: "muted" }, since(finding)),
      (finding.fix ?? finding.remedy) && h("p", { class: "fix" }, h("b", null, "What helps: "), finding.fix ?? finding.remedy)))));
}

function since(finding) {
  if (typeof finding.since_ms === "number") return `Since ${ago(finding.since_ms)}.`;
  if (typeof finding.for_ms === "number") return `For ${duration(finding.for_ms)}.`;
  return typeof finding.since === "number" ? `Since ${ago(finding.since)}.` : finding.since ? `Since ${finding.since}.` : null;
}
