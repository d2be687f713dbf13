// What a person chose on this machine: nothing secret.

const VHOST = "haremq.vhost";
const EVERY = "haremq.every";

/** How often pages look: seconds; 0: only when asked. */
export const INTERVALS = [0, 1, 5, 30];

export function every() {
  const kept = Number(localStorage.getItem(EVERY) ?? 5);
  return INTERVALS.includes(kept) ? kept : 5;
}

export function setEvery(seconds) {
  localStorage.setItem(EVERY, String(seconds));
}

/** The virtual host that lists are limited to; empty: all. */
export function vhost() {
  return localStorage.getItem(VHOST) ?? "";
}

export function setVhost(name) {
  localStorage.setItem(VHOST, name);
}
