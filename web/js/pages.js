// Which page an address means.

import { admin } from "./pages/admin.js";
import { channel } from "./pages/channel.js";
import { channels } from "./pages/channels.js";
import { connection } from "./pages/connection.js";
import { connections } from "./pages/connections.js";
import { definitions } from "./pages/definitions.js";
import { exchange } from "./pages/exchange.js";
import { exchanges } from "./pages/exchanges.js";
import { limits } from "./pages/limits.js";
import { log } from "./pages/log.js";
import { overview } from "./pages/overview.js";
import { policies } from "./pages/policies.js";
import { queue } from "./pages/queue.js";
import { queues } from "./pages/queues.js";
import { tail } from "./pages/tail.js";
import { user, users } from "./pages/users.js";
import { vhost, vhosts } from "./pages/vhosts.js";

const LISTS = { admin, channels, connections, definitions, exchanges, limits, log, policies, queues, tail, users, vhosts };
const ONES = {
  channels: [channel, 1], connections: [connection, 1], exchanges: [exchange, 2], queues: [queue, 2],
  users: [user, 1], vhosts: [vhost, 1],
};

/** The page, its parameters, and a key that tells it from others. */
export function pageOf({ parts }) {
  const [place = "", ...params] = parts;
  const [one, wanted] = ONES[place] ?? [];
  if (one && params.length === wanted) return { page: one, params, key: `${place}/${JSON.stringify(params)}` };
  if (params.length === 0 && Object.hasOwn(LISTS, place)) return { page: LISTS[place], params, key: place };
  if (place === "tail") return { page: tail, params, key: `tail/${JSON.stringify(params)}` };
  if (place === "policies") return { page: policies, params, key: "policies" };
  return { page: overview, params: [], key: "overview" };
}
