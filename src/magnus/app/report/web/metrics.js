// Metrics: of a step as values and charts, of a map or loop as a table that can be sorted, with the best branch marked.

const FIRST_ROWS = 25;
const MORE_ROWS = 200;
const LEAST_IS_BEST = /loss|err|(?:rms|ma|ms|map)e|deviance|perplexity|time|duration|seconds|latency|cost|risk|regret|aic|bic|size/i;

// What the reader chose for each table, by the key of its row; it outlives newer reports.
const choices = new Map();

function numberOf(index) {
  const { text, left_out: leftOut } = report.texts[index];
  return !leftOut && /^-?[\d.]/.test(text) ? Number(text) : null;
}

// All metrics in a row as [step, name, text, series]; those in branches that have a table of their own are left out.
function metricsIn(row, top = true) {
  if (row.unit && !top) return [];
  const own = row.metrics.map(([name, text]) => ({ row, name, text, series: row.series.find((series) => series.name === name) }));
  return [...own, ...(row.unit ? [] : row.children.flatMap((child) => metricsIn(rows[child], false)))];
}

// Whether the branches of this row are compared in a table.
function isCompared(row) {
  return Boolean(row.unit) && row.children.some((child) => metricsIn(rows[child], false).length);
}

// The columns of the table of a row, each with a value for each branch: `{ title, texts, numbers, isMetric }`.
function comparison(row) {
  const branches = row.children.map((child) => rows[child]);
  const metrics = branches.map((branch) => metricsIn(branch, false));
  const homes = new Map();
  for (const { row: step, name } of metrics.flat()) (homes.get(name) ?? homes.set(name, new Set()).get(name)).add(step.name);
  const titleOf = (metric) => (homes.get(metric.name).size > 1 ? `${metric.row.name} ${metric.name}` : metric.name);
  const keys = [...new Set(branches.flatMap((branch) => (branch.element || []).map(([name]) => name)))];
  const titles = [...new Set(metrics.flat().map(titleOf))];
  const column = (title, isMetric, indices) => ({ title, isMetric, indices, numbers: indices.map((index) => (index === undefined ? null : numberOf(index))) });
  const byKey = branches.map((branch) => new Map(branch.element || []));
  const byTitle = metrics.map((found) => new Map(found.map((metric) => [titleOf(metric), metric.text])));
  const columns = [
    ...keys.map((key) => column(key, false, byKey.map((values) => values.get(key)))),
    ...titles.map((title) => column(title, true, byTitle.map((values) => values.get(title)))),
  ];
  const lines = branches.flatMap((branch, place) => metrics[place].filter((metric) => metric.series)
    .map((metric) => ({ metric: titleOf(metric), name: branch.label, points: metric.series.points })));
  return { branches, columns, lines };
}

function bestOf(column, direction) {
  const finite = column.numbers.filter(Number.isFinite);
  return finite.length ? finite.reduce((best, value) => ((direction === "min" ? value < best : value > best) ? value : best)) : null;
}

// The places of the branches in the order of a column; what has no value comes last.
function ordered(table, { sort, descending }) {
  const places = table.branches.map((_, place) => place);
  if (!sort) return descending ? places.reverse() : places;
  const values = sort === "took" ? table.branches.map(took) : sort === "status" ? table.branches.map((branch) => WORDS[branch.look][0])
    : valuesToSort(table.columns.find((column) => column.title === sort));
  const isMissing = (value) => value === null || value === undefined || Number.isNaN(value);
  const compare = (one, other) => (typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other)));
  return places.sort((one, other) => {
    const [a, b] = [values[one], values[other]];
    if (isMissing(a) || isMissing(b)) return isMissing(a) - isMissing(b) || one - other;
    return (descending ? -1 : 1) * compare(a, b) || one - other;
  });
}

function valuesToSort(column) {
  if (!column) return [];
  if (column.isMetric || column.numbers.some((value) => value !== null)) return column.numbers;
  return column.indices.map((index) => (index === undefined ? null : report.texts[index].text));
}

// The table of the branches of a row, sorted, with the best value of each metric marked.
function branchTable(row, open) {
  const table = comparison(row);
  const directions = Object.fromEntries(table.columns.filter((column) => column.isMetric)
    .map(({ title }) => [title, LEAST_IS_BEST.test(title) ? "min" : "max"]));
  const choice = choices.get(row.key) ?? { sort: null, descending: false, shown: FIRST_ROWS };
  choice.directions = { ...directions, ...choice.directions };
  choices.set(row.key, choice);
  const place = element("div", { class: "branch-table" });
  const redraw = (focus) => {
    const scroll = place.querySelector(".scrolled")?.scrollLeft ?? 0;
    place.replaceChildren(...drawTable(row, table, choice, { open, redraw }));
    place.querySelector(".scrolled").scrollLeft = scroll;
    if (focus) [...place.querySelectorAll("button")].find((button) => button.dataset.does === focus)?.focus();
  };
  redraw();
  return { place, lines: table.lines };
}

