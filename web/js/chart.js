// Line charts in SVG: axes, a legend with the last values, a cursor for mouse and keyboard, gaps where nothing is known.

import { h, patch, widget } from "./dom.js";
import { bytes, clock, mark, moment } from "./format.js";

const HEIGHT = 190;
const MARGIN = { top: 10, right: 12, bottom: 22, left: 52 };
const COLOURS = 8;
const LEAST_MS = 60_000;

/**
 * A chart of `series` (`{ name, points: [ms, value][], colour }`) over the last `seconds`; `format` writes a value.
 * `kind` is that of `ticks`. `note` says what is missing when there is nothing to draw.
 */
export function chart(props) {
  return widget(makeChart, props, props.key ?? props.title);
}

function makeChart(props) {
  return new Chart(props);
}

/** Round values for an axis, about `count` of them, from 0; `kind` is `whole` or `bytes` where there are no halves. */
export function ticks(highest, kind = "", count = 4) {
  if (!(highest > 0)) return [0, 1];
  if (kind === "bytes" && highest >= 1024) {
    const unit = 1024 ** Math.floor(Math.log(highest) / Math.log(1024));
    return ticks(highest / unit, "", count).map((value) => value * unit);
  }
  const raw = highest / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const round = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
  const step = kind !== "" ? Math.max(1, Math.ceil(round)) : round;
  const out = [0];
  while (out.at(-1) < highest) out.push(Number((out.length * step).toPrecision(12)));
  return out;
}

/** Points cut into runs without a hole: a hole is a missing value, or much more time than usual between two points. */
export function runs(points, usual) {
  const out = [];
  let run = [];
  let last = null;
  for (const [at, value] of points) {
    if (value === null || value === undefined || (last !== null && at - last > usual * 3.5)) {
      if (run.length > 0) out.push(run);
      run = [];
    }
    if (value !== null && value !== undefined) run.push([at, value]);
    last = at;
  }
  if (run.length > 0) out.push(run);
  return out;
}

class Chart {
  constructor(props) {
    this.node = document.createElement("figure");
    this.node.className = "chart";
    this.hidden = new Set();
    this.cursor = null;
    this.width = 480;
    this.watch = new ResizeObserver(([entry]) => {
      const width = Math.round(entry.contentRect.width);
      if (width > 0 && width !== this.width) {
        this.width = width;
        this.draw();
      }
    });
    this.update(props);
    this.watch.observe(this.node);
  }

  update(props) {
    this.props = props;
    this.draw();
  }

  destroy() {
    this.watch.disconnect();
  }

  shown() {
    return this.props.series.filter((series) => !this.hidden.has(series.name));
  }

  /** What lies within the time that is shown; the end is the newest point, so that a slow clock here does no harm. */
  frame() {
    const newest = Math.max(...this.props.series.map(({ points }) => points.at(-1)?.[0] ?? 0), 0);
    const end = newest || Date.now();
    // Where little is known yet, it fills the picture.
    const oldest = Math.min(...this.props.series.map(({ points }) => points[0]?.[0] ?? end));
    const start = Math.max(end - this.props.seconds * 1000, Math.min(oldest, end - LEAST_MS));
    const inside = this.shown().map((series) => ({
      ...series,
      points: series.points.filter(([at]) => at >= start),
    }));
    const highest = Math.max(0, ...inside.flatMap(({ points }) => points.map(([, value]) => value ?? 0)));
    const scale = ticks(highest, this.props.kind);
    const wide = Math.max(60, this.width - MARGIN.left - MARGIN.right);
    const high = HEIGHT - MARGIN.top - MARGIN.bottom;
    return {
      start, end, inside, scale, wide, high,
      x: (at) => MARGIN.left + ((at - start) / (end - start)) * wide,
      y: (value) => MARGIN.top + high - (value / scale.at(-1)) * high,
    };
  }

  draw() {
    const { title, series, format, note } = this.props;
    const frame = this.frame();
    const known = series.some(({ points }) => points.length > 1);
    patch(
      this.node,
      h("figcaption", null, title),
      h("div", { class: "plot" },
        h("svg", {
          width: this.width, height: HEIGHT, role: "img", tabindex: "0",
          "aria-label": this.summary(),
          onpointermove: (event) => this.point(event),
          onpointerleave: () => this.move(null),
          onkeydown: (event) => this.key(event),
          onblur: () => this.move(null),
        }, this.axes(frame), known && this.lines(frame), known && this.mark(frame)),
        !known && h("p", { class: "plot-note" }, note ?? "Collecting: the line starts with the next look."),
        this.readout(frame),
      ),
      h("ul", { class: "legend" }, series.map((one, at) => this.legend(one, at, format))),
    );
  }

  summary() {
    const { title, series, format } = this.props;
    const last = ({ name, points }) => `${name} ${format(points.at(-1)?.[1] ?? undefined)}`;
    return `${title}, now: ${series.map(last).join(", ")}. Arrow keys move along the time.`;
  }

