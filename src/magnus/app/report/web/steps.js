// The list of steps beside the time each took: a tree of which only what can be seen is in the document.

const ROW_HEIGHT = 28;
const BEYOND = 6;

function note(row) {
  const bad = (row.counts.FAIL || 0) + (row.counts.LOST || 0);
  const failed = bad ? element("span", { class: "bad" }, `${number.format(bad)} ${row.counts.FAIL ? "failed" : "lost"}`) : null;
  const parts = row.branch ? [row.name] : [];
  if (row.unit) parts.push(counted(row.children.length, row.unit, row.unit === "branch" ? "branches" : undefined));
  else if (retries(row)) parts.push(`${row.attempts.length} attempts`);
  else if (row.look === "REUSED") parts.push("reused");
  else if (row.mock) parts.push("mocked");
  if (failed && (row.unit || row.index === 0)) parts.push(failed);
  return parts.length ? element("span", { class: "note" }, parts.flatMap((part, place) => (place ? [" · ", part] : [part]))) : null;
}

function spoken(row) {
  return [row.branch ? `${row.label}, ${row.name}` : row.name, row.type, WORDS[row.look][0], duration(took(row)), retries(row) ? `${row.attempts.length} attempts` : "",
    row.children.length ? summary(row.counts) : ""].filter(Boolean).join(", ");
}

function lineOf(row, { isOpen, isOpened, isCursor, top }) {
  const siblings = row.parent < 0 ? [0] : rows[row.parent].children;
  const level = levelOf(row);
  const made = element("div", {
    class: isCursor ? "row cursor" : "row", role: "treeitem", id: `row-${row.index}`, "data-row": row.index, "aria-level": level + 1,
    "aria-setsize": siblings.length, "aria-posinset": (row.place ??= siblings.indexOf(row.index) + 1),
    "aria-label": spoken(row), "aria-selected": String(isOpened), title: [row.label, row.branch ? row.name : "", row.message.split("\n")[0]].filter(Boolean).join("\n"),
    "aria-expanded": row.children.length ? String(isOpen) : null,
  },
  element("span", { class: "name" },
    element("span", { class: "twist", "aria-hidden": "true" }, row.children.length ? (isOpen ? "▾" : "▸") : ""),
    mark(row.look), element("span", { class: row.isStep && !row.branch ? "text" : "text group" }, row.label), note(row)),
  element("span", { class: "took" }, duration(took(row))),
  element("span", { class: "track" }, bars(row)));
  made.firstChild.style.paddingLeft = `${8 + level * 16}px`;
  made.style.top = `${top}px`;
  return made;
}

function filterButtons(onChoose) {
  const counts = { all: rows.filter((row) => row.isStep).length, failed: failures.length };
  return FILTERS.map(([name, label, test]) => {
    const count = counts[name] ?? rows.filter((row) => row.isStep && test(row)).length;
    return count || name === "all" ? element("button", { type: "button", "data-filter": name, onclick: () => onChoose(name) },
      label, element("span", { class: "count" }, number.format(count))) : null;
  }).filter(Boolean);
}

class Steps {
  constructor(onOpen) {
    this.onOpen = onOpen;
    this.listing = new Listing();
    this.cursor = 0;
    this.opened = 0;
    this.drawn = "";
    this.build();
    this.listen();
    this.showFilters();
    this.show();
  }

  // Take the rows of a newer report; `moved` gives the new index of a row.
  renew(moved) {
    this.listing.renew();
    this.cursor = moved(this.cursor);
    this.opened = moved(this.opened);
    this.showFilters();
    drawAxis(this.axis, this.lines);
    this.show();
  }

  build() {
    this.lines = element("div", { class: "lines", "aria-hidden": "true" });
    this.body = element("div", { class: "rows" });
    this.canvas = element("div", { class: "canvas" }, this.lines, this.body);
    this.tree = element("div", { class: "tree", id: "steps", role: "tree", tabindex: "0", "aria-label": "Steps" }, this.canvas);
    this.axis = element("div", { class: "axis", "aria-hidden": "true" });
    this.search = element("input", { type: "search", id: "search", placeholder: "Search steps  ( / )", "aria-label": "Search steps",
      autocomplete: "off", spellcheck: "false" });
    this.found = element("span", { class: "found", role: "status" });
    this.filters = element("div", { class: "filters", role: "group", "aria-label": "Show" });
    this.pane = element("section", { class: "card steps", "aria-label": "Steps and timeline" },
      element("div", { class: "bar" }, element("h2", {}, "Steps"), this.filters, this.found, this.search),
      element("div", { class: "heading", "aria-hidden": "true" }, element("span", {}, "Step"), element("span", {}, "Took"), this.axis),
      this.tree);
  }

  listen() {
    this.tree.addEventListener("scroll", () => this.draw(), { passive: true });
    this.tree.addEventListener("click", (event) => this.clicked(event));
    this.tree.addEventListener("dblclick", (event) => {
      const line = event.target.closest("[data-row]");
      if (line && !event.target.classList.contains("twist")) this.toggle(Number(line.dataset.row));
    });
    this.search.addEventListener("input", () => this.setQuery(this.search.value));
    this.search.addEventListener("keydown", (event) => this.typed(event));
    new ResizeObserver(() => {
      drawAxis(this.axis, this.lines);
      this.redraw();
    }).observe(this.tree);
  }

