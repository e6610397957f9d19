// A run as it happens: its events, its graphs, and how to stop it.

import { Graph } from "./graph.js";
import { ask, bytes, count, element, ended, say, seconds, span, stateOf, tidy, words } from "./text.js";

const find = (id) => document.getElementById(id);
const page = find("page");
const run = `/runs/${page.dataset.run}`;
const speed = Number(page.dataset.speed) || 1;

// ---- The graphs ----

const sum = (rows, of) => rows.reduce((total, row) => total + of(row), 0);
const rate = (of) => (rows, width) => sum(rows, of) / (rows.length * width);
const total = (of) => (rows, _, before) => before + sum(rows, of);
const most = (of) => (rows) => Math.max(...rows.map(of));
const told = (row) => row.confirmed + row.failed + row.unknown;
const buffer = (row) => (row.buffer_total > 0 ? row.buffer_available : Infinity);

const specs = [
  { name: "messages", title: "Messages per second", show: tidy, lines: [
    { name: "scheduled", colour: "amber", of: rate((row) => row.scheduled) },
    { name: "confirmed", colour: "green", of: rate((row) => row.confirmed) }] },
  { name: "send", title: "Time inside send", show: seconds, lines: [
    { name: "p95", colour: "violet", of: (rows) => (rows.some(told) ? Math.max(...rows.map((row) => row.send.p95)) : null) },
    { name: "mean", colour: "blue", of: (rows) => (rows.some(told) ? sum(rows, (row) => row.send.mean * told(row)) / sum(rows, told) : null) }] },
  { name: "buffer", title: "Free buffer memory", show: bytes, binary: true, ceiling: (course) => course.rows.at(-1)?.buffer_total, lines: [
    { name: "least", colour: "teal", area: true, of: (rows) => { const least = Math.min(...rows.map(buffer)); return least === Infinity ? null : least; } }] },
  { name: "published", title: "Thought published, and written", show: (v) => count(v), lines: [
    { name: "scheduled", colour: "amber", running: true, of: total((row) => row.scheduled) },
    { name: "written", colour: "blue", running: true, of: total((row) => row.written) }] },
  { name: "waiting", title: "Waiting", show: (v) => count(v), lines: [
    { name: "for a worker", colour: "amber", of: most((row) => row.queued) },
    { name: "for the consumer (lag)", colour: "violet", of: most((row) => row.lag) }] },
];

let course = { row_seconds: 1, planned_seconds: 0, rows: [], faults: [], phases: [] };
let cursor = null;
let over = false; // the run has ended, and all of its course is here
const graphs = specs.map((spec) => new Graph(spec, (t) => { cursor = t; draw(); }));
find("graphs").append(...graphs.map((graph) => graph.figure));
new ResizeObserver(() => draw()).observe(find("graphs"));

let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    for (const graph of graphs) graph.draw(course, over, cursor);
    page.dataset.drawn = course.rows.length;
  });
}

/** Reads what is new of the course. The last rows may have changed since: they are read again. */
let reading = null;
function read() {
  reading ??= readOn().catch(() => {}).finally(() => { reading = null; }); // the stream says what is wrong
  return reading;
}

async function readOn() {
  const again = Math.max(course.rows.length - 10 - Math.ceil((2 * speed) / course.row_seconds), 0);
  let fresh = await ask(`${run}/timeline?from=${again * course.row_seconds}`);
  if (fresh.row_seconds !== course.row_seconds && again > 0) {
    fresh = await ask(`${run}/timeline`);
    fresh.rows = fresh.rows ?? [];
    course.rows = [];
  }
  const kept = fresh.rows.length ? Math.round(fresh.rows[0].t / fresh.row_seconds) : course.rows.length;
  course = { ...fresh, rows: course.rows.slice(0, kept).concat(fresh.rows) };
  showFaults();
  draw();
}

// ---- The figures ----

const text = (id, value) => { const where = find(id); if (where.textContent !== value) where.textContent = value; };

let status = null;
function show(now) {
  status = now;
  const f = now.figures, { name, kind } = stateOf(now);
  const chip = find("state");
  if (chip.textContent !== name) chip.textContent = name;
  chip.className = `chip ${kind}`;
  document.title = `${Math.floor(100 * now.progress)} % ${now.scenario}, ${name}`;
  const planned = course.planned_seconds ? ` of ${count(course.planned_seconds)} s` : "";
  text("clock", now.state === "pending" ? "" : `t = ${count(now.scenario_seconds)} s${planned}`);
  text("left", now.state === "running" ? `${span(now.remaining_seconds)} left of the load` : ended(now.state) ? `took ${span(now.elapsed_seconds)}` : "");
  find("progress").value = now.progress;
  text("progress", `${Math.floor(100 * now.progress)} %`);
  for (const tile of document.querySelectorAll(".tiles dd")) {
    const value = f[tile.id.slice(2)];
    text(tile.id, count(value));
    if (tile.dataset.class) tile.className = value > 0 ? tile.dataset.class : "";
  }
  showMatrix(f, ended(now.state));
  showCauses(f);
  find("stops").hidden = ended(now.state);
}

const looks = { delivered: "good", vanished: "bad", refused: "bad", lost_in_silence: "bad", phantom: "wary", unconfirmed: "wary", duplicated: "wary" };
function showMatrix(f, last) {
  for (const cell of document.querySelectorAll(".matrix td[data-cell]")) {
    const named = cell.dataset.cell;
    let n = f.matrix[cell.dataset.row][cell.dataset.column];
    if (named === "vanished" && !last) n -= f.unverified; // told yes a moment ago, and not read yet
    const shown = count(n);
    if (cell.firstChild.textContent !== shown) cell.firstChild.textContent = shown;
    cell.className = n > 0 ? `on ${looks[named]}` : "";
  }
  const beside = [];
  if (f.in_flight > 0) beside.push(`${count(f.in_flight)} on their way`);
  if (f.unverified > 0) beside.push(`${count(f.unverified)} told yes and not read back yet`);
  if (f.dropped > 0) beside.push(`${count(f.dropped)} dropped: never handed to the producer`);
  text("beside", beside.length ? `${beside.join("; ")}.` : "Each scheduled message lies in exactly one cell.");
}

