// Export and import of everything that is declared.

import { get, path, post, query } from "../api.js";
import { confirm } from "../dialog.js";
import { create, h } from "../dom.js";
import { form } from "../form.js";
import { count, inline, many } from "../format.js";
import { act, badge, crumbs, empty, panel } from "../kit.js";
import { link } from "../router.js";
import { may, offers, refreshVhosts, vhostNames } from "../session.js";
import { small } from "../table.js";
import { done } from "../toast.js";

const SHOWN = 20;
const STEPS_MAX = 500;

export const definitions = {
  place: "definitions",
  still: true,
  title: () => "Definitions",
  load: async () => ({}),

  view(_, ctx) {
    return [
      crumbs(["Admin", link(["admin"])], ["Definitions"]),
      h("div", { class: "page-head", key: "head" }, h("h1", null, "Definitions")),
      !may("administrator") ? empty("Definitions are for administrators.")
        : !offers("GET /definitions") ? empty("This broker does not export definitions over HTTP.", "Use haremq ctl export_definitions.") : parts(ctx),
    ];
  },
};

function parts(ctx) {
  return [
    panel("Export", { key: "export" },
      h("p", null, "Virtual hosts, users with hashes of their passwords, permissions, policies, exchanges, queues and bindings. No messages."),
      form({
        label: "Export", action: "Export", compact: true,
        fields: [{ name: "vhost", label: "Of", type: "select", options: [["", "the whole broker"], ...vhostNames().map((name) => [name, `the virtual host ${name}`])] }],
        submit: ({ vhost }) => save(vhost),
      })),
    panel("Import", { key: "import", wide: true },
      h("p", null, "A document that was exported here or by RabbitMQ. What is in it is added or changed; what is not stays."),
      h("div", { class: "field" }, h("label", { for: "import-file" }, "File"), h("input", { id: "import-file", type: "file", accept: ".json,application/json", onchange: (event) => choose(ctx, event.target.files[0]) })),
      ctx.state.chosen && chosenView(ctx)),
  ];
}

async function save(vhost) {
  const document_ = await get(vhost === "" ? "definitions" : `definitions/${path(vhost)}`);
  const file = new Blob([`${JSON.stringify(document_, null, 2)}\n`], { type: "application/json" });
  const url = URL.createObjectURL(file);
  const day = new Date().toISOString().slice(0, 10);
  const anchor = create(h("a", { href: url, download: `definitions-${vhost === "" ? "all" : vhost.replace(/[^\w.-]+/g, "_")}-${day}.json` }));
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  done("The definitions are exported.");
}

async function choose(ctx, file) {
  if (!file) return;
  const chosen = { name: file.name, prune: false };
  try {
    chosen.document = JSON.parse(await file.text());
  } catch (error) {
    chosen.error = `${file.name} is no JSON: ${error.message}`;
  }
  ctx.state.chosen = chosen;
  ctx.render();
  if (!chosen.error) await tryOut(ctx);
}

const address = (chosen, more) => `definitions${query({ prune: chosen.prune ? "true" : "", ...more })}`;

/** Asks what an import would change, without changing anything. */
async function tryOut(ctx) {
  const { chosen } = ctx.state;
  chosen.plan = await post(address(chosen, { dry_run: "true" }), chosen.document).catch((error) => ({ error: error.message }));
  ctx.render();
}

function chosenView(ctx) {
  const { chosen } = ctx.state;
  if (chosen.error) return h("p", { class: "error", role: "alert" }, chosen.error);
  const prune = (event) => {
    chosen.prune = event.target.checked;
    tryOut(ctx);
  };
  return h("div", { class: "chosen", role: "status" },
    h("label", { class: "check" }, h("input", { type: "checkbox", checked: chosen.prune, onchange: prune }), "Also delete what the document does not have"),
    planView(chosen),
    h("div", { class: "buttons" }, act("Import", () => bringIn(ctx), { kind: chosen.prune ? "danger" : "primary", good: "The definitions are imported.", disabled: !chosen.plan || Boolean(chosen.plan.error) })));
}

async function bringIn(ctx) {
  const { chosen } = ctx.state;
  const gone = chosen.plan.counts?.delete ?? 0;
  const sure = gone === 0 || await confirm({ title: "Import and delete?", text: `${many(gone, "thing")} that the document does not have will be deleted for good, queues with their messages.`, action: "Import and delete", typed: "delete" });
  if (!sure) return false;
  await post(address(chosen), chosen.document);
  await refreshVhosts();
  ctx.state.chosen = null;
  ctx.render();
  return true;
}

const ACTIONS = { add: ["added", "good"], change: ["changed", "warn"], delete: ["deleted", "bad"], keep: ["stays", ""] };

function planView({ name, plan }) {
  if (!plan) return h("p", { class: "muted" }, "Asking the broker what would change…");
  if (plan.error) return h("p", { class: "error", role: "alert" }, plan.error);
  const { steps, counts, warnings } = plan;
  return [
    h("p", null, h("b", null, name), `: ${count(counts.add)} would be added, ${count(counts.change)} changed, ${count(counts.delete)} deleted; ${count(counts.same)} are as they are here.`),
    warnings.map((warning, at) => h("p", { key: `w${at}`, class: "warn-text" }, warning)),
    steps.length > 0 && h("details", { class: "inner", open: steps.length <= SHOWN }, h("summary", null, `What would change (${count(steps.length)})`),
      small(steps.slice(0, STEPS_MAX), {
        what: "changes", key: (one) => `${one.kind} ${one.vhost} ${one.name} ${one.place}`, none: null,
        columns: [
          { id: "name", label: "Name", cell: (one) => one.name },
          { id: "kind", label: "What", cell: (one) => one.kind.replace(/_/g, " ").replace(/ies$/, "y").replace(/s$/, "") },
          { id: "vhost", label: "Virtual host", cell: (one) => one.vhost ?? "–" },
          { id: "action", label: "Is", cell: (one) => badge(...(ACTIONS[one.action] ?? [one.action, ""])) },
          { id: "more", label: "How", cell: differences },
        ],
      }),
      steps.length > STEPS_MAX && h("p", { class: "muted" }, `And ${count(steps.length - STEPS_MAX)} more.`)),
  ];
}

function differences(step) {
  return [
    step.differences.map((one) => h("div", { key: one.field }, h("code", null, one.field), ` ${inline(one.before) ?? "–"} → ${inline(one.after) ?? "–"}`)),
    step.messages > 0 && badge(`with ${many(step.messages, "message")}`, "bad"),
  ];
}
