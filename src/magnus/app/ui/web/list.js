// The list of runs: what filters it, and what is done with the runs in it.

const data = JSON.parse(document.getElementById("data").textContent);
const state = new ListState();
let version = "";

async function readJson(address) {
  try {
    const answer = await fetch(address);
    const value = await answer.json();
    trouble("list", value.problem ?? "");
    return value.problem ? null : value;
  } catch {
    trouble("list", "magnus ui does not answer; what is here may be old. Start it again, and the page goes on.");
    return null;
  }
}

const table = new RunTable(state, {
  read: (offset, limit) => readJson(state.addressOfPart(offset, limit)),
  onSort: (column) => {
    state.sortBy(column);
    refresh();
  },
  onChoose: () => showChosen(),
});

// Read the list again: because something else is wanted, or because it has changed.
let wanted = 0;
async function refresh({ isSameList = false } = {}) {
  state.keep();
  wanted += 1;
  const number = wanted;
  const offset = isSameList ? Math.floor(table.pane.scrollTop / table.rowHeight / PART) * PART : 0;
  document.body.classList.add("reading");
  const part = await readJson(state.addressOfPart(offset, PART));
  if (number !== wanted) return;
  document.body.classList.remove("reading");
  if (part) showPart(part, { isSameList });
}

function showPart(part, options) {
  version = part.version;
  table.show(part, options);
  showStatuses(part);
  showChoices(pipelines, "pipeline", part.pipelines, "Any pipeline");
  showChoices(tags, "tag", part.tags, "Any tag");
  count.textContent = state.isNarrowed ? `${number.format(part.matching)} of ${counted(part.runs, "run")}` : counted(part.runs, "run");
  empty.hidden = part.matching > 0;
  empty.textContent = part.runs ? "No run is like that." : "There are no runs yet. magnus execute pipeline.yaml makes one.";
}

// Filters

const search = element("input", { type: "search", id: "search", placeholder: "Search runs  ( / )", "aria-label": "Search runs", autocomplete: "off", spellcheck: "false" });
const since = element("input", { id: "since", placeholder: "Since", "aria-label": "Started since: an age such as 2d, or a date", title: "An age such as 2d or 1h30m, or a date such as 2026-01-31", list: "ages", autocomplete: "off", spellcheck: "false" });
const ages = element("datalist", { id: "ages" }, ["1h", "12h", "1d", "7d", "30d"].map((age) => element("option", { value: age })));
const pipelines = element("select", { id: "pipelines", "aria-label": "Pipeline" });
const tags = element("select", { id: "tags", "aria-label": "Tag" });
const statuses = element("div", { class: "filters", role: "group", "aria-label": "Status" });
const count = element("span", { class: "found", role: "status", id: "count" });
const empty = element("p", { class: "hint empty", hidden: true });

function afterTyping(input, act) {
  let timer = 0;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(act, 150);
  });
}

afterTyping(search, () => {
  state.text = search.value.trim();
  refresh();
});
since.addEventListener("change", () => {
  state.since = since.value.trim();
  refresh();
});

function showStatuses(part) {
  const focused = statuses.contains(document.activeElement) ? document.activeElement.dataset.status : null;
  const names = Object.keys(LOOKS).filter((status) => part.statuses[status] || state.statuses.includes(status));
  statuses.replaceChildren(...names.map((status) => element("button", { type: "button", "data-status": status, "aria-pressed": String(state.statuses.includes(status)),
    onclick: () => {
      state.toggleStatus(status);
      refresh();
    } }, LOOKS[status][0].toUpperCase() + LOOKS[status].slice(1), element("span", { class: "count" }, number.format(part.statuses[status] ?? 0)))));
  if (focused) statuses.querySelector(`[data-status="${focused}"]`)?.focus();
}

function showChoices(select, name, values, any) {
  const all = state[name] && !values.includes(state[name]) ? [state[name], ...values] : values;
  select.replaceChildren(element("option", { value: "" }, any), ...all.map((value) => element("option", { value }, value)));
  select.value = state[name];
  select.disabled = !all.length;
}

for (const [select, name] of [[pipelines, "pipeline"], [tags, "tag"]]) {
  select.addEventListener("change", () => {
    state[name] = select.value;
    refresh();
  });
}

// Columns

const names = element("div", { class: "names", role: "group", "aria-label": "Columns" });
const nameSearch = element("input", { type: "search", placeholder: "Find", "aria-label": "Find a column", autocomplete: "off", spellcheck: "false" });
const chooser = element("details", { class: "chooser", id: "columns" }, element("summary", { class: "quiet" }, "Columns"),
  element("div", { class: "card sheet" }, nameSearch, names));

