// What a policy would match, while its pattern is typed.

import { get, path, post, query } from "./api.js";
import { h } from "./dom.js";
import { many } from "./format.js";
import { exchangeName, queueName } from "./kit.js";
import { offers } from "./session.js";

const TYPING_MS = 300;
const SHOWN_MAX = 50;

let typing = 0;

/** Asks, a moment after the last key; what came is in `ctx.state.preview`. */
export function preview(ctx, resource, asked) {
  clearTimeout(typing);
  typing = setTimeout(async () => {
    const found = asked.pattern === "" ? null : await matched(asked).catch((error) => ({ error: error.message }));
    ctx.state.preview = found && { resource, vhost: asked.vhost, ...found };
    ctx.render();
  }, TYPING_MS);
}

async function matched({ vhost, pattern, apply, name, priority, definition, operator }) {
  if (!offers("POST /haremq/policies/preview")) return byHand(vhost, pattern, apply);
  const body = { vhost, pattern, "apply-to": apply, definition, operator, ...(name ? { name } : {}), ...(priority === undefined ? {} : { priority }) };
  const { queues, exchanges } = await post("haremq/policies/preview", body);
  const all = [...queues.names, ...exchanges.names];
  return {
    queues: queues.names.map((one) => one.name), exchanges: exchanges.names.map((one) => one.name),
    totals: [queues.total, exchanges.total], more: queues.total + exchanges.total > all.length,
    beaten: all.filter((one) => !one.in_force).map((one) => [one.name, one.instead]),
  };
}

/** For a broker that does not tell: the filter of its lists takes regular expressions as well. */
async function byHand(vhost, pattern, apply) {
  const ask = (what) => get(`${what}/${path(vhost)}${query({ page: 1, page_size: SHOWN_MAX, name: pattern, use_regex: true, columns: "name,type" })}`);
  const type = apply.replace(/_?queues$/, "");
  const queues = apply === "exchanges" ? null : await ask("queues");
  const exchanges = ["all", "exchanges"].includes(apply) ? await ask("exchanges") : null;
  const fits = (one) => ["", "all"].includes(type) || one.type === type;
  return {
    queues: (queues?.items ?? []).filter(fits).map((one) => one.name),
    exchanges: (exchanges?.items ?? []).map((one) => one.name).filter(Boolean),
    more: (queues?.page_count ?? 0) > 1 || (exchanges?.page_count ?? 0) > 1,
  };
}

/** What was found. */
export function previewView(found) {
  if (!found) return null;
  if (found.error) return h("p", { class: "error", role: "status" }, found.error);
  const { vhost, queues, exchanges, more, beaten = [] } = found;
  const [queueCount, exchangeCount] = found.totals ?? [queues.length, exchanges.length];
  return h("div", { class: "preview", role: "status" },
    h("p", null, h("b", null, `It would match ${many(queueCount, "queue")} and ${many(exchangeCount, "exchange")}${more ? ", and more that are not shown" : ""}.`)),
    h("p", { class: "badges" }, queues.slice(0, SHOWN_MAX).map((name) => h("span", { class: "badge", key: `q${name}` }, queueName(vhost, name))),
      exchanges.slice(0, SHOWN_MAX).map((name) => h("span", { class: "badge info", key: `e${name}` }, exchangeName(vhost, name)))),
    beaten.length > 0 && h("p", { class: "warn-text" }, `For ${beaten.map(([name, instead]) => `${name} (${instead})`).slice(0, 5).join(", ")}${beaten.length > 5 ? ` and ${beaten.length - 5} more` : ""} another policy has the higher priority and stays in force.`));
}
