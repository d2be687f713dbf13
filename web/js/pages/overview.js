// The broker at a glance.

import { get, query } from "../api.js";
import { charts, collect, flowChart, levelChart, rangeChoice } from "../charts.js";
import { h } from "../dom.js";
import { bytes, count, duration, rate } from "../format.js";
import { badge, empty, facts, figure, meter, panel, rateOf } from "../kit.js";
import { link } from "../router.js";
import { rangeOf, sampleQuery } from "../series.js";
import { may } from "../session.js";
import { small } from "../table.js";

export const overview = {
  place: "",
  title: () => "Overview",

  async load(ctx) {
    const samples = sampleQuery(rangeOf(ctx.query), ["lengths", "msg_rates"]);
    const options = { signal: ctx.signal };
    const [seen, nodes, alarms] = await Promise.all([
      get(`overview${query(samples)}`, options),
      may("monitoring") ? get("nodes", options) : [],
      get("health/checks/alarms", { ...options, quiet: true }).then(() => null, alarmsOf),
    ]);
    const object = { ...seen.queue_totals, message_stats: seen.message_stats };
    collect("overview", object);
    return { seen, nodes, alarms, object };
  },

  view({ seen, nodes, alarms, object }, ctx) {
    return [
      h("div", { class: "page-head", key: "head" },
        h("h1", null, "Overview"),
        h("span", { class: "muted" }, `${seen.cluster_name} · takes the place of RabbitMQ ${seen.rabbitmq_version}`),
        rangeChoice(ctx)),
      alarmBanner(alarms, nodes),
      totals(seen, object),
      panel("Messages", { key: "charts", wide: true }, charts(
        levelChart("overview", object, ctx, "Messages in queues"),
        flowChart("overview", object, ctx))),
      nodes.length > 0 && panel(nodes.length === 1 ? "Node" : "Nodes", { key: "nodes", wide: true }, nodes.map(nodeView)),
      h("div", { class: "column", key: "left" },
        panel("Listening on", { key: "listeners" }, listeners(seen)),
        may("administrator") && panel("Definitions", { key: "definitions" },
          h("p", null, "Virtual hosts, users, permissions, queues, exchanges, bindings and policies as one document."),
          h("p", null, h("a", { class: "button", href: link(["definitions"]) }, "Export or import definitions")))),
      panel("Coming and going", { key: "churn" }, churn(seen.churn_rates ?? {})),
    ];
  },
};

/** What a failed check says is on: with its reason where the broker gives one. */
function alarmsOf(error) {
  if (error.status !== 503) return null;
  return (error.said.alarms ?? []).filter((alarm) => alarm.reason);
}

function alarmBanner(alarms, nodes) {
  const told = (alarms ?? []).map((alarm) => [capital(alarm.resource), `${capital(alarm.reason)}.${alarm.fix ? ` What helps: ${alarm.fix}.` : ""}`]);
  const on = told.length > 0 ? told : nodes.flatMap((node) => [
    node.mem_alarm && ["Memory", `${bytes(node.mem_used)} in use, and publishers are held back from ${bytes(node.mem_limit)} of messages on. They go on when consumers have taken some; a higher vm_memory_high_watermark helps where there is more memory.`],
    node.disk_free_alarm && ["Disk", `${bytes(node.disk_free)} free, and publishers are held back below ${bytes(node.disk_free_limit)}. They go on when there is room; disk_free_limit says how much that is.`],
  ].filter(Boolean));
  if (on.length === 0 && !alarms) return null;
  return h("div", { class: "banner bad", role: "alert", key: "alarms" },
    h("strong", null, "Publishers are held back. "),
    on.length === 0 ? "An alarm is on." : on.map(([what, why]) => h("p", { key: what }, h("b", null, `${what}: `), why)));
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function totals(seen, object) {
  const all = seen.object_totals ?? {};
  return h("div", { class: "figures", key: "figures" },
    figure("ready", count(object.messages_ready), { hint: "messages that wait for a consumer" }),
    figure("unacked", count(object.messages_unacknowledged), { hint: "messages that consumers have not acknowledged yet" }),
    figure("published/s", rate(rateOf(object, "publish"))),
    figure("delivered/s", rate(rateOf(object, "deliver_get"))),
    figure("connections", count(all.connections), { href: link(["connections"]) }),
    figure("channels", count(all.channels), { href: link(["channels"]) }),
    figure("queues", count(all.queues), { href: link(["queues"]) }),
    figure("consumers", count(all.consumers)));
}

function nodeView(node) {
  return h("div", { class: "node", key: node.name },
    h("div", { class: "node-head" },
      h("b", null, node.name),
      node.running === false ? badge("down", "bad") : badge("running", "good"),
      h("span", { class: "muted" }, `up ${duration(node.uptime)} · process ${node.os_pid} · ${node.processors} cores`)),
    h("div", { class: "meters" },
      meter("Memory of the process", node.mem_used, 0, bytes, node.mem_alarm),
      node.disk_free > 0
        ? h("div", { class: `meter ${node.disk_free_alarm ? "bad" : ""}`, key: "disk" }, h("div", { class: "meter-head" },
          h("span", null, "Disk free"), h("span", { class: "number" }, `${bytes(node.disk_free)}, at least ${bytes(node.disk_free_limit)}`)))
        : h("div", { class: "meter", key: "disk" }, h("div", { class: "meter-head" }, h("span", null, "Disk"), h("span", null, "nothing is kept on disk"))),
      meter("File descriptors", node.fd_used, node.fd_total, count),
      meter("Sockets", node.sockets_used, node.sockets_total, count)),
    facts([
      ["Message memory watermark", bytes(node.mem_limit), "publishers are held back when messages in memory need this much"],
      ["Data folder", node.db_dir !== "" && h("code", null, node.db_dir)],
      ["Configuration", node.config_files?.length > 0 && h("code", null, node.config_files.join(", "))],
      ["Log", node.log_files?.length > 0 && h("code", null, node.log_files.join(", "))],
    ]));
}

function listeners(seen) {
  return small(seen.listeners ?? [], {
    what: "listeners", key: (one) => `${one.protocol} ${one.ip_address} ${one.port}`,
    none: empty("Nothing is listened on."),
    columns: [
      { id: "protocol", label: "Protocol", cell: (one) => one.protocol },
      { id: "address", label: "Address", cell: (one) => h("code", null, one.ip_address) },
      { id: "port", label: "Port", number: true, cell: (one) => String(one.port) },
    ],
  });
}

const CHURN = [
  ["connection_created", "Connections opened"], ["connection_closed", "Connections closed"],
  ["channel_created", "Channels opened"], ["channel_closed", "Channels closed"],
  ["queue_declared", "Queues declared"], ["queue_created", "Queues created"], ["queue_deleted", "Queues deleted"],
];

function churn(rates) {
  return small(CHURN.filter(([name]) => name in rates), {
    what: "churn", key: ([name]) => name, none: empty("Not counted."),
    columns: [
      { id: "what", label: "What", cell: ([, label]) => label },
      { id: "all", label: "In all", number: true, cell: ([name]) => count(rates[name]) },
      { id: "rate", label: "Per second", number: true, cell: ([name]) => rate(rates[`${name}_details`]?.rate) },
    ],
  });
}
