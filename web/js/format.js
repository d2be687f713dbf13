// Numbers, sizes, rates and times as people read them. Pure.

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const ONE = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const TWO = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

/** A count, with separators: 12,345. Nothing known: a dash. */
export function count(value) {
  return typeof value === "number" && Number.isFinite(value) ? WHOLE.format(value) : "–";
}

/** A count in little room: 12,345 but 1.2M. */
export function short(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e9) return `${TWO.format(value / 1e9)}G`;
  if (size >= 1e6) return `${TWO.format(value / 1e6)}M`;
  if (size >= 1e5) return `${ONE.format(value / 1e3)}k`;
  return size >= 100 || Number.isInteger(value) ? WHOLE.format(value) : ONE.format(value);
}

/** A mark of an axis that goes up to `most`: all marks of one axis in the same unit. */
export function mark(value, most) {
  const [size, unit] = most >= 1e9 ? [1e9, "G"] : most >= 1e6 ? [1e6, "M"] : most >= 1e4 ? [1e3, "k"] : [1, ""];
  return value === 0 ? "0" : `${TWO.format(value / size)}${unit}`;
}

/** How much per second, without the unit. */
export function rate(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size > 0 && size < 0.05) return "<0.1";
  if (size >= 100 || size === 0) return size >= 1e5 ? short(value) : WHOLE.format(value);
  // One digit behind the point always, so that rates stand below each other.
  return value.toFixed(1);
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Bytes, with the unit that fits. */
export function bytes(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  let size = Math.abs(value);
  let unit = 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  const text = unit === 0 || size >= 100 ? WHOLE.format(size) : ONE.format(size);
  return `${value < 0 ? "-" : ""}${text} ${UNITS[unit]}`;
}

/** How long, from milliseconds: 3 d 4 h, 12 min, 4.2 s. */
export function duration(ms) {
  if (typeof ms !== "number" || !Number.isFinite(ms)) return "–";
  const seconds = ms / 1000;
  if (seconds < 1) return `${WHOLE.format(ms)} ms`;
  if (seconds < 10) return `${ONE.format(seconds)} s`;
  if (seconds < 60) return `${WHOLE.format(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return pair(minutes, "min", Math.floor(seconds % 60), "s", minutes < 10);
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return pair(hours, "h", minutes % 60, "min", true);
  return pair(Math.floor(hours / 24), "d", hours % 24, "h", true);
}

function pair(large, largeUnit, small, smallUnit, both) {
  return both && small > 0 ? `${large} ${largeUnit} ${small} ${smallUnit}` : `${large} ${largeUnit}`;
}

const two = (value) => String(value).padStart(2, "0");

/** A moment on the person's clock, from milliseconds. */
export function moment(ms) {
  if (typeof ms !== "number" || !Number.isFinite(ms)) return "–";
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(ms)}`;
}

/** The time of day. */
export function clock(ms, withSeconds = true) {
  const at = new Date(ms);
  const text = `${two(at.getHours())}:${two(at.getMinutes())}`;
  return withSeconds ? `${text}:${two(at.getSeconds())}` : text;
}

/** How long ago a moment was. */
export function ago(ms, now = Date.now()) {
  return typeof ms === "number" ? `${duration(Math.max(0, now - ms))} ago` : "–";
}

/** A share as percent. */
export function percent(part) {
  return typeof part === "number" && Number.isFinite(part) ? `${WHOLE.format(part * 100)} %` : "–";
}

/** "1 queue", "2 queues". */
export function many(value, one, more = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : more}`;
}

/** A name as people see it: the default exchange has none, and an empty name shows nothing to click on. */
export function nameOf(name, empty = "(AMQP default)") {
  return name === "" || name === undefined || name === null ? empty : name;
}

/** A JSON value in one line. */
export function inline(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}
