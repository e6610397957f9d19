// The graphs of a run: lines over scenario seconds, with phases, faults and a cursor.

import { tidy } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 58, RIGHT = 12, TOP = 16, BOTTOM = 18;

function svg(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** A step of 1, 2 or 5 times a power of ten that makes at most so many of a length; whole: of two where bytes are meant. */
function stepOf(length, most, binary) {
  const base = binary ? 2 : 10;
  const power = base ** Math.floor(Math.log(length / most) / Math.log(base) + 1e-9);
  return (binary ? [1, 2] : [1, 2, 5, 10]).map((n) => n * power).find((step) => length / step <= most + 1e-9) ?? power * base;
}

/**
 * A graph. Its lines say of(rows, secondsARow): the value of some rows together, or null.
 * spec: {name, title, lines: [{name, colour, of, area}], show(value), binary, ceiling(course)}
 */
export class Graph {
  constructor(spec, moved) {
    this.spec = spec;
    this.figure = document.createElement("figure");
    this.figure.id = `graph-${spec.name}`;
    const caption = document.createElement("figcaption");
    const title = document.createElement("b");
    title.textContent = spec.title;
    caption.append(title);
    this.values = spec.lines.map((line) => {
      const legend = document.createElement("span");
      const swatch = document.createElement("i");
      swatch.className = line.colour;
      const value = document.createElement("output");
      value.setAttribute("aria-live", "off"); // it changes each second
      legend.append(swatch, `${line.name} `, value);
      caption.append(legend);
      return value;
    });
    this.plot = document.createElement("div");
    this.plot.className = "plot";
    this.plot.tabIndex = 0;
    this.plot.setAttribute("role", "img");
    this.figure.append(caption, this.plot);
    this.plot.addEventListener("pointermove", (event) => moved(this.timeAt(event.clientX)));
    this.plot.addEventListener("pointerdown", (event) => moved(this.timeAt(event.clientX)));
    this.plot.addEventListener("pointerleave", () => moved(null));
    this.plot.addEventListener("blur", () => moved(null));
    this.plot.addEventListener("keydown", (event) => this.key(event, moved));
  }

  timeAt(clientX) {
    const box = this.plot.getBoundingClientRect();
    const t = ((clientX - box.left - LEFT) / (box.width - LEFT - RIGHT)) * this.until;
    return t >= 0 && t <= this.until ? t : null;
  }

  /** The arrow keys move the cursor, for those who point with keys. */
  key(event, moved) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") moved(null);
    if (!step || !this.until) return;
    event.preventDefault();
    const from = this.cursor ?? this.known;
    moved(Math.min(Math.max(from + (step * this.until) / 100, 0), this.known));
  }

  /** Draws the course: {rows, row_seconds, planned_seconds, faults, phases}, done: nothing more comes; cursor: a second, or null. */
  draw(course, done, cursor) {
    const { width, height } = this.plot.getBoundingClientRect();
    if (width < 100) return;
    this.cursor = cursor;
    // The newest rows of a run that goes on are still being filled.
    const rows = done ? course.rows : course.rows.slice(0, -2);
    this.known = rows.length * course.row_seconds;
    this.until = Math.max(course.planned_seconds, course.rows.length * course.row_seconds, 1);
    const across = width - LEFT - RIGHT, down = height - TOP - BOTTOM;
    const x = (t) => LEFT + (t / this.until) * across;
    const group = Math.max(Math.ceil(this.until / course.row_seconds / (across / 4)), 1);
    const lines = this.spec.lines.map((line) => this.points(line, rows, course.row_seconds, group));
    const most = Math.max(0, ...lines.flat().map((point) => point.v ?? 0));
    let top = this.spec.ceiling?.(course) || most || 1;
    const step = stepOf(top, 3, this.spec.binary);
    top = this.spec.ceiling?.(course) ? top : Math.ceil(top / step - 1e-9) * step;
    const y = (v) => TOP + down - (Math.min(v, top) / top) * down;

    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    this.background(picture, course, x, down);
    for (let v = 0; v <= top + step / 1000; v += step) {
      picture.append(svg("line", { class: v === 0 ? "base" : "gridline", x1: LEFT, x2: width - RIGHT, y1: y(v), y2: y(v) }));
      picture.append(svg("text", { x: LEFT - 8, y: y(v) + 4, "text-anchor": "end" }, this.spec.show(v)));
    }
    const second = stepOf(this.until, across / 90);
    for (let t = 0; t <= this.until; t += second) {
      picture.append(svg("text", { x: x(t), y: height - 3, "text-anchor": "middle" }, tidy(t)));
    }
    lines.forEach((points, i) => this.line(picture, this.spec.lines[i], points, x, y));
    if (!done && this.known > 0) picture.append(svg("line", { class: "now", x1: x(this.known), x2: x(this.known), y1: TOP, y2: TOP + down }));
    if (cursor !== null) {
      picture.append(svg("line", { class: "cursor", x1: x(cursor), x2: x(cursor), y1: TOP, y2: TOP + down }));
      picture.append(svg("text", { x: x(cursor), y: 11, "text-anchor": cursor > this.until / 2 ? "end" : "start" }, `t = ${tidy(cursor)} s`));
    }
    this.plot.replaceChildren(picture);
    this.legend(lines, cursor);
  }

  /** What of the line, put together so that it has a point every few pixels. */
  points(line, rows, rowSeconds, group) {
    const points = [];
    let before = 0;
    for (let i = 0; i < rows.length; i += group) {
      const some = rows.slice(i, i + group);
      const v = line.of(some, rowSeconds, before);
      if (line.running) before = v;
      points.push({ from: i * rowSeconds, to: (i + some.length) * rowSeconds, v });
    }
    return points;
  }

  background(picture, course, x, down) {
    course.phases.forEach((phase, i) => {
      if (i % 2 === 1) picture.append(svg("rect", { class: "stripe", x: x(phase.from), y: TOP, width: Math.max(x(phase.to) - x(phase.from), 0), height: down }));
    });
    for (const fault of course.faults) {
      const to = fault.began && !fault.ended ? course.rows.length * course.row_seconds : fault.to;
      const [left, right] = [x(Math.min(fault.from, this.until)), x(Math.min(Math.max(to, fault.from), this.until))];
      picture.append(svg("rect", { class: fault.began ? "band" : "coming", x: left, y: TOP, width: Math.max(right - left, 2), height: down }));
      if (this.cursor === null) picture.append(svg("text", { class: "fault", x: left, y: 11 }, fault.name.replaceAll("_", " ")));
    }
  }

  line(picture, line, points, x, y) {
    let path = "", piece = [];
    const close = () => {
      if (piece.length === 0) return;
      const middle = (p) => (p.from + p.to) / 2;
      // A stretch's value stands at its middle; the first and the last reach its edges.
      const along = line.running
        ? [[piece[0].from, 0], ...piece.map((p) => [p.to, p.v])] // a total stands at its end
        : [[piece[0].from, piece[0].v], ...piece.map((p) => [middle(p), p.v]), [piece.at(-1).to, piece.at(-1).v]];
      const drawn = along.map(([t, v]) => `${x(t).toFixed(1)} ${y(v).toFixed(1)}`).join("L");
      path += `M${drawn}`;
      if (line.area) {
        picture.append(svg("path", { class: `area ${line.colour}`, d: `M${x(piece[0].from).toFixed(1)} ${y(0)}L${drawn}L${x(piece.at(-1).to).toFixed(1)} ${y(0)}Z` }));
      }
      piece = [];
    };
    for (const point of points) {
      if (point.v === null) close();
      else piece.push(point);
    }
    close();
    if (path) picture.append(svg("path", { class: `line ${line.colour}`, d: path }));
  }

  /** The values at the cursor, or the newest. */
  legend(lines, cursor) {
    const said = lines.map((points, i) => {
      const point = cursor === null ? points.at(-1) : points.find((p) => p.to > cursor);
      const text = point === undefined || point.v === null ? "–" : this.spec.show(point.v);
      this.values[i].textContent = text;
      return `${this.spec.lines[i].name} ${text}`;
    });
    this.plot.setAttribute("aria-label", `${this.spec.title}, ${cursor === null ? "now" : `at ${tidy(cursor)} seconds`}: ${said.join(", ")}. The arrow keys move through time.`);
  }
}
