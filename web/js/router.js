// Addresses behind the `#`, in RabbitMQ's form (`#/queues/%2F/name`), so that links from elsewhere go on working.

/** What the address says now: its parts, decoded, and its query. */
export function current() {
  const text = location.hash.replace(/^#/, "");
  const [path, search = ""] = text.split(/\?(.*)/s);
  const parts = path.split("/").slice(1).map(decode);
  while (parts.at(-1) === "") parts.pop();
  return { parts, query: Object.fromEntries(new URLSearchParams(search)) };
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a page. */
export function link(parts, query = {}) {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value != null));
  const text = search.toString();
  return `#/${parts.map((part) => encodeURIComponent(part)).join("/")}${text ? `?${text}` : ""}`;
}

export const queueLink = (vhost, name) => link(["queues", vhost, name]);
export const exchangeLink = (vhost, name) => link(["exchanges", vhost, name === "" ? "amq.default" : name]);
export const connectionLink = (name) => link(["connections", name]);
export const channelLink = (name) => link(["channels", name]);

/** Goes to a page. */
export function go(parts, query) {
  location.hash = link(parts, query);
}

/** Changes the query of the page that is shown, without an entry in the history. */
export function requery(changes) {
  const { parts, query } = current();
  history.replaceState(null, "", link(parts, { ...query, ...changes }));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Calls with every new address. */
export function onChange(call) {
  addEventListener("hashchange", () => call(current()));
}
