// Lists: pages, order and filter are the broker's work, so that ten thousand queues are one page of a hundred.

import { get, query as queryOf } from "./api.js";
import { h } from "./dom.js";
import { count, many } from "./format.js";
import { requery } from "./router.js";

const SIZES = [20, 50, 100, 200, 500];
const SIZE = 100;
const TYPING_MS = 250;

/** What an address asks of a list. */
function asked(query, order) {
  const by = query.sort ?? order?.sort;
  const down = (query.sort === undefined ? order?.down : query.down) ? "true" : undefined;
  return { page: query.page ?? 1, page_size: query.size ?? SIZE, name: query.name, use_regex: query.regex && "true", sort: by, sort_reverse: down };
}

/** One page of a list of the API, as the address of the page asks for it. */
export async function loadPage(ctx, at, { order, extra } = {}) {
  const wanted = asked(ctx.query, order);
  const request = (page) => get(at + queryOf({ ...wanted, page, pagination: "true", ...extra }), { signal: ctx.signal });
  try {
    return { ...(await request(wanted.page)), error: null };
  } catch (error) {
    if (error.status !== 400) throw error;
    // The last entry of the last page may have gone meanwhile.
    if (/page_out_of_range/.test(error.message)) return { ...(await request(1)), error: null };
    return { items: [], filtered_count: 0, total_count: 0, page: 1, page_count: 1, error: error.message };
  }
}

/** The list with its filter, its columns and its pages. A column is `{ id, label, hint, cell, number, sort, extra }`. */
export function list(data, ctx, { what, columns, key, none, order, tools, filter = true }) {
  const kept = hidden(what, columns);
  const shown = columns.filter((column) => !kept.has(column.id));
  const sorted = ctx.query.sort ?? order?.sort;
  const down = ctx.query.sort === undefined ? Boolean(order?.down) : Boolean(ctx.query.down);
  return h("div", { class: "list", key: what },
    h("div", { class: "list-tools" },
      filter && search(ctx, what, data),
      h("span", { class: "muted list-count", role: "status" }, counted(data, what)),
      columnChoice(what, columns, kept, ctx),
      tools),
    data.items.length === 0 ? h("div", { class: "list-none", key: "none" }, nothing(data, ctx, what, none))
      : h("div", { class: "scroll", key: "rows" }, h("table", { class: "rows cards" },
        h("caption", { class: "unseen" }, what),
        h("thead", null, h("tr", null, shown.map((column) => head(column, sorted, down)))),
        h("tbody", null, data.items.map((item) => row(item, shown, key))))),
    pages(data, ctx));
}

function row(item, columns, key) {
  return h("tr", { key: key(item) }, columns.map((column, at) => {
    const props = { class: column.number ? "number" : column.class, "data-label": column.label, key: column.id };
    return at === 0 ? h("th", { ...props, scope: "row" }, column.cell(item)) : h("td", props, column.cell(item));
  }));
}

function head(column, sorted, down) {
  if (!column.sort) return h("th", { key: column.id, scope: "col", class: column.number ? "number" : "", title: column.hint }, column.label);
  const is = sorted === column.sort;
  // Numbers are looked at from the largest on, names from A.
  const turn = () => requery({ sort: column.sort, down: is ? (down ? "" : "1") : column.number ? "1" : "", page: "" });
  return h("th", { key: column.id, scope: "col", class: column.number ? "number" : "", "aria-sort": is ? (down ? "descending" : "ascending") : undefined },
    h("button", { type: "button", title: column.hint ?? `Sort by ${column.label}`, onclick: turn },
      column.label, h("span", { class: "arrow", "aria-hidden": "true" }, is ? (down ? "▼" : "▲") : "")));
}

let typing = 0;