function showCauses(f) {
  const heard = { ...f.causes }; // without what the producer said when nobody listened any more
  for (const cause in f.late_causes) heard[cause] -= f.late_causes[cause];
  const parts = [["Lost, because of", heard], ["Given up; what the producer said of them later", f.late_causes], ["Extra copies, made by", f.copies_by], ["Attempts that did not end in a yes", f.attempts]];
  const shown = JSON.stringify(parts);
  if (showCauses.shown === shown) return;
  showCauses.shown = shown;
  const made = [];
  for (const [title, counts] of parts) {
    const ranked = Object.entries(counts ?? {}).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
    if (ranked.length === 0) continue;
    made.push(element("h3", {}, title), element("dl", { class: "facts" },
      ...ranked.flatMap(([cause, n]) => [element("dt", {}, words(cause)), element("dd", {}, count(n))])));
  }
  find("causes").replaceChildren(...(made.length ? made : [element("p", { class: "muted" }, ended(status.state) ? "Nothing." : "Nothing so far.")]));
}

function showFaults() {
  find("faults").hidden = course.faults.length === 0;
  find("fault-list").replaceChildren(...course.faults.flatMap((fault) => {
    let when = `from t = ${tidy(fault.from)} s to ${tidy(fault.to)} s`;
    if (!fault.began) when = over ? "never came" : `to come at t = ${tidy(fault.from)} s`;
    else if (!fault.ended && !over) when = `since t = ${tidy(fault.from)} s`;
    const active = fault.began && !fault.ended && !over;
    return [element("dt", { class: active && "active" }, words(fault.name)), element("dd", { class: active && "active" }, when)];
  }));
}

// ---- The end ----

function showVerdict(end) {
  const kept = end.ok === true ? "kept" : end.ok === false || end.state === "failed" ? "broken" : "";
  const mark = element("span", { class: "mark", "aria-hidden": "true" }, { kept: "✓", broken: "✗" }[kept] ?? "–");
  const links = element("nav", { "aria-label": "The report" },
    element("a", { href: `${end.report}?format=html`, id: "report" }, "Read the report"),
    element("a", { href: `${end.report}?format=text` }, "as text"),
    element("a", { href: `${end.report}?format=json` }, "as JSON"),
    element("a", { href: `${run}/messages` }, "every message that differs"));
  const box = element("div", { class: `verdict ${kept}` }, mark, element("div", {},
    element("strong", {}, end.verdict || (end.error ? "The run failed." : `The run is ${end.state}.`)),
    element("p", {}, [end.headline, end.error].filter(Boolean).join(" ")),
    element("p", { class: "muted" }, end.story ?? ""), links));
  find("verdict").replaceChildren(box);
}

// ---- The stream ----

let lost = false, wait = 1000;
function follow() {
  const events = new EventSource(`${run}/events`);
  events.addEventListener("open", () => {
    wait = 1000;
    if (lost) {
      lost = false;
      find("connection").className = "note good";
      say(find("connection"), "Connected again.");
      setTimeout(() => { if (!lost) say(find("connection")); }, 4000);
    }
  });
  events.addEventListener("status", (event) => { show(JSON.parse(event.data)); read(); });
  events.addEventListener("fault", () => read());
  events.addEventListener("end", (event) => {
    events.close();
    const end = JSON.parse(event.data);
    showVerdict(end);
    finish();
  });
  events.addEventListener("error", () => {
    disconnected("The connection is lost; what you see may be old. Trying again…");
    if (events.readyState === EventSource.CLOSED) { // refused: the browser does not come back by itself
      events.close();
      setTimeout(returning, wait);
      wait = Math.min(2 * wait, 15000);
    }
  });
}

function disconnected(why) {
  lost = true;
  find("connection").className = "note";
  if (find("connection").textContent !== why) say(find("connection"), why);
}

/** Asks why the stream was refused, before it is asked for again. */
async function returning() {
  try {
    await ask(run);
    follow();
  } catch (problem) {
    if (problem.status === 404) return disconnected("This run is not there any more.");
    disconnected(problem.status === 0 ? "The daemon does not answer. Trying again…" : problem.message);
    if (problem.status !== 401) {
      setTimeout(returning, wait);
      wait = Math.min(2 * wait, 15000);
    }
  }
}

/** Reads the whole course once more, now that it is settled. */
async function finish() {
  await reading;
  course.rows = [];
  await read();
  over = true;
  showFaults();
  if (status) show(status);
  draw();
  page.dataset.over = "yes";
}

// ---- Stopping ----

async function stop(mode) {
  say(find("trouble"));
  for (const button of find("stops").children) button.disabled = true;
  try {
    await ask(`${run}/stop`, { mode });
  } catch (problem) {
    if (problem.status !== 409) say(find("trouble"), problem.message); // 409: it has just ended
  }
  // Graceful may take its time, and then somebody may want it abrupt after all.
  find("abrupt").disabled = false;
}
find("graceful").addEventListener("click", () => stop("graceful"));
find("abrupt").addEventListener("click", () => find("confirm").showModal());
find("confirm").addEventListener("close", () => { if (find("confirm").returnValue === "yes") stop("abrupt"); });

follow();
