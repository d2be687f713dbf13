// Speaks with the broker's HTTP API. Who is logged in is in `session.js`; this file only carries the proof.
//
// A session cookie that no script can read is preferred. A broker without sessions gets name and password with each
// request; they live in this module's memory and nowhere else, so a reload asks for them again.

const BASE = new URL("api/", document.baseURI);
const PATIENCE_MS = 20_000;

let basic = null;
let onUnauthorised = () => {};

/** What the broker refused, or that it did not answer. */
export class ApiError extends Error {
  constructor(status, error, reason, said = {}) {
    super(reason || error || `the broker answered ${status}`);
    this.status = status;
    this.error = error;
    this.said = said;
  }

  get isGone() {
    return this.status === 404;
  }

  get isSilence() {
    return this.status === 0;
  }
}

/** Calls this when the broker does not know (any more) who asks. */
export function whenUnauthorised(call) {
  onUnauthorised = call;
}

/** A path below `/api` from its parts, each of which may hold anything. */
export function path(...parts) {
  return parts.map((part) => encodeURIComponent(part)).join("/");
}

/** A query from an object; what is empty is left out. */
export function query(values) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== null && value !== "" && value !== false) search.set(name, value);
  }
  const text = search.toString();
  return text ? `?${text}` : "";
}

export const get = (at, options) => call("GET", at, undefined, options);
export const put = (at, body, options) => call("PUT", at, body ?? {}, options);
export const post = (at, body, options) => call("POST", at, body ?? {}, options);
export const del = (at, options) => call("DELETE", at, undefined, options);

async function call(method, at, body, options = {}) {
  const response = await send(method, at, {
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...options.headers },
    signal: options.signal,
  });
  if (response.status === 401 && !options.quiet) await unauthorised(response);
  if (!response.ok) throw await refusal(response);
  const text = await response.text();
  return text === "" ? null : JSON.parse(text);
}

/** Who is not known any more goes to the login; who may only not do this stays where they are. */
async function unauthorised(response) {
  const error = await refusal(response);
  const who = await send("GET", "whoami");
  if (who.status === 401) onUnauthorised();
  throw error;
}

/** A request with whatever proves who asks; the answer as it comes. */
export async function send(method, at, options = {}) {
  // The header keeps the browser's own login window away, and no form of another site can send it.
  const headers = { accept: "application/json", "x-requested-with": "haremq-pages", ...options.headers };
  if (basic) headers.authorization = basic;
  const patience = options.endless ? undefined : AbortSignal.timeout(PATIENCE_MS);
  const signals = [options.signal, patience].filter(Boolean);
  try {
    return await fetch(new URL(at, BASE), {
      method,
      headers,
      body: options.body,
      credentials: basic ? "omit" : "same-origin",
      cache: "no-store",
      signal: signals.length > 1 ? AbortSignal.any(signals) : signals[0],
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, "silence", "The broker does not answer. Is it running, and is this machine online?");
  }
}

async function refusal(response) {
  let said = {};
  try {
    said = await response.json();
  } catch {
    // Not every refusal has a body.
  }
  const reason = typeof said.reason === "string" ? said.reason : undefined;
  return new ApiError(response.status, said.error, reason, said);
}

/** Logs in; with a session when the broker has them. Gives who it is. */
export async function logIn(username, password) {
  basic = null;
  await call("POST", "login", { username, password }, { quiet: true });
  try {
    return await call("GET", "whoami", undefined, { quiet: true });
  } catch (error) {
    if (error.status !== 401) throw error;
  }
  const bytes = new TextEncoder().encode(`${username}:${password}`);
  basic = `Basic ${btoa(String.fromCharCode(...bytes))}`;
  return call("GET", "whoami", undefined, { quiet: true });
}

/** Ends the session. */
export async function logOut() {
  try {
    await call("DELETE", "login", undefined, { quiet: true });
  } catch {
    // What cannot be ended there is forgotten here.
  }
  basic = null;
}

/**
 * Reads server-sent events until `signal` says stop, with the same proof as other requests (an `EventSource` cannot
 * carry it). `onEvent` gets the name and the data of each.
 */
export async function events(at, signal, onEvent) {
  const response = await send("GET", at, { signal, endless: true, headers: { accept: "text/event-stream" } });
  if (!response.ok) throw await refusal(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text = (text + value).replaceAll("\r\n", "\n");
    const parts = text.split("\n\n");
    text = parts.pop();
    parts.map(eventOf).forEach((event) => event.data !== "" && onEvent(event.name, event.data));
  }
}

function eventOf(block) {
  const data = [];
  let name = "message";
  for (const line of block.split("\n")) {
    if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
    else if (line.startsWith("event:")) name = line.slice(6).trim();
  }
  return { name, data: data.join("\n") };
}
