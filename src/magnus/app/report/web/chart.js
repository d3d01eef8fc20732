// Line charts of metrics that were tracked by step: SVG with axes, a legend, and the values below the pointer.

const CHART = { width: 420, height: 190, left: 50, right: 12, top: 10, bottom: 26 };
const MOST_LINES = 12;
const COLOURS = 6;
const MOST_VALUES = 200;

const scientific = new Intl.NumberFormat("en-GB", { notation: "scientific", maximumSignificantDigits: 3 });
const compact = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 4 });
const exact = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 6 });

function amount(value, format = compact) {
  const size = Math.abs(value);
  return (size && (size < 1e-4 || size >= 1e6) ? scientific : format).format(value).replace("E", "e");
}

// Round numbers from `least` to `most`, about so many.
function roundNumbers(least, most, about) {
  const raw = (most - least) / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((length) => length >= raw) ?? raw;
  const numbers = [];
  for (let at = Math.ceil(least / step - 1e-9); at * step <= most + step * 1e-9 && numbers.length < 20; at += 1) numbers.push(at * step + 0);
  return numbers;
}

function rangeOf(numbers) {
  let [least, most] = [Infinity, -Infinity];
  for (const value of numbers) [least, most] = [Math.min(least, value), Math.max(most, value)];
  if (!Number.isFinite(least)) return [0, 1];
  const around = least === most ? Math.abs(least) * 0.1 || 1 : 0;
  return [least - around, most + around];
}

