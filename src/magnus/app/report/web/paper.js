// The printed report: failed steps with all their details, the list in full, and the run.

const MOST_ROWS_ON_PAPER = 600;
const MOST_FAILURES_ON_PAPER = 12;
const MOST_LINES_ON_PAPER = 60;

function paper() {
  const steps = rows.filter((row) => row.isStep);
  const kept = steps.length <= MOST_ROWS_ON_PAPER ? steps : steps.filter((row) => isBad(row) || ancestors(row).length === 1).slice(0, MOST_ROWS_ON_PAPER);
  const list = element("table", { class: "files overview" },
    element("thead", {}, element("tr", {}, ["Step", "Status", "Took", "When"].map((title) => element("th", { scope: "col" }, title)))),
    element("tbody", {}, kept.map((row) => element("tr", {},
      element("td", {}, trail(row).join(" / ")), element("td", {}, mark(row.look), ` ${WORDS[row.look][0]}`),
      element("td", { class: "number" }, duration(took(row))), element("td", { class: "when" }, element("span", { class: "track" }, bars(row)))))));
  const left = steps.length - kept.length;
  return element("div", { class: "on-paper" },
    failures.slice(0, MOST_FAILURES_ON_PAPER).map((index) => element("section", { class: "failed-step" },
      element("h2", {}, trail(rows[index]).join(" / ")), stepDetails(rows[index], () => {}).flat().filter(Boolean))),
    element("section", {}, element("h2", {}, "Steps"), list, left ? element("p", { class: "hint" }, `and ${counted(left, "more step", "more steps")}`) : null),
    element("section", {}, element("h2", {}, "The run"), runDetails(() => {}).flat().filter(Boolean)));
}

function printing(main, graph) {
  let made = null;
  const begin = () => {
    if (made) return;
    made = paper();
    made.querySelectorAll(".log").forEach((log) => {
      log.textContent = log.textContent.split("\n").slice(-MOST_LINES_ON_PAPER).join("\n");
    });
    made.querySelectorAll("details").forEach((details) => {
      details.open = true;
      details.dispatchEvent(new Event("toggle"));
    });
    made.querySelectorAll("img").forEach((image) => (image.loading = "eager"));
    main.after(made);
    graph.viewport.showWhole();
  };
  const end = () => {
    made?.remove();
    made = null;
    graph.viewport.apply();
  };
  window.addEventListener("beforeprint", begin);
  window.addEventListener("afterprint", end);
  matchMedia("print").addEventListener("change", (media) => (media.matches ? begin() : end()));
}
