// Light, dark, or as the system says.

const KEY = "haremq.theme";
const ORDER = ["auto", "light", "dark"];

/** What is chosen. */
export function theme() {
  const kept = localStorage.getItem(KEY);
  return ORDER.includes(kept) ? kept : "auto";
}

/** Shows what is chosen. */
export function apply() {
  const chosen = theme();
  if (chosen === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}

/** Goes on to the next choice, and gives it. */
export function turn() {
  const next = ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length];
  localStorage.setItem(KEY, next);
  apply();
  return next;
}
