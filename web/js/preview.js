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

async function matched({ vhost, pattern, apply }) {
  if (offers("POST /haremq/policies/preview")) {
    const answer = await post("haremq/policies/preview", { vhost, pattern, "apply-to": apply });
    return { queues: names(answer.queues), exchanges: names(answer.exchanges), more: answer.truncated === true };
  }
  return byHand(vhost, pattern, apply);
}

const names = (list) => (list ?? []).map((one) => (typeof one === "string" ? one : one.name));

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
  const { vhost, queues, exchanges, more } = found;
  return h("div", { class: "preview", role: "status" },
    h("p", null, h("b", null, `It would match ${many(queues.length, "queue")} and ${many(exchanges.length, "exchange")}${more ? ", and more that are not shown" : ""}.`)),
    h("p", { class: "badges" }, queues.slice(0, SHOWN_MAX).map((name) => h("span", { class: "badge", key: `q${name}` }, queueName(vhost, name))),
      exchanges.slice(0, SHOWN_MAX).map((name) => h("span", { class: "badge info", key: `e${name}` }, exchangeName(vhost, name)))));
}
