// Puts the page together, and says what keys and clicks do.

const wide = matchMedia("(min-width: 1000px)");
let current = 0;

const steps = new Steps(open);
const details = detailsPane(open, closeDetails);
const graph = graphPane(open);

function open(index, { focus = false } = {}) {
  current = index;
  steps.goTo(index);
  graph.setOpened(index);
  details.show(index);
  document.body.classList.add("detailed");
  if (focus) details.pane.focus();
}

function closeDetails() {
  document.body.classList.remove("detailed");
  current = 0;
  steps.setOpened(0);
  graph.setOpened(0);
  details.show(0);
  steps.tree.focus();
}

// The first line, which says what happened, and the last, which of output is the one that matters.
function inOneLine(message) {
  const lines = message.split("\n").map((line) => line.trim()).filter(Boolean);
  return lines.length > 1 ? `${lines[0]}: ${lines[lines.length - 1]}` : lines[0] || "";
}

function pageHead() {
  const statement = { SUCCESS: "The run succeeded.", PROCESSING: "The run was still going on when this was written." }[head.status];
  const cause = head.cause === undefined ? null : rows[head.cause];
  const verdict = cause
    ? element("button", { type: "button", class: `verdict ${head.status}`, id: "verdict", onclick: () => open(head.cause, { focus: true }) },
      element("strong", {}, `${head.status === "LOST" ? "Lost in" : "Failed at"} ${trail(cause).join(" / ")}`),
      element("span", {}, inOneLine(cause.message || head.message)),
      failures.length > 1 ? element("em", {}, `and ${number.format(failures.length - 1)} more`) : null)
    : element("p", { class: `verdict ${head.status}`, id: "verdict" }, statement || head.message || WORDS[head.status][0]);
  const fact = (name, ...value) => element("div", {}, element("dt", {}, name), element("dd", {}, value));
  const length = head.end ? new Date(head.end) - new Date(head.start) : head.status === "LOST" ? null : endTime;
  const facts = [
    fact("Pipeline", head.pipeline), fact("Started", when(head.start)),
    length === null ? fact("Last seen after", duration(lastTime)) : fact(head.end ? "Took" : "So far", duration(length)),
    fact("Steps", summary(rows[0].counts) || "none"),
    head.tag ? fact("Tag", head.tag) : null, head.original_run_id ? fact("Went on with", head.original_run_id) : null,
  ];
  return element("header", { class: "top" },
    element("div", { class: "title" }, element("h1", {}, head.run_id), badge(head.status), themeSwitch()),
    head.description ? element("p", { class: "description" }, head.description) : null,
    verdict, element("dl", { class: "facts" }, facts.filter(Boolean)));
}

function themeSwitch() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try {
    chosen = localStorage.getItem("magnus-report-theme");
  } catch {
    // a browser that keeps nothing for files
  }
  const button = element("button", { type: "button", class: "quiet theme", id: "theme", title: "Light or dark" }, "◐");
  const show = () => {
    const theme = chosen || (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    button.setAttribute("aria-label", `Switch to ${theme === "dark" ? "light" : "dark"}`);
  };
  button.addEventListener("click", () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("magnus-report-theme", chosen);
    } catch {
      // it is dark or light until the page is closed
    }
    show();
  });
  dark.addEventListener("change", show);
  show();
  return button;
}

function nextFailure() {
  if (!failures.length) return;
  const after = failures.find((index) => index > steps.cursor);
  open(after ?? failures[0]);
}

const keys = {
  ArrowDown: () => steps.moveBy(1),
  j: () => steps.moveBy(1),
  ArrowUp: () => steps.moveBy(-1),
  k: () => steps.moveBy(-1),
  PageDown: () => steps.moveByPage(1),
  PageUp: () => steps.moveByPage(-1),
  Home: () => steps.moveBy(-Infinity),
  End: () => steps.moveBy(Infinity),
  ArrowRight: () => steps.goIn(),
  ArrowLeft: () => steps.goOut(),
  " ": () => steps.toggle(steps.cursor),
  Enter: () => open(steps.cursor, { focus: true }),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const where = event.target;
  if (where.matches("input, textarea")) return;
  const inTree = where === steps.tree;
  const free = inTree || where === document.body;
  if (event.key === "/") {
    steps.search.focus();
    steps.search.select();
  } else if (event.key === "Escape") {
    if (!steps.widen()) closeDetails();
  } else if (event.key === "f") nextFailure();
  else if (event.key === "j" || event.key === "k") {
    keys[event.key]();
    steps.tree.focus();
  } else if (free && keys[event.key]) keys[event.key]();
  else return;
  event.preventDefault();
});

const footer = element("footer", { class: "foot" },
  element("span", { class: "keys" }, ["↑ ↓ move", "Enter opens", "/ searches", "f next failure", "Esc closes"].map((text) => element("span", {}, text))),
  element("span", {}, "Written by magnus ", head.magnus, ", ", when(head.written)));

document.body.append(
  pageHead(),
  element("main", { class: graph.pane ? null : "plain" }, graph.pane, steps.pane, details.pane),
  footer,
);
document.getElementById("picture-source").remove();
printing(graph);
details.show(0);
if (head.cause !== undefined) {
  if (wide.matches) open(head.cause);
  else {
    steps.goTo(head.cause);
    steps.setOpened(0);
  }
}
steps.tree.focus({ preventScroll: true });
