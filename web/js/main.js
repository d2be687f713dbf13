// Starts the pages: login or shell, then one page after the other, and looks again every few seconds.

import { get, logOut, whenUnauthorised } from "./api.js";
import { destroy, h, patch } from "./dom.js";
import { clock } from "./format.js";
import * as keys from "./keys.js";
import { every } from "./prefs.js";
import { current, onChange } from "./router.js";
import * as session from "./session.js";
import { shell } from "./shell.js";
import * as theme from "./theme.js";
import { pageOf } from "./pages.js";
import { loginView } from "./pages/login.js";

const app = document.getElementById("app");
let shown = null;

/** One page while it is looked at. */
class Visit {
  constructor(found, place) {
    this.page = found.page;
    this.key = found.key;
    this.state = {};
    this.data = null;
    this.error = null;
    this.at = 0;
    this.timer = 0;
    this.stopped = new AbortController();
    this.moveTo(found, place);
  }

  /** Whether the page shows what it had, and asks for nothing. */
  get isPaused() {
    return Boolean(this.state.paused) && this.at > 0;
  }

  moveTo(found, place) {
    this.params = found.params;
    this.query = place.query;
  }

  get signal() {
    return this.stopped.signal;
  }

  render() {
    if (shown === this) draw();
  }

  /** Looks now, and again after a while. */
  async refresh() {
    clearTimeout(this.timer);
    this.looks = (this.looks ?? 0) + 1;
    const look = this.looks;
    let data = null;
    let error = null;
    try {
      data = await this.page.load(this);
    } catch (failed) {
      if (this.signal.aborted) return;
      if (failed.status === undefined) console.error(failed);
      error = failed;
    }
    // A slow answer to an older question is no news.
    if (this.signal.aborted || look !== this.looks) return;
    this.error = error;
    if (error === null) {
      this.data = data;
      if (!this.isPaused) this.at = Date.now();
    }
    this.render();
    this.later();
  }

  later() {
    clearTimeout(this.timer);
    const seconds = this.page.still || this.isPaused ? 0 : every();
    if (seconds > 0 && !document.hidden && !this.signal.aborted) this.timer = setTimeout(() => this.refresh(), seconds * 1000);
  }

  end() {
    clearTimeout(this.timer);
    this.stopped.abort();
    this.page.end?.(this);
  }
}

function draw() {
  const visit = shown;
  if (visit === null) return;
  const title = visit.page.title(visit);
  document.title = `${title} · HareMQ`;
  patch(app, shell(visit, {
    refresh: () => visit.refresh(), changed: () => show(), leave,
    content: h("main", { id: "main", tabindex: "-1", key: visit.key, "aria-busy": visit.data === null && visit.error === null ? "true" : undefined }, content(visit)),
  }));
}

function content(visit) {
  const { data, error } = visit;
  if (error !== null && (data === null || error.isGone)) return problem(visit, error);
  if (data === null) return h("p", { class: "loading", key: "loading" }, "Asking the broker…");
  return [
    error !== null && h("p", { class: "banner bad", role: "alert", key: "stale" }, `${error.message} What is shown here is from ${clock(visit.at)}.`),
    h("div", { class: "page", key: "page" }, visit.page.view(data, visit)),
  ];
}

function problem(visit, error) {
  const [title, what] = error.isGone
    ? ["It is not there (any more).", "It was deleted, or closed, or the name is not quite this."]
    : error.status === 401 ? ["You may not look at this.", error.message]
      : ["This cannot be shown now.", error.message];
  return h("div", { class: "empty large", role: "alert", key: "problem" }, h("h1", { class: "empty-title" }, title), h("p", null, what),
    h("p", null, h("button", { type: "button", onclick: () => visit.refresh() }, "Look again")));
}

function show() {
  const place = current();
  const found = pageOf(place);
  if (shown?.key === found.key) {
    shown.moveTo(found, place);
    shown.refresh();
    return;
  }
  const first = shown === null;
  shown?.end();
  shown = new Visit(found, place);
  draw();
  shown.refresh();
  // Where there is no room for all places, the one that is shown is among those that are seen.
  document.querySelector(".places [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  scrollTo(0, 0);
  if (!first) document.getElementById("main")?.focus({ preventScroll: true });
}

function showLogin(note) {
  shown?.end();
  shown = null;
  session.end();
  document.title = "Log in · HareMQ";
  destroy(app);
  app.replaceChildren();
  patch(app, loginView({ note, entered: enter }));
  app.querySelector("input")?.focus();
}

async function enter(whoami) {
  await session.begin(whoami);
  destroy(app);
  app.replaceChildren();
  show();
}

async function leave() {
  await logOut();
  showLogin("You are logged out.");
}

async function start() {
  theme.apply();
  whenUnauthorised(() => {
    if (session.user() !== null) showLogin("The session has ended. Log in again to go on.");
  });
  onChange(() => session.user() !== null && show());
  document.addEventListener("visibilitychange", () => !document.hidden && shown?.refresh());
  keys.listen(() => shown?.refresh());
  try {
    await enter(await get("whoami", { quiet: true }));
  } catch {
    showLogin();
  }
}

start();