  clicked(event) {
    const line = event.target.closest("[data-row]");
    if (!line) return;
    this.cursor = Number(line.dataset.row);
    if (event.target.classList.contains("twist") && rows[this.cursor].children.length) this.toggle(this.cursor);
    else this.onOpen(this.cursor);
  }

  typed(event) {
    const first = this.listing.firstMatch();
    if (event.key === "Enter" && first !== undefined) this.onOpen(first);
    else if (event.key === "ArrowDown" && first !== undefined) this.moveTo(first);
    else if (event.key === "Escape") this.setQuery("");
    else return;
    this.tree.focus();
    event.preventDefault();
    event.stopPropagation();
  }

  // Drawing

  showFilters() {
    const focused = this.filters.contains(document.activeElement) ? document.activeElement.dataset.filter : "";
    this.filters.replaceChildren(...filterButtons((name) => this.setFilter(name)));
    this.filters.querySelector(`[data-filter="${focused}"]`)?.focus();
  }

  show() {
    const { listing } = this;
    if (!listing.places.has(this.cursor)) this.cursor = listing.firstMatch() ?? 0;
    this.found.textContent = listing.isNarrowed ? counted(listing.found, "step") : "";
    if (this.search.value.trim().toLowerCase() !== listing.query) this.search.value = listing.query;
    for (const button of this.filters.children) button.setAttribute("aria-pressed", String(button.dataset.filter === listing.filter));
    this.canvas.style.height = `${listing.shown.length * ROW_HEIGHT}px`;
    this.redraw();
  }

  redraw() {
    this.drawn = "";
    this.draw();
  }

  draw() {
    const { shown } = this.listing;
    const { scrollTop, clientHeight } = this.tree;
    // The lines that are still there keep a shorter list scrolled to where it no longer is.
    const top = Math.min(scrollTop, Math.max(0, shown.length * ROW_HEIGHT - clientHeight));
    const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - BEYOND);
    const last = Math.min(shown.length, Math.ceil((top + clientHeight) / ROW_HEIGHT) + BEYOND);
    if (`${first} ${last}` === this.drawn) return;
    this.drawn = `${first} ${last}`;
    this.body.replaceChildren(...shown.slice(first, last).map((index, number) => lineOf(rows[index], {
      isOpen: this.listing.isOpenAt(first + number), isOpened: index === this.opened, isCursor: index === this.cursor,
      top: (first + number) * ROW_HEIGHT,
    })));
    this.tree.setAttribute("aria-activedescendant", `row-${this.cursor}`);
  }

  // Scroll as little as makes the cursor visible, or so that it has something before it.
  reveal(before = 1) {
    const top = this.listing.places.get(this.cursor) * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.tree;
    if (top < scrollTop) this.tree.scrollTop = top - before * ROW_HEIGHT;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) {
      this.tree.scrollTop = before > 1 ? top - before * ROW_HEIGHT : top - clientHeight + 2 * ROW_HEIGHT;
    }
  }

  // What is asked for

  moveTo(index) {
    this.cursor = index;
    this.reveal();
    this.redraw();
  }

  moveBy(number) {
    const { shown } = this.listing;
    this.moveTo(shown[Math.min(shown.length - 1, Math.max(0, this.listing.places.get(this.cursor) + number))]);
  }

  moveByPage(number) {
    this.moveBy(number * Math.max(1, Math.floor(this.tree.clientHeight / ROW_HEIGHT) - 1));
  }

  toggle(index, open) {
    if (!rows[index].children.length || this.listing.isNarrowed) return;
    this.listing.toggle(index, open);
    this.show();
  }

  goIn() {
    const row = rows[this.cursor];
    if (!row.children.length) return;
    if (this.listing.isOpenAt(this.listing.places.get(row.index))) this.moveBy(1);
    else this.toggle(row.index, true);
  }

  goOut() {
    const row = rows[this.cursor];
    if (row.children.length && !this.listing.isNarrowed && this.listing.isOpen(row)) this.toggle(row.index, false);
    else if (row.parent >= 0) this.moveTo(row.parent);
  }

  // Show a row wherever it is, as the one that is open.
  goTo(index) {
    this.listing.include(index);
    this.cursor = index;
    this.opened = index;
    this.show();
    this.reveal(Math.floor(this.tree.clientHeight / ROW_HEIGHT / 3));
    this.redraw();
  }

  setOpened(index) {
    this.opened = index;
    this.redraw();
  }

  setQuery(text) {
    this.listing.query = text.trim().toLowerCase();
    this.listing.compute();
    this.show();
  }

  setFilter(name) {
    this.listing.filter = name;
    this.listing.compute();
    this.show();
  }

  // End a search, or else a filter; false when there is neither.
  widen() {
    if (this.listing.query !== "") this.setQuery("");
    else if (this.listing.filter !== "all") this.setFilter("all");
    else return false;
    return true;
  }
}