  axes({ scale, x, y, start, end, wide }) {
    const { format, seconds } = this.props;
    const steps = wide < 300 ? 2 : 4;
    const times = Array.from({ length: steps + 1 }, (_, at) => start + ((end - start) * at) / steps);
    const anchor = (at) => (at === 0 ? "start" : at === steps ? "end" : "middle");
    return h("g", { class: "axes" },
      scale.map((value) => h("g", { key: `y${value}` },
        h("line", { x1: MARGIN.left, x2: MARGIN.left + wide, y1: y(value), y2: y(value) }),
        h("text", { x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, format === bytes ? bytes(value) : mark(value, scale.at(-1))))),
      times.map((at, index) =>
        h("text", { key: `x${index}`, x: x(at), y: HEIGHT - 5, "text-anchor": anchor(index) }, clock(at, seconds <= 600))));
  }

  lines({ inside, x, y }) {
    const usual = this.usual(inside);
    // The first lines are the widest, so that they show below others that run the same way.
    const width = (index) => Math.max(1.5, 3.4 - index * 0.8);
    return h("g", { class: "lines" }, inside.map((series, order) => {
      const path = runs(series.points, usual)
        .map((run) => run.map(([at, value], index) =>
          `${index === 0 ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("") + (run.length === 1 ? "h0.1" : ""))
        .join("");
      return h("path", { key: series.name, d: path, class: `line c${this.colour(series)}`, "stroke-width": width(order) });
    }));
  }

  usual(inside) {
    const gaps = inside.flatMap(({ points }) => points.slice(1).map(([at], index) => at - points[index][0]));
    gaps.sort((a, b) => a - b);
    return gaps[Math.floor(gaps.length / 2)] ?? 5000;
  }

  colour(series) {
    return series.colour ?? this.props.series.findIndex(({ name }) => name === series.name) % COLOURS;
  }

  mark({ x, y, high, inside }) {
    if (this.cursor === null) return null;
    const at = x(this.cursor);
    return h("g", { class: "cursor" },
      h("line", { x1: at, x2: at, y1: MARGIN.top, y2: MARGIN.top + high }),
      inside.map((series) => {
        const point = nearest(series.points, this.cursor);
        if (!point || point[1] === null) return null;
        return h("circle", { key: series.name, cx: x(point[0]), cy: y(point[1]), r: 3.5, class: `dot c${this.colour(series)}` });
      }));
  }

  readout({ x, inside, wide }) {
    if (this.cursor === null) return null;
    const { format, seconds } = this.props;
    const at = x(this.cursor);
    const side = at > MARGIN.left + wide / 2 ? { right: `${this.width - at + 10}px`, left: "auto" } : { left: `${at + 10}px`, right: "auto" };
    return h("div", { class: "readout", role: "status", style: side },
      h("strong", null, seconds > 3600 ? moment(this.cursor) : clock(this.cursor)),
      inside.map((series) => {
        const point = nearest(series.points, this.cursor);
        return h("div", { key: series.name },
          h("span", { class: `swatch c${this.colour(series)}` }), series.name,
          h("b", null, point ? format(point[1] ?? undefined) : "–"));
      }));
  }

  legend(series, at, format) {
    const off = this.hidden.has(series.name);
    const toggle = () => {
      if (off) this.hidden.delete(series.name);
      else this.hidden.add(series.name);
      this.draw();
    };
    return h("li", { key: series.name },
      h("button", { type: "button", class: off ? "off" : "", "aria-pressed": off ? "false" : "true", title: series.hint, onclick: toggle },
        h("span", { class: `swatch c${this.colour(series)}` }), h("span", null, series.name),
        h("b", { class: "number" }, format(series.points.at(-1)?.[1] ?? undefined))));
  }

  times() {
    const longest = this.frame().inside.map(({ points }) => points).sort((a, b) => b.length - a.length)[0] ?? [];
    return longest.map(([at]) => at);
  }

  point(event) {
    const { start, end, wide } = this.frame();
    const left = event.offsetX - MARGIN.left;
    const at = start + (left / wide) * (end - start);
    const found = nearest(this.times().map((time) => [time]), at);
    this.move(found ? found[0] : null);
  }

  key(event) {
    const times = this.times();
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && times.length > 0) {
      const now = this.cursor === null ? times.length : times.indexOf(this.cursor);
      this.move(times[Math.min(times.length - 1, Math.max(0, now + step))]);
      event.preventDefault();
    } else if (event.key === "Escape") this.move(null);
  }

  move(at) {
    if (at === this.cursor) return;
    this.cursor = at;
    this.draw();
  }
}

function nearest(points, at) {
  let best = null;
  for (const point of points) {
    if (best === null || Math.abs(point[0] - at) < Math.abs(best[0] - at)) best = point;
  }
  return best;
}
