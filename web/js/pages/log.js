// The log: its last lines, and those that come while the page is open.

import { get, query } from "../api.js";
import { h } from "../dom.js";
import { clock, count, many, moment } from "../format.js";
import { badge, empty, panel } from "../kit.js";
import { requery } from "../router.js";

const KEPT = 500;
const TYPING_MS = 250;
const KINDS = { error: "bad", warning: "warn", info: "info" };
const LEVELS = [["", "All levels"], ["info", "Info and worse"], ["warning", "Warnings and errors"], ["error", "Errors only"]];

export const log = {
  place: "log",
  title: () => "Log",

  async load(ctx) {
    const { level, text } = ctx.query;
    const filter = JSON.stringify([level, text]);
    if (ctx.state.log?.filter !== filter) ctx.state.log = { filter, lines: [], after: undefined, started: undefined, dropped: 0, missed: 0 };
    // A look that is overtaken by another filter goes on with its own lines, which nobody shows.
    const seen = ctx.state.log;
    if (ctx.state.paused && seen.started !== undefined) return seen;
    for (;;) {
      const first = seen.after === undefined;
      const answer = await get(`haremq/log${query({ level, text, after: seen.after, count: KEPT })}`, { signal: ctx.signal });
      const isAnew = !first && answer.started !== seen.started;
      // The broker was started again, and its lines are counted anew.
      if (isAnew) Object.assign(seen, { lines: [], after: undefined });
      else take(seen, answer);
      if (!isAnew && (first || !answer.more)) return seen;
    }
  },

  view(seen, ctx) {
    const turn = () => {
      ctx.state.paused = !ctx.state.paused;
      if (ctx.state.paused) ctx.render();
      else ctx.refresh();
    };
    return [
      h("div", { class: "page-head", key: "head" }, h("h1", null, "Log")),
      panel("Last lines", { key: "lines", wide: true, note: noteOf(seen, ctx) },
        h("div", { class: "log-tools" },
          h("select", { "aria-label": "Level", onchange: (event) => requery({ level: event.target.value }) },
            LEVELS.map(([value, label]) => h("option", { key: value, value, selected: value === (ctx.query.level ?? "") }, label))),
          search(ctx),
          h("button", { type: "button", "aria-pressed": String(Boolean(ctx.state.paused)), onclick: turn }, "Pause"),
          h("span", { class: "muted", role: "status" }, counted(seen))),
        seen.lines.length === 0 ? nothing(ctx) : h("div", { class: "log", role: "log", "aria-label": "Lines of the log" }, seen.lines.map(row))),
    ];
  },
};

function take(seen, answer) {
  // Two looks at a time may bring the same lines.
  const fresh = answer.lines.filter((line) => seen.after === undefined || line.number > seen.after);
  if (seen.after === undefined || answer.next > seen.after) seen.missed += answer.missed;
  seen.lines = [...fresh.reverse(), ...seen.lines].slice(0, KEPT);
  Object.assign(seen, { after: Math.max(seen.after ?? 0, answer.next), started: answer.started, dropped: answer.dropped });
}

let typing = 0;

function search(ctx) {
  const type = (event) => {
    clearTimeout(typing);
    const text = event.target.value;
    typing = setTimeout(() => requery({ text }), TYPING_MS);
  };
  // Who is typing is ahead of the address.
  const own = document.getElementById("filter");
  const value = own !== null && own === document.activeElement ? own.value : ctx.query.text ?? "";
  return h("input", { id: "filter", type: "search", placeholder: "Text or module", "aria-label": "Filter lines by text", value, oninput: type, spellcheck: "false", autocomplete: "off" });
}

function noteOf(seen, ctx) {
  if (ctx.state.paused) return "paused: what comes meanwhile is shown afterwards";
  return seen.dropped > 0 ? `the newest is on top; ${many(seen.dropped, "older line")} no longer in memory` : "the newest is on top";
}

function counted(seen) {
  const shown = many(seen.lines.length, "line");
  return seen.missed > 0 ? `${shown}; ${count(seen.missed)} came too fast to be kept` : shown;
}

function nothing(ctx) {
  if (!ctx.query.text && !ctx.query.level) return empty("The log is empty.", "Lines appear here when the console, the log file or the exchange of the log gets them: see log.console.level and its like.");
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, "No line is like that."),
    h("p", null, h("button", { type: "button", onclick: () => requery({ level: "", text: "" }) }, "Show all")));
}

function row(line) {
  const at = Date.parse(line.time);
  const isToday = new Date(at).toDateString() === new Date().toDateString();
  return h("div", { class: "log-line", key: String(line.number) },
    h("time", { datetime: line.time, title: moment(at) }, isToday ? clock(at) : moment(at)),
    badge(line.level, KINDS[line.level]),
    h("span", { class: "log-text" }, line.text,
      line.cut_bytes && h("span", { class: "muted" }, ` … ${count(line.cut_bytes)} bytes more`)),
    h("span", { class: "muted log-module" }, line.target));
}