function drawTable(row, table, choice, { open, redraw }) {
  const metrics = table.columns.filter((column) => column.isMetric);
  const best = new Map(metrics.map((column) => [column.title, bestOf(column, choice.directions[column.title])]));
  const judge = metrics.find((column) => column.title === choice.sort) ?? metrics.find((column) => best.get(column.title) !== null);
  const bestNumber = best.get(judge?.title) ?? null;
  const isBest = (place) => bestNumber !== null && judge.numbers[place] === bestNumber;
  const places = ordered(table, choice);
  const headings = [["", row.unit === "iteration" ? "iteration" : elementName(row)], ...table.columns.map(({ title }) => [title, title]), ["took", "took"], ["status", "status"]];
  const numeric = new Set(["took", ...table.columns.filter((column) => column.numbers.some((value) => value !== null)).map(({ title }) => title)]);
  const judged = new Set(metrics.map(({ title }) => title).filter((title) => numeric.has(title)));
  const head = headings.map(([key, title]) => headingOf(key, title, { choice, redraw, isJudged: judged.has(key), isNumeric: numeric.has(key) }));
  const body = places.slice(0, choice.shown).map((place) => {
    const branch = table.branches[place];
    return element("tr", { class: isBest(place) ? "best" : null },
      element("th", { scope: "row" }, element("button", { class: "link", type: "button", onclick: () => open(branch.index) },
        mark(branch.look), element("span", {}, table.columns.length > metrics.length ? String(place) : branch.label))),
      table.columns.map((column) => valueOf(column, place, best)),
      element("td", { class: "number" }, duration(took(branch))), element("td", {}, WORDS[branch.look][0]));
  });
  const left = places.length - choice.shown;
  const more = element("button", { class: "quiet", type: "button", "data-does": "more", onclick: () => {
    choice.shown += MORE_ROWS;
    redraw("more");
  } }, `Show ${number.format(Math.min(left, MORE_ROWS))} more of ${number.format(places.length)}`);
  const title = `Metrics of ${row.label}`;
  return [scrolled(title, element("table", { class: "sheet" }, element("thead", {}, element("tr", {}, head)), element("tbody", {}, body))), left > 0 ? more : ""].filter(Boolean);
}

function elementName(row) {
  return (definitionOf(row).more || []).find(([name]) => name === "iterate_as")?.[1] ?? "branch";
}

function valueOf(column, place, best) {
  const index = column.indices[place];
  if (index === undefined) return element("td", {});
  const isBest = column.isMetric && column.numbers[place] !== null && column.numbers[place] === best.get(column.title);
  const text = column.numbers[place] === null ? short(plainText(index), 40) : amount(column.numbers[place], exact);
  return element("td", { class: column.numbers[place] === null ? null : "number", title: text === valueText(index) ? null : short(valueText(index), 400) },
    isBest ? [element("span", { class: "star", "aria-hidden": "true" }, "★ "), element("span", { class: "out-of-sight" }, "best ")] : null, text);
}

function headingOf(key, title, { choice, redraw, isJudged, isNumeric }) {
  const isSorted = choice.sort === key;
  const sort = () => {
    const wasBest = isJudged && choice.directions[key] === "max";
    Object.assign(choice, { descending: isSorted ? !choice.descending : wasBest, sort: key });
    redraw(`sort ${key}`);
  };
  const turn = () => {
    choice.directions[key] = choice.directions[key] === "max" ? "min" : "max";
    redraw(`best ${key}`);
  };
  const direction = choice.directions[key];
  return element("th", { scope: "col", class: isNumeric ? "number" : null, "aria-sort": isSorted ? (choice.descending ? "descending" : "ascending") : null },
    element("button", { type: "button", class: "sort", "data-does": `sort ${key}`, onclick: sort }, title,
      element("span", { "aria-hidden": "true" }, isSorted ? (choice.descending ? " ▾" : " ▴") : "")),
    isJudged ? element("button", { type: "button", class: "best-is", "data-does": `best ${key}`, onclick: turn,
      "aria-label": `The best ${title} is the ${direction === "max" ? "highest" : "lowest"}; change`,
      title: `The best is the ${direction === "max" ? "highest" : "lowest"}` }, direction) : null);
}

// The metrics of steps as values, of several steps with their names, and charts of what was tracked by step.
function metricValues(found, open, { named }) {
  const value = (metric) => (metric.series ? [valueCell(metric.text), element("span", { class: "hint" }, ` last of ${number.format(metric.series.count)}`)] : valueCell(metric.text));
  const body = found.slice(0, 100).map((metric) => element("tr", {},
    named ? element("td", {}, element("button", { class: "link", type: "button", onclick: () => open(metric.row.index) }, trail(metric.row).join(" / "))) : null,
    element("th", { scope: "row" }, metric.name), element("td", {}, value(metric))));
  const more = found.length > 100 ? element("p", { class: "hint" }, `and ${counted(found.length - 100, "more metric")}`) : null;
  const lines = found.filter((metric) => metric.series).map((metric) => ({
    metric: metric.name, name: named ? trail(metric.row).join(" / ") : metric.name, points: metric.series.points }));
  const heads = named ? element("thead", {}, element("tr", {}, ["Step", "Metric", "Value"].map((title) => element("th", { scope: "col" }, title)))) : null;
  return [body.length ? element("table", { class: named ? "values of-steps" : "values" }, heads, element("tbody", {}, body)) : null, more, ...charts(lines)].filter(Boolean);
}

// The metrics in a row: a table for each map and loop in it, then those of other steps.
function metricsSection(row, open) {
  const compared = row.unit ? [row].filter(isCompared) : comparedIn(row);
  const tables = compared.slice(0, 8).map((around) => {
    const { place, lines } = branchTable(around, open);
    return [around === row ? null : element("h4", {}, element("button", { class: "link", type: "button", onclick: () => open(around.index) }, trail(around).join(" / "))),
      place, ...charts(lines)];
  });
  const others = row.unit ? [] : metricsIn(row);
  const values = others.length ? metricValues(others, open, { named: !row.isStep || row.children.length > 0 }) : [];
  const more = compared.length > 8 ? element("p", { class: "hint" }, `and ${counted(compared.length - 8, "more table")}, each at its step`) : null;
  return section("Metrics", tables, more, values);
}

// The maps and loops in a row, outermost first, whose branches have metrics of their own.
function comparedIn(row) {
  return row.children.flatMap((child) => {
    const inner = rows[child];
    return [...(isCompared(inner) ? [inner] : []), ...comparedIn(inner)];
  });
}