function search(ctx, what, data) {
  const type = (event) => {
    clearTimeout(typing);
    const name = event.target.value;
    typing = setTimeout(() => requery({ name, page: "" }), TYPING_MS);
  };
  // Who is typing is ahead of the address.
  const own = document.getElementById("filter");
  const value = own !== null && own === document.activeElement ? own.value : ctx.query.name ?? "";
  return h("div", { class: "search" },
    h("input", {
      id: "filter", type: "search", placeholder: "Filter by name", "aria-label": `Filter ${what} by name`, value,
      oninput: type, spellcheck: "false", autocomplete: "off", "aria-invalid": data.error ? "true" : undefined, "aria-describedby": data.error ? "filter-error" : undefined,
    }),
    h("label", { class: "check", title: "The filter is a regular expression" },
      h("input", { type: "checkbox", checked: Boolean(ctx.query.regex), onchange: (event) => requery({ regex: event.target.checked ? "1" : "", page: "" }) }), "Regex"),
    data.error && h("small", { id: "filter-error", class: "error" }, data.error));
}

function counted(data, what) {
  if (data.filtered_count !== data.total_count) return `${count(data.filtered_count)} of ${many(data.total_count, what.replace(/s$/, ""), what)}`;
  return many(data.total_count, what.replace(/s$/, ""), what);
}

function nothing(data, ctx, what, none) {
  if (data.error || data.total_count > 0) {
    return h("div", { class: "empty" }, h("p", { class: "empty-title" }, `No ${what} match the filter.`),
      h("p", null, h("button", { type: "button", onclick: () => requery({ name: "", regex: "", page: "" }) }, "Show all")));
  }
  return none;
}

function pages(data, ctx) {
  const size = Number(ctx.query.size ?? SIZE);
  if (data.page_count <= 1 && data.filtered_count <= SIZES[0]) return null;
  const step = (to, label, name) => h("button", { type: "button", key: name, "aria-label": name, disabled: to < 1 || to > data.page_count || to === data.page, onclick: () => requery({ page: to }) }, label);
  return h("nav", { class: "pages", "aria-label": "Pages", key: "pages" },
    step(1, "«", "First page"), step(data.page - 1, "‹", "Page before"),
    h("span", { class: "number" }, `Page ${data.page} of ${Math.max(1, data.page_count)}`),
    step(data.page + 1, "›", "Next page"), step(data.page_count, "»", "Last page"),
    h("label", null, "per page ",
      h("select", { onchange: (event) => requery({ size: event.target.value, page: "" }) },
        SIZES.map((option) => h("option", { key: String(option), value: option, selected: option === size }, String(option))))));
}

function columnsKey(what) {
  return `haremq.columns.${what}`;
}

/** The columns that are not shown: as chosen here before, or those that are `extra`. */
function hidden(what, columns) {
  try {
    const kept = JSON.parse(localStorage.getItem(columnsKey(what)));
    if (Array.isArray(kept)) return new Set(kept);
  } catch {
    // What cannot be read counts as not chosen.
  }
  return new Set(columns.filter((column) => column.extra).map((column) => column.id));
}

function columnChoice(what, columns, kept, ctx) {
  const change = (id, on) => {
    const next = new Set(kept);
    if (on) next.delete(id);
    else next.add(id);
    localStorage.setItem(columnsKey(what), JSON.stringify([...next]));
    ctx.render();
  };
  return h("details", { class: "menu" }, h("summary", null, "Columns"),
    h("div", { class: "menu-body" }, columns.slice(1).map((column) =>
      h("label", { key: column.id, class: "check" },
        h("input", { type: "checkbox", checked: !kept.has(column.id), onchange: (event) => change(column.id, event.target.checked) }), column.label))));
}

/** A short table without pages, for what belongs to one object. */
export function small(items, { columns, key, none, what }) {
  if (items.length === 0) return none;
  return h("div", { class: "scroll" }, h("table", { class: columns.length > 3 ? "rows cards" : "rows" },
    what && h("caption", { class: "unseen" }, what),
    h("thead", null, h("tr", null, columns.map((column) => h("th", { key: column.id, scope: "col", class: column.number ? "number" : "", title: column.hint }, column.label)))),
    h("tbody", null, items.map((item, at) => row(item, columns, key ?? (() => String(at)))))));
}
