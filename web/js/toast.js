// Short notes on what happened, read out by screen readers as well.

import { create, h } from "./dom.js";

const SECONDS = { good: 5, bad: 15 };

function show(kind, text) {
  const place = document.getElementById("toasts");
  const close = () => node.remove();
  const node = create(
    h("div", { class: `toast ${kind}`, role: kind === "bad" ? "alert" : "status" },
      h("span", { class: "mark", "aria-hidden": "true" }, kind === "bad" ? "!" : "✓"),
      h("p", null, text),
      h("button", { class: "plain", type: "button", "aria-label": "Close this note", onclick: close }, "×")),
  );
  place.append(node);
  while (place.children.length > 4) place.firstElementChild.remove();
  setTimeout(close, SECONDS[kind] * 1000);
}

/** Something worked. */
export const done = (text) => show("good", text);

/** Something was refused or failed. */
export const failed = (error) => show("bad", error instanceof Error ? error.message : String(error));
