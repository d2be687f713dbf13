// Forms: labels, hints, errors beside the field, and values as the broker wants them.

import { ApiError } from "./api.js";
import { entriesField, entriesValue } from "./entries.js";
import { h, patch, widget } from "./dom.js";

let ids = 0;

/**
 * A form. `fields` are `{ name, label, type, value, hint, required, options, check, when }`; `type` is `text` (also when
 * missing), `password`, `number`, `select`, `checkbox`, `textarea` or `entries` (a table of named values).
 * `submit(values)` may throw; what the broker says against a field stands beside it. `onChange(values)` hears of each change.
 */
export function form(props) {
  return widget(makeForm, props, props.key);
}

function makeForm(props) {
  return new Form(props);
}

class Form {
  constructor(props) {
    ids += 1;
    this.id = `form-${ids}`;
    this.node = document.createElement("form");
    this.node.className = `form ${props.class ?? ""}`;
    this.node.noValidate = true;
    this.node.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.errors = {};
    this.busy = false;
    this.given = {};
    this.update(props);
  }

  update(props) {
    this.props = props;
    if (props.label) this.node.setAttribute("aria-label", props.label);
    for (const field of props.fields) {
      if (!(field.name in this.given)) this.given[field.name] = start(field);
    }
    this.draw();
  }

  fields() {
    const values = this.given;
    return this.props.fields.filter((field) => !field.when || field.when(values));
  }

  /** Takes over what was typed or chosen. */
  change(field, value) {
    this.given[field.name] = value;
    delete this.errors[field.name];
    this.draw();
    if (this.props.onChange && Object.keys(this.unreadable()).length === 0) this.props.onChange(this.values());
  }

  /** What cannot be a value at all, by field. */
  unreadable() {
    const errors = {};
    for (const field of this.fields()) {
      const value = this.given[field.name];
      if (field.type === "number" && value !== "" && !Number.isFinite(Number(value))) errors[field.name] = `“${value}” is not a number.`;
      if (field.type !== "entries") continue;
      try {
        entriesValue(value);
      } catch (error) {
        errors[field.name] = error.message;
      }
    }
    return errors;
  }

  values() {
    const out = {};
    for (const field of this.fields()) {
      const value = this.given[field.name];
      if (field.type === "number") out[field.name] = value === "" ? undefined : Number(value);
      else if (field.type === "entries") out[field.name] = entriesValue(value);
      else out[field.name] = value;
    }
    return out;
  }

  /** What is wrong, by field. */
  wrong() {
    const errors = this.unreadable();
    for (const field of this.fields()) {
      if (field.required && this.given[field.name] === "") errors[field.name] = `${field.label} is missing.`;
    }
    if (Object.keys(errors).length > 0) return errors;
    const values = this.values();
    for (const field of this.fields()) {
      const said = field.check?.(values[field.name], values);
      if (said) errors[field.name] = said;
    }
    return errors;
  }

  async submit() {
    if (this.busy) return;
    this.errors = this.wrong();
    if (Object.keys(this.errors).length === 0) {
      this.busy = true;
      this.draw();
      try {
        await this.props.submit(this.values(), this);
        if (this.props.clear) this.clear(this.props.clear);
      } catch (error) {
        this.take(error);
      }
      this.busy = false;
    }
    this.draw();
    const first = this.node.querySelector("[aria-invalid=true], .form-error");
    first?.focus?.();
  }

  /** Back to the beginning, for these fields or all of them. */
  clear(names) {
    for (const field of this.props.fields) {
      if (names === true || names.includes(field.name)) this.given[field.name] = start(field);
    }
  }

  /** Beside the field that the broker names, or below the form. */
  take(error) {
    if (!(error instanceof ApiError)) throw error;
    const field = this.fields().find(({ name, said }) => new RegExp(`^['"]?${said ?? name}\\b`, "i").test(error.message));
    this.errors[field?.name ?? ""] = error.message;
  }

  draw() {
    const { action, extra, compact, danger } = this.props;
    patch(
      this.node,
      h("div", { class: compact ? "fields compact" : "fields" }, this.fields().map((field) => this.field(field))),
      this.errors[""] && h("p", { class: "form-error", role: "alert", tabindex: "-1" }, this.errors[""]),
      h("div", { class: "buttons" },
        extra,
        h("button", { class: danger ? "danger" : "primary", disabled: this.busy }, this.busy ? "One moment…" : action)),
    );
  }

  field(field) {
    const id = `${this.id}-${field.name}`;
    const error = this.errors[field.name];
    const described = [field.hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
    const shared = { id, name: field.name, "aria-describedby": described, "aria-invalid": error ? "true" : undefined };
    const notes = [
      field.hint && h("small", { id: `${id}-hint`, class: "hint" }, field.hint),
      error && h("small", { id: `${id}-error`, class: "error" }, error),
    ];
    if (field.type === "checkbox") {
      return h("div", { class: "field check", key: field.name },
        h("label", null,
          h("input", { ...shared, type: "checkbox", checked: this.given[field.name], onchange: (event) => this.change(field, event.target.checked) }),
          h("span", null, field.label)),
        notes);
    }
    return h("div", { class: `field ${field.wide || field.type === "textarea" || field.type === "entries" ? "wide" : ""}`, key: field.name },
      h("label", { for: id }, field.label, field.required && h("span", { class: "needed", "aria-hidden": "true" }, " *")),
      this.input(field, shared),
      notes);
  }

  input(field, shared) {
    const value = this.given[field.name];
    const required = field.required ? "true" : undefined;
    const change = (event) => this.change(field, event.target.value);
    if (field.type === "entries") {
      return entriesField({ ...shared, value, presets: field.presets, change: (next) => this.change(field, next) });
    }
    if (field.type === "select") {
      return h("select", { ...shared, onchange: change },
        field.options.map((option) => {
          const [key, label] = Array.isArray(option) ? option : [option, option];
          return h("option", { key, value: key, selected: key === value }, label);
        }));
    }
    if (field.type === "textarea") {
      return h("textarea", { ...shared, rows: field.rows ?? 5, spellcheck: "false", value, "aria-required": required, oninput: change });
    }
    return h("input", {
      ...shared, value, "aria-required": required, oninput: change,
      type: field.type === "password" ? "password" : "text",
      inputmode: field.type === "number" ? "decimal" : undefined,
      autocomplete: field.autocomplete ?? "off", spellcheck: "false", placeholder: field.placeholder,
      list: field.suggestions ? `${shared.id}-list` : undefined,
    });
  }
}

function start(field) {
  if (field.type === "checkbox") return field.value ?? false;
  if (field.type === "entries") return field.value ?? [];
  if (field.type === "select") return field.value ?? (Array.isArray(field.options[0]) ? field.options[0][0] : field.options[0]);
  return field.value === undefined || field.value === null ? "" : String(field.value);
}