function showNames(all) {
  const query = nameSearch.value.trim().toLowerCase();
  const matching = all.filter((name) => name.toLowerCase().includes(query));
  const box = (column) => {
    const input = element("input", { type: "checkbox" });
    input.checked = state.columns.includes(column);
    input.addEventListener("change", () => {
      state.toggleColumn(column, input.checked);
      refresh();
    });
    return element("label", {}, input, element("span", {}, nameOf(column)));
  };
  const group = (title, kind) => {
    const boxes = matching.filter((column) => kindOf(column) === kind).slice(0, 200).map(box);
    return boxes.length ? [element("h2", {}, title), ...boxes] : [];
  };
  const groups = [...group("Metrics", "metric"), ...group("Parameters", "parameter")];
  names.replaceChildren(...(groups.length ? groups : [element("p", { class: "hint" }, all.length ? "None is called so." : "These runs have no parameters or metrics.")]));
}

let knownNames = [];
chooser.addEventListener("toggle", async () => {
  if (!chooser.open) return;
  nameSearch.value = "";
  if (!knownNames.length) names.replaceChildren(element("p", { class: "hint" }, "Reading the names …"));
  nameSearch.focus();
  const answer = await readJson("columns.json");
  if (answer) knownNames = [...new Set([...state.columns, ...answer.names])];
  showNames(knownNames);
});
nameSearch.addEventListener("input", () => showNames(knownNames));
document.addEventListener("click", (event) => {
  if (chooser.open && !chooser.contains(event.target)) chooser.open = false;
});

// Comparing

const compare = element("button", { type: "button", class: "quiet", id: "compare", onclick: () => compareChosen() });
const clear = element("button", { type: "button", class: "quiet", id: "clear", onclick: () => {
  table.chosen.clear();
  table.draw(true);
  showChosen();
} }, "Clear");

function showChosen() {
  const chosen = table.chosen.size;
  compare.textContent = chosen ? `Compare ${counted(chosen, "run")}` : "Compare";
  compare.disabled = chosen < 2;
  compare.title = chosen < 2 ? "Choose two or more runs in the list" : "";
  clear.hidden = chosen === 0;
}

// The run that started first is the one that others are compared with.
function compareChosen() {
  const chosen = [...table.chosen].sort(([, one], [, other]) => new Date(one) - new Date(other)).map(([runId]) => runId);
  if (chosen.length > 1) location.href = addressOfComparison(chosen);
}

// Keys

function chooseAtCursor() {
  const row = table.atCursor;
  if (row) table.choose(row);
}

function openAtCursor() {
  const row = table.atCursor;
  if (row) location.href = addressOfRun(row.run_id);
}

function widen() {
  if (chooser.open) {
    chooser.open = false;
    chooser.firstChild.focus();
    return;
  }
  if (!state.isNarrowed) return;
  Object.assign(state, { text: "", pipeline: "", tag: "", since: "", statuses: [] });
  [search.value, since.value] = ["", ""];
  refresh();
}

const keys = {
  ArrowDown: () => table.moveBy(1), j: () => table.moveBy(1), ArrowUp: () => table.moveBy(-1), k: () => table.moveBy(-1),
  PageDown: () => table.moveByPage(1), PageUp: () => table.moveByPage(-1),
  Home: () => table.moveBy(-Infinity), End: () => table.moveBy(Infinity),
  Enter: openAtCursor, " ": chooseAtCursor, x: chooseAtCursor,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const where = event.target;
  if (event.key === "Escape") widen();
  else if (where.matches("input:not([type=checkbox]), select")) {
    if (event.key !== "ArrowDown" || where !== search) return;
    table.pane.focus();
  } else if (event.key === "/") {
    search.focus();
    search.select();
  } else if (event.key === "c") compareChosen();
  else if (event.key === "j" || event.key === "k" || event.key === "x") keys[event.key]();
  else if ((where === table.pane || where === document.body) && keys[event.key]) keys[event.key]();
  else return;
  event.preventDefault();
});

[search.value, since.value] = [state.text, state.since];
document.body.classList.add("list-page");
document.body.append(
  navigation("runs", element("span", { class: "store hint" }, `run log store: ${data.store}`), themeSwitch()), banner,
  element("main", { class: "plain list" }, element("section", { class: "card", "aria-label": "Runs" },
    element("div", { class: "bar" }, search, statuses, pipelines, tags, since, ages, count, element("span", { class: "tools" }, chooser, compare, clear)),
    table.pane, empty)),
  element("footer", { class: "foot" }, element("span", { class: "keys" },
    ["↑ ↓ move", "Enter opens", "Space chooses", "c compares", "/ searches", "Esc shows all"].map((text) => element("span", {}, text)))),
);
showChosen();
table.pane.focus({ preventScroll: true });
if (data.page) showPart(data.page);
else {
  table.showHeadings();
  trouble("list", data.problem);
}
setInterval(() => table.showTimes(), 1000);
follow("runs", () => `runs.events?${new URLSearchParams({ seen: version })}`, { runs: (latest) => {
  if (latest !== version) refresh({ isSameList: true });
} });
