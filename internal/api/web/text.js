// How figures are written, and how the daemon is asked.

export const count = (n) => Math.round(n ?? 0).toLocaleString("en-US");

/** A number with as many digits as a reader needs. */
export function tidy(v) {
  const size = Math.abs(v);
  if (size >= 1000) return count(v);
  return String(Number(v.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)));
}

export function seconds(s) {
  if (s === 0) return "0 s";
  if (s < 0.001) return `${tidy(s * 1e6)} µs`;
  return s < 1 ? `${tidy(s * 1000)} ms` : `${tidy(s)} s`;
}

export function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${tidy(n)} ${units[unit]}`;
}

/** A length of time on the clock: 0:35, 12:03, 1:02:03. */
export function span(s) {
  s = Math.max(Math.round(s), 0);
  const two = (n) => String(n).padStart(2, "0");
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** The name of a cause or a cell, as people say it; Kafka's own names stay. */
export const words = (name) => (name === name.toUpperCase() ? name : name.replaceAll("_", " "));

/** An element with attributes and children; texts are texts. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

/** What the state of a run is called, and the class of its chip. */
export function stateOf(status) {
  const names = { pending: "getting ready", reconciling: "reading the log", draining: "draining" };
  const kind = {
    completed: status.ok === false ? "broken" : status.ok === true ? "kept" : "",
    stopped: "wary", interrupted: "wary", failed: "broken",
  }[status.state] ?? "underway";
  let name = names[status.state] ?? status.state;
  if (status.state === "completed" && status.ok !== null) name += status.ok ? ", as expected" : ", not as expected";
  return { name, kind };
}

export const ended = (state) => ["completed", "stopped", "failed", "interrupted"].includes(state);

/** What the daemon refused, or that it does not answer (status 0). */
export class Problem extends Error {
  constructor(status, detail, errors = []) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }
}

/** Asks the daemon and returns the JSON of its answer; throws a Problem. */
export async function ask(path, body) {
  const request = { headers: { Accept: "application/json" }, cache: "no-store" };
  if (body !== undefined) {
    request.method = "POST";
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, request);
  } catch {
    throw new Problem(0, "The daemon does not answer.");
  }
  if (response.status === 401) throw new Problem(401, "You are not signed in any more: load this page again.");
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(response.status, answer.detail ?? `The daemon answered ${response.status}.`, answer.errors);
  return answer;
}

/** Shows a sentence in an element made for it, or hides that. */
export function say(where, text) {
  where.textContent = text ?? "";
  where.hidden = !text;
}
