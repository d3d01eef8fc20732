// Two or more runs side by side: what they are, their values, and what differs in each from the first one.

const { runs, values: valueRows, against } = JSON.parse(document.getElementById("data").textContent);

const KINDS = { given: "input", got: "got", set: "set", metric: "metric", put: "put", type: "type", status: "status", message: "message", attempts: "attempts", branches: "branches", ran: "ran" };
const plainNumber = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 6, useGrouping: false });
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

const shownValue = (value) => (value === null ? "" : typeof value === "number" ? plainNumber.format(value) : String(value));

function heading(title, ...more) {
  return element("div", { class: "bar" }, element("h2", {}, title), more);
}

function columnHeads(first) {
  return element("thead", {}, element("tr", {}, element("th", { scope: "col" }, first), runs.map((run, number) =>
    element("th", { scope: "col" }, runs.length > 1 ? element("b", { class: "letter" }, letters[number]) : null, element("span", {}, run.run_id)))));
}

function lookOf(status) {
  return status in WORDS ? badge(status) : element("span", { class: "badge LOST" }, mark("LOST"), status.toLowerCase());
}

function sides() {
  const row = (title, cell, isShown = true) => (isShown ? element("tr", {}, element("th", { scope: "row" }, title), runs.map((run) => element("td", {}, cell(run)))) : null);
  const has = (name) => runs.some((run) => run[name]);
  return element("section", { class: "card" }, heading("Runs"), element("div", { class: "sheet" }, element("table", { class: "sides" },
    element("thead", {}, element("tr", {}, element("td", {}), runs.map((run, number) => element("th", { scope: "col" },
      element("b", { class: "letter" }, letters[number]), element("a", { href: addressOfRun(run.run_id) }, run.run_id))))),
    element("tbody", {},
      row("Status", (run) => lookOf(run.status)),
      row("Pipeline", (run) => run.pipeline, has("pipeline")),
      row("Tag", (run) => run.tag, has("tag")),
      row("Started", (run) => (run.start ? when(run.start) : "")),
      row("Took", (run) => duration(run.took)),
      row("Message", (run) => run.message ?? "", has("message")),
      row("Damaged records", (run) => (run.damage ?? []).join("\n"), has("damage"))))));
}

// How much a number is above the one of the first run, which tells more than both.
function delta(first, value) {
  if (typeof first !== "number" || typeof value !== "number" || first === value) return null;
  const part = first === 0 ? "" : `, ${value > first ? "+" : "−"}${plainNumber.format(Math.round(Math.abs((value - first) / first) * 1000) / 10)} %`;
  return element("span", { class: "delta" }, `${value > first ? "+" : "−"}${plainNumber.format(Math.abs(value - first))}${part}`);
}

const isSame = (row) => row.cells.every((cell) => cell === row.cells[0]);

function valueTable(title, kind) {
  const all = valueRows.filter((row) => row.name.startsWith(kind));
  if (!all.length) return null;
  const differing = all.filter((row) => !isSame(row));
  const body = element("tbody");
  const line = (row) => element("tr", { class: isSame(row) ? "same" : "differs" }, element("th", { scope: "row" }, row.name.slice(kind.length)),
    row.cells.map((cell, number) => element("td", {}, element("code", {}, shownValue(cell)), number ? delta(row.cells[0], cell) : null)));
  const none = element("p", { class: "hint sheet" }, "All are the same.");
  const toggle = element("button", { type: "button", class: "quiet", "aria-pressed": "true" }, "Only differences");
  const show = () => {
    const isNarrow = toggle.getAttribute("aria-pressed") === "true";
    body.replaceChildren(...(isNarrow ? differing : all).map(line));
    none.hidden = !isNarrow || differing.length > 0;
    table.hidden = !none.hidden;
  };
  toggle.addEventListener("click", () => {
    toggle.setAttribute("aria-pressed", String(toggle.getAttribute("aria-pressed") !== "true"));
    show();
  });
  const table = element("div", { class: "sheet" }, element("table", { class: "side-by-side" }, columnHeads("Name"), body));
  show();
  return element("section", { class: "card", "aria-label": title },
    heading(title, element("span", { class: "found" }, `${number.format(differing.length)} of ${number.format(all.length)} differ`), element("span", { class: "tools" }, toggle)), none, table);
}

function changeLine(change) {
  const { kind, what = "", before = "", after = "" } = change;
  return element("li", {}, element("span", { class: "kind" }, KINDS[kind] ?? kind), what ? element("span", { class: "what" }, what) : null,
    element("del", {}, before || "none"), element("span", { "aria-label": "is now" }, "→"), element("ins", {}, after || "none"));
}

function more(left, noun) {
  return left ? element("p", { class: "hint" }, `and ${counted(left, `more ${noun}`)}; magnus diff --json has all`) : null;
}

function part(title, ...content) {
  const filled = content.flat().filter(Boolean);
  return filled.length ? element("section", {}, element("h3", {}, title), filled) : null;
}

function stepPart(step) {
  const only = step.changes.find((change) => change.kind === "ran");
  if (only) return element("li", {}, element("b", {}, step.step), ` only in ${only.before ? "the first run" : "this run"} (${only.before || only.after})`);
  return element("li", {}, element("b", {}, step.step), element("ul", { class: "changes" }, step.changes.map(changeLine)), more(step.more, "difference"));
}

function timeLine(timing) {
  return element("tr", {}, element("th", { scope: "row" }, timing.step || "the run"), element("td", { class: "number" }, duration(timing.before)),
    element("td", { class: "number" }, duration(timing.after)), element("td", { class: "number" },
      element("span", { class: "delta" }, `${timing.after < timing.before ? "−" : "+"}${duration(Math.abs(timing.after - timing.before))}`)));
}

function differences(other, index) {
  const names = `${letters[0]} and ${letters[index + 1]}`;
  return element("section", { class: "card", "aria-label": `Differences of ${names}` },
    heading(runs.length > 2 ? `${names}: ${runs[index + 1].run_id}` : "Why they differ"),
    element("div", { class: "sheet differences" },
      element("p", { class: other.differs ? "verdict-line differs" : "verdict-line" }, other.verdict),
      part("Causes, the earliest first", other.causes.length ? element("ol", {}, other.causes.map((text) => element("li", {}, text))) : null, more(other.more_causes, "cause")),
      part("Cached steps that ran again", other.reruns.length ? element("ul", {}, other.reruns.map((one) => element("li", {}, element("b", {}, one.what), ` ${one.after}`))) : null),
      part("Outcome", other.run.length ? element("ul", { class: "changes" }, other.run.map(changeLine)) : null,
        other.steps.length ? element("ul", { class: "steps-that-differ" }, other.steps.map(stepPart)) : null, more(other.more_steps, "step")),
      part("Time", other.timings.length ? element("table", { class: "times" }, element("tbody", {}, other.timings.map(timeLine))) : null),
      part("Notes, which are no causes", other.notes.length ? element("ul", { class: "changes" }, other.notes.map(changeLine)) : null),
    ));
}

document.body.classList.add("flowing");
document.body.append(
  navigation("compare", themeSwitch()),
  element("main", { class: "plain comparison" },
    element("h1", {}, `Compare ${counted(runs.length, "run")}`), sides(), valueTable("Metrics", "metrics."), valueTable("Parameters", "params."), against.map(differences)),
);
