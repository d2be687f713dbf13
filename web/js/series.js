// Series for the charts: from the samples that the broker keeps, or from what this page has seen while it was open.

/** How far back a chart looks: seconds, and seconds between two points. */
export const RANGES = [
  { id: "1m", label: "1 min", age: 60, incr: 5 },
  { id: "10m", label: "10 min", age: 600, incr: 5 },
  { id: "1h", label: "1 h", age: 3600, incr: 60 },
  { id: "24h", label: "24 h", age: 86400, incr: 1800 },
];

const POINTS_MAX = 720;
const OBJECTS_MAX = 40;

/** The range that an address names; ten minutes when it names none. */
export function rangeOf(query) {
  return RANGES.find((range) => range.id === query.range) ?? RANGES[1];
}

/** What asks the broker for samples, in RabbitMQ's words; `kinds` are `msg_rates`, `lengths`, `data_rates`, `node_stats`. */
export function sampleQuery(range, kinds) {
  const out = {};
  for (const kind of kinds) {
    out[`${kind}_age`] = range.age;
    out[`${kind}_incr`] = range.incr;
  }
  return out;
}

// What this page saw itself: object -> counter -> [ms, value, rate].
const seen = new Map();

/** Keeps what an answer says of these counters now, for a broker without samples. */
export function remember(id, values, names, now = Date.now()) {
  const own = seen.get(id) ?? new Map();
  seen.delete(id);
  seen.set(id, own);
  if (seen.size > OBJECTS_MAX) seen.delete(seen.keys().next().value);
  for (const name of names) {
    const value = values?.[name];
    if (typeof value !== "number") continue;
    const points = own.get(name) ?? [];
    points.push([now, value, values[`${name}_details`]?.rate]);
    if (points.length > POINTS_MAX) points.shift();
    own.set(name, points);
  }
}

function samples(values, name) {
  const given = values?.[`${name}_details`]?.samples;
  if (!Array.isArray(given) || given.length < 2) return null;
  return given.map(({ timestamp, sample }) => [timestamp, sample]).sort((a, b) => a[0] - b[0]);
}

/** How high something was: points of [ms, value]. */
export function levels(id, values, name) {
  return samples(values, name) ?? (seen.get(id)?.get(name) ?? []).map(([at, value]) => [at, value]);
}

/** How fast a counter grew: points of [ms, per second]. */
export function rates(id, values, name) {
  const given = samples(values, name);
  if (!given) return (seen.get(id)?.get(name) ?? []).map(([at, , rate]) => [at, rate ?? null]);
  return slopes(given);
}

/** The growth between neighbours. A counter that fell was started anew: nothing is known there. */
export function slopes(points) {
  const out = [];
  for (let at = 1; at < points.length; at += 1) {
    const [before, was] = points[at - 1];
    const [now, is] = points[at];
    const seconds = (now - before) / 1000;
    out.push([now, seconds > 0 && is >= was ? (is - was) / seconds : null]);
  }
  return out;
}

/** Whether the broker kept samples for this object. */
export function hasSamples(values, names) {
  return names.some((name) => samples(values, name) !== null);
}
