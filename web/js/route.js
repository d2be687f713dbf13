// Where would a message go? The broker says which queues it would reach, by which way, and why not the others.

import { path, post } from "./api.js";
import { h } from "./dom.js";
import { form } from "./form.js";
import { inline, many, nameOf } from "./format.js";
import { exchangeName, panel, queueName } from "./kit.js";
import { offers } from "./session.js";

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
    ctx.state.route && answer(exchange.vhost, ctx.state.route));
}

function answer(vhost, said) {
  const reached = said.queues ?? [];
  const missed = said.not_matched ?? said.unmatched ?? [];
  return h("div", { class: "route", role: "status" },
    h("p", { class: reached.length > 0 ? "verdict good" : "verdict bad" }, reached.length > 0
      ? `It would reach ${many(reached.length, "queue")}.`
      : "It would reach no queue: it is dropped, or returned to the publisher when it is mandatory."),
    h("ul", { class: "routes" }, reached.map((one) => h("li", { key: one.queue ?? one.name }, queueName(vhost, one.queue ?? one.name), ways(vhost, one)))),
    missed.length > 0 && h("details", { open: reached.length === 0 }, h("summary", null, `Why not the others (${missed.length})`),
      h("ul", { class: "routes" }, missed.map((one, at) => h("li", { key: String(at) }, missedView(vhost, one))))));
}

function ways(vhost, one) {
  const steps = one.path ?? one.via ?? [];
  return h("ol", { class: "way" }, steps.map((step, at) => h("li", { key: String(at) }, stepView(vhost, step))));
}

function stepView(vhost, step) {
  if (typeof step === "string") return step;
  return [exchangeName(vhost, step.exchange ?? step.source ?? ""), " ", step.why ?? step.reason ?? (step.routing_key !== undefined ? `by ${inline(step.routing_key)}` : "")];
}

function missedView(vhost, one) {
  if (typeof one === "string") return one;
  return [h("b", null, nameOf(one.destination ?? one.queue)), " from ", exchangeName(vhost, one.source ?? one.exchange ?? ""),
    one.routing_key !== undefined && [" by ", h("code", null, one.routing_key)], ": ", one.why ?? one.reason ?? one.why_not];
}
