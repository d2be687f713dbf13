// A table of named values in a form: arguments, headers, definitions of policies.

import { h } from "./dom.js";

const TYPES = [
  ["string", "Text"],
  ["number", "Number"],
  ["boolean", "Yes or no"],
  ["json", "List or table (JSON)"],
];

/** Rows from an object. */
export function entriesOf(values) {
  return Object.entries(values ?? {}).map(([key, value]) => row(key, value));
}

function row(key, value) {
  const type = typeof value;
  if (type === "string" || type === "number" || type === "boolean") return { key, type, value: String(value) };
  return { key, type: "json", value: JSON.stringify(value) };
}

/** The object that rows say. Throws what is wrong with them. */
export function entriesValue(rows) {
  const out = {};
  for (const { key, type, value } of rows) {
    if (key === "" && value === "") continue;
    if (key === "") throw new Error(`The value “${value}” has no name.`);
    if (Object.hasOwn(out, key)) throw new Error(`“${key}” is there twice.`);
    Object.defineProperty(out, key, { value: valueOf(key, type, value), enumerable: true, writable: true, configurable: true });
  }
  return out;
}

function valueOf(key, type, value) {
  if (type === "string") return value;
  if (type === "number") {
    if (value.trim() === "" || !Number.isFinite(Number(value))) throw new Error(`“${key}” is to be a number, and is “${value}”.`);
    return Number(value);
  }
  if (type === "boolean") {
    if (!["true", "false"].includes(value)) throw new Error(`“${key}” is to be true or false.`);
    return value === "true";
  }
  try {
    return JSON.parse(value);
  } catch {
    throw new Error(`“${key}” is to be JSON, such as ["a", "b"], and “${value}” is not.`);
  }
}

/** The field. `presets` are `{ key, type, value, label, hint }` that people choose from. */
export function entriesField({ id, name, value: rows, presets = [], change, ...aria }) {
  const replace = (at, part) => change(rows.map((one, index) => (index === at ? { ...one, ...part } : one)));
  const remove = (at) => change(rows.filter((_, index) => index !== at));
  const add = (entry) => change([...rows.filter((one) => one.key !== "" || one.value !== ""), entry]);
  return h("div", { class: "entries", id, role: "group", "aria-label": name, ...aria },
    rows.map((one, at) => h("div", { class: "entry", key: String(at) },
      h("input", { "aria-label": "Name", placeholder: "name", value: one.key, spellcheck: "false", autocomplete: "off", oninput: (event) => replace(at, { key: event.target.value }) }),
      one.type === "boolean"
        ? h("select", { key: "b", "aria-label": `Value of ${one.key}`, onchange: (event) => replace(at, { value: event.target.value }) },
          ["true", "false"].map((option) => h("option", { key: option, value: option, selected: one.value === option }, option)))
        : h("input", { key: "v", "aria-label": `Value of ${one.key}`, placeholder: "value", value: one.value, spellcheck: "false", autocomplete: "off", oninput: (event) => replace(at, { value: event.target.value }) }),
      h("select", { key: "t", "aria-label": `Type of ${one.key}`, onchange: (event) => replace(at, { type: event.target.value, ...(event.target.value === "boolean" ? { value: "true" } : {}) }) },
        TYPES.map(([key, label]) => h("option", { key, value: key, selected: one.type === key }, label))),
      h("button", { key: "x", type: "button", class: "plain", "aria-label": `Remove ${one.key || "this row"}`, onclick: () => remove(at) }, "×"))),
    h("div", { class: "presets" },
      h("button", { type: "button", class: "small", onclick: () => add({ key: "", type: "string", value: "" }) }, "+ Add"),
      presets.filter((preset) => !rows.some((one) => one.key === preset.key)).map((preset) =>
        h("button", { key: preset.key, type: "button", class: "chip", title: preset.hint, onclick: () => add({ key: preset.key, type: preset.type, value: preset.value }) }, preset.label))));
}
