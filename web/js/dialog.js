// Windows over the page, with the browser's own <dialog>: focus stays inside, Escape closes.

import { create, destroy, h, patch } from "./dom.js";

let count = 0;

/** Opens a window; `view(close)` describes what is in it. Gives a function that closes it. */
export function open({ title, view, wide = false, onClose }) {
  count += 1;
  const id = `dialog-${count}`;
  const node = create(h("dialog", { class: wide ? "wide" : "", "aria-labelledby": id }));
  const close = () => node.close();
  const draw = () => patch(node,
    h("header", null, h("h2", { id }, title),
      h("button", { class: "plain", type: "button", "aria-label": "Close", onclick: close }, "×")),
    h("div", { class: "dialog-body" }, view(close)));
  draw();
  node.addEventListener("close", () => {
    destroy(node);
    node.remove();
    onClose?.();
  });
  document.body.append(node);
  node.showModal();
  return { close, draw };
}

/** Asks before something that cannot be undone. `typed` is a name that must be typed first. */
export function confirm({ title, text, action, typed }) {
  return new Promise((resolve) => {
    let answer = false;
    const window = open({
      title,
      onClose: () => resolve(answer),
      view: (close) => {
        const submit = (event) => {
          event.preventDefault();
          const given = new FormData(event.target).get("typed");
          if (typed !== undefined && given !== typed) {
            event.target.elements.typed.setCustomValidity(`Type ${typed} exactly.`);
            event.target.reportValidity();
            return;
          }
          answer = true;
          close();
        };
        return h("form", { onsubmit: submit },
          h("p", null, text),
          typed !== undefined && h("label", { class: "field" }, h("span", null, "Type ", h("b", null, typed), " to go on"),
            h("input", {
              name: "typed", autocomplete: "off", required: true, autofocus: true,
              oninput: (event) => event.target.setCustomValidity(""),
            })),
          h("div", { class: "buttons" },
            h("button", { type: "button", autofocus: typed === undefined, onclick: close }, "Cancel"),
            h("button", { class: "danger" }, action)));
      },
    });
    return window;
  });
}
