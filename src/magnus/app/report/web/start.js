// The page of a run: its head, the picture, the list and the details, and what keys and clicks do. `RunPage.show` takes a
// report, and later a newer report of the same run, for which folding, scrolling, selection and search stay.

const wide = matchMedia("(min-width: 1000px)");

// The first line of a message, and the last one, which is the one that matters in output.
function inOneLine(message) {
  const lines = message.split("\n").map((line) => line.trim()).filter(Boolean);
  return lines.length > 1 ? `${lines[0]}: ${lines[lines.length - 1]}` : lines[0] || "";
}

class RunPage {
  // `place` is the element that the page fills.
  constructor(place = document.body) {
    this.place = place;
    this.current = 0;
    this.theme = themeSwitch();
  }

  show(data) {
    const key = this.steps ? rows[this.current].key : "";
    const keys = this.steps ? rows.map((row) => row.key) : [];
    useReport(data);
    if (!this.steps) {
      this.begin();
      return;
    }
    const byKey = new Map(rows.map((row) => [row.key, row.index]));
    this.current = byKey.get(key) ?? 0;
    this.showHead();
    this.steps.renew((index) => byKey.get(keys[index]) ?? 0);
    this.details.renew(this.current);
    this.graph.renew(this.current);
  }

  begin() {
    const open = (index, how) => this.open(index, how);
    this.steps = new Steps(open);
    this.details = new Details(open, () => this.close());
    this.graph = new GraphPane(open);
    this.head = element("header", { class: "top" });
    this.foot = element("footer", { class: "foot" });
    this.main = element("main", {}, this.graph.pane, this.steps.pane, this.details.pane);
    this.place.append(this.head, this.main, this.foot);
    document.addEventListener("keydown", (event) => this.pressed(event));
    this.showHead();
    this.graph.renew(0);
    printing(this.main, this.graph);
    this.details.show(0);
    if (head.cause !== undefined) {
      if (wide.matches) this.open(head.cause);
      else {
        this.steps.goTo(head.cause);
        this.steps.setOpened(0);
      }
    }
    this.steps.tree.focus({ preventScroll: true });
  }

  open(index, { focus = false } = {}) {
    this.current = index;
    this.steps.goTo(index);
    this.graph.setOpened(index);
    this.details.show(index);
    document.body.classList.add("detailed");
    if (focus) this.details.pane.focus();
  }

  close() {
    document.body.classList.remove("detailed", "wide-details");
    this.current = 0;
    this.steps.setOpened(0);
    this.graph.setOpened(0);
    this.details.show(0);
    this.steps.tree.focus();
  }

  showHead() {
    const focused = this.head.contains(document.activeElement) ? document.activeElement.id : "";
    this.head.replaceChildren(...pageHead((index) => this.open(index, { focus: true }), this.theme));
    this.foot.replaceChildren(
      element("span", { class: "keys" }, ["↑ ↓ move", "Enter opens", "/ searches", "f next failure", "Esc closes"].map((text) => element("span", {}, text))),
      element("span", {}, "Written by magnus ", head.magnus, ", ", when(head.written)));
    if (focused) document.getElementById(focused)?.focus();
  }

  nextFailure() {
    if (!failures.length) return;
    this.open(failures.find((index) => index > this.steps.cursor) ?? failures[0]);
  }

  get keys() {
    const { steps } = this;
    return {
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
      Enter: () => this.open(steps.cursor, { focus: true }),
    };
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.main.isConnected) return;
    const where = event.target;
    const { steps, keys } = this;
    if (where.matches("input, textarea, select, dialog, dialog *")) return;
    const free = where === steps.tree || where === document.body;
    if (event.key === "/") {
      steps.search.focus();
      steps.search.select();
    } else if (event.key === "Escape") {
      if (!steps.widen()) this.close();
    } else if (event.key === "f") this.nextFailure();
    else if (event.key === "j" || event.key === "k") {
      keys[event.key]();
      steps.tree.focus();
    } else if (free && keys[event.key]) keys[event.key]();
    else return;
    event.preventDefault();
  }
}

function pageHead(open, theme) {
  const statement = { SUCCESS: "The run succeeded.", PROCESSING: "The run was still running when this report was written." }[head.status];
  const cause = head.cause === undefined ? null : rows[head.cause];
  const verdict = cause
    ? element("button", { type: "button", class: `verdict ${head.status}`, id: "verdict", onclick: () => open(head.cause) },
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
    head.tag ? fact("Tag", head.tag) : null, head.original_run_id ? fact("Resumes", head.original_run_id) : null,
  ];
  return [
    element("div", { class: "title" }, element("h1", {}, head.run_id), badge(head.status), theme),
    head.description ? element("p", { class: "description" }, head.description) : null,
    verdict, element("dl", { class: "facts" }, facts.filter(Boolean)),
  ].filter(Boolean);
}
