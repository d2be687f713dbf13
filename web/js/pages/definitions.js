// Export and import of everything that is declared.

import { get, path, post } from "../api.js";
import { create, h } from "../dom.js";
import { form } from "../form.js";
import { count, inline, many } from "../format.js";
import { act, badge, crumbs, empty, panel } from "../kit.js";
import { link } from "../router.js";
import { may, offers, refreshVhosts, vhostNames } from "../session.js";
import { small } from "../table.js";
import { done } from "../toast.js";

export const definitions = {
  place: "definitions",
  still: true,
  title: () => "Definitions",
  load: async () => ({}),

  view(_, ctx) {
    if (!may("administrator")) return empty("Definitions are for administrators.");
    if (!offers("GET /definitions")) return empty("This broker does not export definitions over HTTP.", "Use haremq ctl export_definitions.");
    return [
      crumbs(["Admin", link(["admin"])], ["Definitions"]),
      h("div", { class: "page-head", key: "head" }, h("h1", null, "Definitions")),
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
  },
};

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
  const chosen = { name: file.name };
  try {
    chosen.document = JSON.parse(await file.text());
  } catch (error) {
    chosen.error = `${file.name} is no JSON: ${error.message}`;
  }
  ctx.state.chosen = chosen;
  ctx.render();
  if (!chosen.error) {
    chosen.changes = await post("definitions?dry_run=true", chosen.document).catch((error) => ({ error: error.message }));
    ctx.render();
  }
}

function chosenView(ctx) {
  const { chosen } = ctx.state;
  if (chosen.error) return h("p", { class: "error", role: "alert" }, chosen.error);
  const parts = Object.entries(chosen.document).filter(([, value]) => Array.isArray(value) && value.length > 0);
  return h("div", { role: "status" },
    h("p", null, h("b", null, chosen.name), " holds ", parts.map(([name, value]) => many(value.length, name.replace(/_/g, " ").replace(/s$/, ""), name.replace(/_/g, " "))).join(", ") || "nothing", "."),
    changesView(chosen.changes),
    h("div", { class: "buttons" }, act("Import", async () => {
      await post("definitions", chosen.document);
      await refreshVhosts();
      ctx.state.chosen = null;
      ctx.render();
    }, { kind: "primary", good: "The definitions are imported." })));
}

function changesView(changes) {
  if (!changes) return null;
  if (changes.error) return h("p", { class: "error", role: "alert" }, changes.error);
  const list = Array.isArray(changes) ? changes : changes.changes ?? changes.differences ?? [];
  if (list.length === 0) return h("p", null, badge("no change", "good"), " Everything in it is here already.");
  return h("details", { open: list.length <= 20 }, h("summary", null, `${count(list.length)} changes`), small(list, {
    what: "changes", none: null,
    columns: [
      { id: "what", label: "What", cell: (one) => (typeof one === "string" ? one : one.change ?? one.action ?? one.kind) },
      { id: "object", label: "Of", cell: (one) => (typeof one === "string" ? "" : [one.object ?? one.type, one.vhost, one.name].filter(Boolean).join(" ")) },
      { id: "more", label: "Details", cell: (one) => (one.details ? inline(one.details) : "") },
    ],
  }));
}
