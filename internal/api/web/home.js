// The first page: starts runs, and shows how they all stand.

import { Problem, ask, count, element, ended, say, span, stateOf } from "./text.js";

const find = (id) => document.getElementById(id);

// ---- Scenarios ----

/** What the form asks for; throws a Problem that names what cannot be sent. */
function request(form) {
  const body = { scenario: form.dataset.scenario };
  const speed = form.elements.speed.value.trim(), seed = form.elements.seed.value.trim();
  if (speed !== "") body.speed = number(speed, "body.speed", "The speed is a number above 0, such as 20.");
  if (seed !== "") body.seed = number(seed, "body.seed", "The seed is a whole number from 1.");
  for (const line of form.elements.set.value.split("\n").map((l) => l.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    const at = line.indexOf("=");
    if (at < 1) throw new Problem(422, `“${line}” is no field=value.`, [{ location: "body.set" }]);
    body.set ??= {};
    body.set[line.slice(0, at).trim()] = line.slice(at + 1).trim();
  }
  return body;
}

function number(text, location, sentence) {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Problem(422, sentence, [{ location }]);
  return value;
}

/** The field of the form that an error is about. */
function fieldOf(form, location) {
  if (location === "body.speed" || location === "body.seed") return form.elements[location.slice(5)];
  return location?.startsWith("body.s") ? form.elements.set : null;
}

async function start(event) {
  event.preventDefault();
  const form = event.currentTarget, problemNote = form.querySelector(".note"), button = form.querySelector("button");
  say(problemNote);
  for (const field of form.elements) field.removeAttribute("aria-invalid");
  button.disabled = true;
  try {
    const started = await ask("/runs", request(form));
    location.assign(`/runs/${started.id}/live`);
  } catch (problem) {
    button.disabled = false;
    say(problemNote, problem.message.replaceAll(/\bbody\.(scenario\.|set\.)?/g, ""));
    const wrong = (problem.errors ?? []).map((e) => fieldOf(form, e.location)).find(Boolean);
    if (!wrong) return;
    wrong.setAttribute("aria-invalid", "true");
    const hidden = wrong.closest("details");
    if (hidden) hidden.open = true;
    wrong.focus();
  }
}

/** How long it will take at this speed. */
function takes(form) {
  const speed = Number(form.elements.speed.value);
  form.querySelector(".takes").textContent = speed > 0 ? `takes ${span(Number(form.dataset.seconds) / speed)}` : "";
}

for (const form of document.querySelectorAll("form[data-scenario]")) {
  form.addEventListener("submit", start);
  form.elements.speed.addEventListener("input", () => takes(form));
  takes(form);
}

// ---- Runs ----

let limit = 8;
const chosen = new Set();

function row(run) {
  const { name, kind } = stateOf(run), f = run.figures, over = ended(run.state);
  const box = element("input", { type: "checkbox", "aria-label": `Compare ${run.scenario}, run ${run.id}`, disabled: !over });
  box.checked = chosen.has(run.id);
  box.addEventListener("change", () => { box.checked ? chosen.add(run.id) : chosen.delete(run.id); choose(); });
  const links = [element("a", { href: `/runs/${run.id}/live`, "aria-label": `Live page of ${run.scenario}, run ${run.id}` }, over ? "graphs" : "watch")];
  if (over) links.push(element("a", { href: `/runs/${run.id}/report?format=html`, "aria-label": `Report on ${run.scenario}, run ${run.id}` }, "report"));
  const progress = over
    ? element("span", {}, `took ${span(run.elapsed_seconds)}`)
    : element("progress", { max: 1, value: run.progress, "aria-label": `Progress of ${run.scenario}` }, `${Math.floor(100 * run.progress)} %`);
  return element("tr", { id: `run-${run.id}` },
    element("td", {}, box),
    element("td", {}, element("b", {}, run.scenario), element("small", {}, `${new Date(run.created).toLocaleString()}, ${run.speed}×, seed ${run.seed}`)),
    element("td", { class: "state" }, element("span", { class: `chip ${kind}` }, name)),
    element("td", { class: "wide" }, progress),
    element("td", { class: "number", "data-name": "scheduled" }, count(f.scheduled)),
    element("td", { class: "number", "data-name": "lost" }, count(f.lost)),
    element("td", { class: "number", "data-name": "extra copies" }, count(f.extra_copies)),
    element("td", { class: "links" }, ...links));
}

function choose() {
  const link = find("compare"), many = chosen.size >= 2;
  link.hidden = !many;
  link.textContent = `Compare ${chosen.size} runs`;
  link.href = `/compare?runs=${[...chosen].join(",")}`;
  find("choice").textContent = chosen.size === 1 ? "Choose another run to compare it with." : "";
}

let shown = "";
async function refresh() {
  try {
    const list = await ask(`/runs?limit=${limit}`);
    say(find("trouble"));
    find("runs").hidden = list.runs.length === 0;
    find("more").hidden = !list.next;
    const now = JSON.stringify(list);
    if (now === shown) return;
    shown = now;
    // Rows that stay keep the keyboard's focus; the others are made anew.
    const rows = find("rows"), focused = rows.contains(document.activeElement) ? document.activeElement : null;
    const keep = focused?.closest("tr")?.id, at = focused ? [...focused.closest("tr").querySelectorAll("input, a")].indexOf(focused) : -1;
    rows.replaceChildren(...list.runs.map(row));
    if (keep) find(keep)?.querySelectorAll("input, a")[at]?.focus();
  } catch (problem) {
    say(find("trouble"), problem.message);
  }
}

find("more").addEventListener("click", () => { limit = Math.min(limit + 50, 500); refresh(); });
setInterval(() => { if (!document.hidden) refresh(); }, 2000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
refresh();