function pathOf(points, x, y) {
  let [path, isOn] = ["", false];
  for (const [step, value] of points) {
    if (value !== null) path += `${isOn ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
    isOn = value !== null;
  }
  return path;
}

function axes(x, y, [left, right], [bottom, top]) {
  const { width, height } = CHART;
  const lines = roundNumbers(bottom, top, 4).map((value) => [
    drawn("line", { class: "grid", x1: CHART.left, x2: width - CHART.right, y1: y(value), y2: y(value) }),
    drawn("text", { class: "tick", x: CHART.left - 6, y: y(value) + 3.5, "text-anchor": "end" }, amount(value)),
  ]);
  const ticks = roundNumbers(left, right, 6).filter(Number.isInteger).map((step) => [
    drawn("line", { class: "axis-line", x1: x(step), x2: x(step), y1: height - CHART.bottom, y2: height - CHART.bottom + 4 }),
    drawn("text", { class: "tick", x: x(step), y: height - CHART.bottom + 15, "text-anchor": "middle" }, amount(step)),
  ]);
  return [...lines, ...ticks, drawn("line", { class: "axis-line", x1: CHART.left, x2: width - CHART.right, y1: height - CHART.bottom, y2: height - CHART.bottom })].flat();
}

// The chart of lines `{ name, points: [[step, value or null], ...] }` on one scale.
function chart(title, all) {
  const lines = all.slice(0, MOST_LINES);
  const points = lines.flatMap((line) => line.points);
  const across = rangeOf(points.map(([step]) => step));
  const down = rangeOf(points.map(([, value]) => value).filter((value) => value !== null));
  const x = (step) => CHART.left + ((step - across[0]) / (across[1] - across[0])) * (CHART.width - CHART.left - CHART.right);
  const y = (value) => CHART.height - CHART.bottom - ((value - down[0]) / (down[1] - down[0])) * (CHART.height - CHART.top - CHART.bottom);
  const shown = lines.map((line, place) => {
    const kind = `line-of colour-${place % COLOURS}${place >= COLOURS ? " dashed" : ""}`;
    const lone = line.points.length === 1 && line.points[0][1] !== null;
    return lone ? drawn("circle", { class: `${kind} lone`, cx: x(line.points[0][0]), cy: y(line.points[0][1]), r: 3 })
      : drawn("path", { class: kind, d: pathOf(line.points, x, y) });
  });
  const cursor = drawn("line", { class: "cursor-line", y1: CHART.top, y2: CHART.height - CHART.bottom, visibility: "hidden" });
  const svg = drawn("svg", { viewBox: `0 0 ${CHART.width} ${CHART.height}`, class: "chart", role: "img", "aria-label": spokenChart(title, lines) },
    axes(x, y, across, down), shown, cursor);
  const readout = element("p", { class: "hint readout", "aria-hidden": "true" }, " ");
  svg.addEventListener("pointermove", (event) => readAt(svg, event, { lines, across, x, cursor, readout }));
  svg.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    readout.textContent = " ";
  });
  const more = all.length - lines.length;
  return element("figure", { class: "chart-of" }, element("figcaption", {}, title), svg, readout,
    lines.length > 1 ? element("ul", { class: "keys-of-lines" }, lines.map((line, place) =>
      element("li", {}, element("i", { class: `colour-${place % COLOURS}${place >= COLOURS ? " dashed" : ""}`, "aria-hidden": "true" }), line.name))) : null,
    more > 0 ? element("p", { class: "hint" }, `and ${counted(more, "more line")}`) : null, valuesOfLines(lines));
}

function spokenChart(title, lines) {
  const said = lines.slice(0, 4).map(({ name, points }) => {
    const values = points.filter(([, value]) => value !== null);
    if (!values.length) return `${name} has no finite value`;
    const [[first, from], [last, to]] = [values[0], values[values.length - 1]];
    return `${name} from ${amount(from)} at step ${first} to ${amount(to)} at step ${last}`;
  });
  return `${title}: ${said.join("; ")}`;
}

function nearest(points, step) {
  return points.reduce((best, point) => (best === null || Math.abs(point[0] - step) < Math.abs(best[0] - step) ? point : best), null);
}

function readAt(svg, event, { lines, across, x, cursor, readout }) {
  const place = svg.getBoundingClientRect();
  const at = ((event.clientX - place.left) / place.width) * CHART.width;
  const step = across[0] + ((at - CHART.left) / (CHART.width - CHART.left - CHART.right)) * (across[1] - across[0]);
  const found = nearest(lines.flatMap((line) => line.points), step);
  if (!found) return;
  cursor.setAttribute("x1", x(found[0]));
  cursor.setAttribute("x2", x(found[0]));
  cursor.setAttribute("visibility", "visible");
  const texts = lines.map((line) => [line.name, line.points.find(([there]) => there === found[0])])
    .filter(([, point]) => point).slice(0, 4).map(([name, [, value]]) => `${name} ${value === null ? "not finite" : amount(value, exact)}`);
  readout.textContent = visible(`step ${found[0]}: ${texts.join(", ")}`);
}

// The values as a table, which is made when it is opened.
function valuesOfLines(lines) {
  const closed = element("details", { class: "more" }, element("summary", {}, "Values"));
  closed.addEventListener("toggle", () => {
    if (!closed.open || closed.children.length > 1) return;
    const steps = [...new Set(lines.flatMap((line) => line.points.map(([step]) => step)))].sort((one, other) => one - other);
    const byStep = lines.map((line) => new Map(line.points));
    const body = steps.slice(-MOST_VALUES).map((step) => element("tr", {}, element("th", { scope: "row" }, String(step)),
      byStep.map((values) => element("td", { class: "number" }, values.has(step) ? (values.get(step) === null ? "not finite" : amount(values.get(step), exact)) : ""))));
    const left = steps.length - MOST_VALUES;
    closed.append(scrolled("Values by step", element("table", { class: "sheet" }, element("thead", {}, element("tr", {},
      ["step", ...lines.map((line) => line.name)].map((name) => element("th", { scope: "col" }, name)))), element("tbody", {}, body))),
    left > 0 ? element("p", { class: "hint" }, `The last ${MOST_VALUES} of ${number.format(steps.length)} steps.`) : "");
  });
  return closed;
}

// What scrolls sideways by itself, and can be scrolled by keys.
function scrolled(label, ...content) {
  return element("div", { class: "scrolled", tabindex: "0", role: "region", "aria-label": label }, content);
}

// Lines that share a chart: of several rows those of one metric; of one row, metrics whose names have the same last word, such
// as train_loss and val_loss.
function groupsOf(lines) {
  const metrics = new Set(lines.map((line) => line.metric));
  const isOfOneRow = lines.length === metrics.size;
  const groups = new Map();
  for (const line of lines) {
    const word = isOfOneRow ? line.metric.split(/[\W_]+/).filter(Boolean).pop()?.toLowerCase() ?? line.metric : line.metric;
    (groups.get(word) ?? groups.set(word, []).get(word)).push(line);
  }
  return [...groups.values()];
}

// The charts of these lines, `{ metric, name, points }`.
function charts(lines) {
  return groupsOf(lines).map((group) => {
    const metrics = [...new Set(group.map((line) => line.metric))];
    return chart(metrics.join(", "), metrics.length > 1 ? group.map((line) => ({ ...line, name: line.metric })) : group);
  });
}
