// Where would a message go? The broker says which queues it would reach, by which way, and why not the others.

import { path, post } from "./api.js";
import { h } from "./dom.js";
import { form } from "./form.js";
import { duration, inline, many, nameOf } from "./format.js";
import { badge, exchangeName, panel, queueName } from "./kit.js";
import { offers } from "./session.js";
import { sentence } from "./why.js";

const RESOURCE = "POST /haremq/exchanges/{vhost}/{exchange}/route";

/** The form and what the broker said; nothing where the broker cannot say it. */
export function routePanel(exchange, ctx) {
  if (!offers(RESOURCE)) return null;
  return panel("Where would a message go?", { key: "route", wide: true, note: "nothing is published" },
    form({
      key: "route", label: "Explain a route", action: "Explain",
      fields: [
        { name: "routing_key", label: "Routing key" },
        { name: "headers", label: "Headers", type: "entries" },
      ],
      submit: async (given) => {
        ctx.state.route = await post(`haremq/exchanges/${path(exchange.vhost, exchange.name === "" ? "amq.default" : exchange.name)}/route`, given);
        ctx.render();
      },
    }),
    ctx.state.route && answer(ctx.state.route));
}

function answer(told) {
  const { vhost, queues, queues_total: total, refused, steps, is_complete: complete } = told;
  const missed = steps.flatMap((step) => step.unmatched.map((one) => ({ ...one, source: step.exchange })));
  return h("div", { class: "route", role: "status" },
    refused && h("p", { class: "verdict bad" }, sentence(refused)),
    h("p", { class: `verdict ${total > 0 ? "good" : "bad"}` }, total > 0
      ? `It would reach ${many(total, "queue")}.`
      : "It would reach no queue: it is dropped, or returned to the publisher when it is mandatory."),
    h("ul", { class: "routes" }, queues.map((one) => h("li", { key: one.name }, queueName(vhost, one.name), way(vhost, one.path)))),
    !complete && h("p", { class: "muted" }, "Not all of it is shown: there are too many exchanges or queues on the way."),
    steps.map((step, at) => stepNote(vhost, step, at)),
    missed.length > 0 && h("details", { class: "inner", open: total === 0 || missed.length < 8 }, h("summary", null, `Why not the others (${missed.length})`),
      h("ul", { class: "routes" }, missed.map((one, at) => h("li", { key: String(at) }, missedView(vhost, one))))));
}

/** The exchanges on the way, each with what leads on. */
function way(vhost, path_) {
  return h("ol", { class: "way" }, path_.map((place, at) => h("li", { key: String(at) },
    at > 0 && h("span", { class: "by" }, by(place.by), h("span", { "aria-hidden": "true" }, " → ")),
    place.kind === "queue" ? h("b", null, place.to) : exchangeName(vhost, place.to))));
}

function by(how) {
  if (how.kind === "alternate-exchange") return "as its alternate exchange";
  if (how.kind === "queue-name") return "by the name of the queue";
  if (how.kind !== "binding" || how.routing_key === undefined) return "by a binding";
  const given = Object.entries(how.arguments ?? {}).map(([name, value]) => `${name}=${inline(value)}`);
  return ["by ", h("code", null, [how.routing_key, ...given].filter(Boolean).join(" ") || "(empty)")];
}

const OUTCOMES = { unrouted: "nothing takes it, and there is no alternate exchange", duplicate: "it was seen before, and is dropped" };

function stepNote(vhost, step, at) {
  const note = step.outcome === "delayed" ? `it waits for ${duration(step.delay_ms)} first` : OUTCOMES[step.outcome];
  if (!note && !step.by_chance && step.left_out === 0) return null;
  return h("p", { key: `s${at}`, class: "muted" }, exchangeName(vhost, step.exchange), ` (${step.type}): `,
    [note, step.by_chance && "it picks one by chance, so another may be picked the next time", step.left_out > 0 && `${many(step.left_out, "binding")} more were not looked at`].filter(Boolean).join("; "), ".");
}

function missedView(vhost, one) {
  const end = one.destination_type === "queue" ? queueName(vhost, one.destination) : exchangeName(vhost, one.destination);
  const given = Object.entries(one.arguments ?? {}).map(([name, value]) => `${name}=${inline(value)}`);
  return [end, h("span", { class: "muted" }, ` of ${nameOf(one.source)} by `), h("code", null, [one.routing_key, ...given].filter(Boolean).join(" ") || "(empty)"), badge("no"), " ", sentence(one.why)];
}
