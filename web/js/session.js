// Who is logged in, what they may see, and what this broker offers.

import { get } from "./api.js";
import { setVhost, vhost } from "./prefs.js";

const TAGS = {
  administrator: ["administrator"],
  monitoring: ["administrator", "monitoring"],
  policymaker: ["administrator", "policymaker"],
  management: ["administrator", "monitoring", "policymaker", "management"],
};

let who = null;
let resources = new Set();
let vhosts = [];

/** The user, or `null`. */
export function user() {
  return who;
}

/** The virtual hosts that the user may look into, by name. */
export function vhostNames() {
  return vhosts;
}

/** Takes over who it is, and asks what the broker has. */
export async function begin(whoami) {
  who = { name: whoami.name, tags: tagsOf(whoami.tags) };
  const [described] = await Promise.all([get("openapi.json").catch(() => null), refreshVhosts()]);
  resources = new Set();
  for (const [path, methods] of Object.entries(described?.paths ?? {})) {
    for (const method of Object.keys(methods)) resources.add(`${method.toUpperCase()} ${nameless(path)}`);
  }
}

/** Forgets. */
export function end() {
  who = null;
  vhosts = [];
}

/** Asks for the virtual hosts again. */
export async function refreshVhosts() {
  const all = await get("vhosts?columns=name").catch(() => []);
  vhosts = all.map((one) => one.name).sort();
  if (!vhosts.includes(vhost())) setVhost("");
}

function tagsOf(tags) {
  return Array.isArray(tags) ? tags : String(tags ?? "").split(",").filter(Boolean);
}

/** Whether the user has a tag, or one that includes it. */
export function may(tag) {
  return who !== null && TAGS[tag].some((wanted) => who.tags.includes(wanted));
}

/** Whether this broker has a resource, such as `GET /haremq/queues/{}/{}/messages`. */
export function offers(resource) {
  return resources.has(nameless(resource));
}

function nameless(path) {
  return path.replace(/\{[^}]*\}/g, "{}");
}
