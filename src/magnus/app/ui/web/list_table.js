// The table of runs, of which only rows that can be seen are in the document; their data are read in parts.

const PART = 100;
const BEYOND = 8;
const WIDTHS = { choice: 38, status: 112, run: 300, pipeline: 160, tag: 100, started: 146, took: 88, value: 120 };
const MEDIUM_WIDTHS = { choice: 38, status: 112, run: 220, pipeline: 120, tag: 84, started: 108, took: 84, value: 110 };
const NARROW_WIDTHS = { choice: 34, status: 0, run: 200, pipeline: 0, tag: 0, started: 88, took: 70, value: 100 };

const narrow = matchMedia("(max-width: 699px)");
const medium = matchMedia("(max-width: 1099px)");
const LOOKS = { SUCCESS: "succeeded", FAIL: "failed", LOST: "lost", PROCESSING: "running", DAMAGED: "damaged", TRIGGERED: "waiting", CREATED: "not begun" };

const plainNumber = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 6, useGrouping: false });
const dayOfYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const minute = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

function shownCell(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "number" ? plainNumber.format(value) : String(value);
}

// The duration of a run, which grows as long as it runs.
function tookNow(row) {
  if (row.took === undefined) return null;
  return row.status === "PROCESSING" ? row.took + performance.now() - row.received : row.took;
}

class RunTable {
  // `read` gives a part of the list by its offset and length; `onChoose` is called when other runs are chosen.
  constructor(state, { read, onSort, onChoose }) {
    Object.assign(this, { state, read, onSort, onChoose });
    this.rows = new Map();
    this.chosen = new Map();
    this.total = 0;
    this.cursor = 0;
    this.generation = 0;
    [this.reading, this.stale] = [new Set(), new Set()];
    this.headings = element("tr");
    this.widths = element("colgroup");
    this.body = element("tbody");
    this.table = element("table", { class: "runs" }, this.widths, element("thead", {}, this.headings), this.body);
    this.pane = element("div", { class: "scroll", tabindex: "0", id: "runs", role: "group", "aria-label": "Runs" }, this.table);
    this.pane.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw(true)).observe(this.pane);
    for (const media of [narrow, medium]) media.addEventListener("change", () => this.showWidths());
  }

  get rowHeight() {
    return narrow.matches ? 52 : 32;
  }

  // Take the first part of a list; rows of an older list stay until there are newer ones.
  show(part, { isSameList = false } = {}) {
    this.generation += 1;
    this.reading.clear();
    if (!isSameList) {
      this.rows.clear();
      this.cursor = 0;
      this.pane.scrollTop = 0;
    }
    this.total = part.matching;
    for (const place of this.rows.keys()) if (place >= this.total) this.rows.delete(place);
    this.stale = new Set(this.rows.keys());
    this.take(part);
    this.showHeadings();
    this.draw(true);
  }

  take(part) {
    const received = performance.now();
    part.rows.forEach((row, number) => {
      row.received = received;
      this.rows.set(part.offset + number, row);
      this.stale.delete(part.offset + number);
    });
  }

  showHeadings() {
    const focused = this.headings.contains(document.activeElement) ? document.activeElement.dataset.column : null;
    const heading = (column, title, kind) => {
      const isSorted = this.state.sort === column;
      return element("th", { scope: "col", class: kind, "aria-sort": isSorted ? (this.state.isAscending ? "ascending" : "descending") : null, title: kind === "value" ? `${nameOf(column)}, a ${kindOf(column)}` : null },
        element("button", { type: "button", "data-column": column, onclick: () => this.onSort(column) }, element("span", {}, title),
          element("i", { "aria-hidden": "true" }, isSorted ? (this.state.isAscending ? "▲" : "▼") : "")));
    };
    this.headings.replaceChildren(element("th", { scope: "col", class: "choice" }, element("span", { class: "hidden" }, "Compare")),
      ...COLUMNS.map(([column, title]) => heading(column, title, column)),
      ...this.state.columns.map((column) => heading(column, nameOf(column), "value")));
    this.showWidths();
    if (focused) this.headings.querySelector(`[data-column="${CSS.escape(focused)}"]`)?.focus();
  }

  showTimes() {
    for (const line of this.body.querySelectorAll("[data-place]")) {
      const row = this.rows.get(Number(line.dataset.place));
      if (row?.status === "PROCESSING") line.querySelector(".took").textContent = duration(tookNow(row));
    }
  }

  showWidths() {
    const all = narrow.matches ? NARROW_WIDTHS : medium.matches ? MEDIUM_WIDTHS : WIDTHS;
    const kinds = ["choice", ...COLUMNS.map(([column]) => column), ...this.state.columns.map(() => "value")].filter((kind) => all[kind]);
    this.widths.replaceChildren(...kinds.map((kind) => {
      const made = element("col");
      made.style.width = `${all[kind]}px`;
      return made;
    }));
    this.table.style.width = `${kinds.reduce((sum, kind) => sum + all[kind], 0)}px`;
  }

  draw(isForced = false) {
    const height = this.rowHeight;
    const head = this.table.tHead.offsetHeight;
    const first = Math.max(0, Math.floor(this.pane.scrollTop / height) - BEYOND);
    const last = Math.min(this.total, Math.ceil((this.pane.scrollTop + this.pane.clientHeight - head) / height) + BEYOND);
    const key = `${first} ${last} ${height}`;
    if (!isForced && key === this.drawn) return;
    this.drawn = key;
    const focused = this.body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const space = (rows) => {
      const made = element("tr", { class: "space", "aria-hidden": "true" }, element("td", { colspan: COLUMNS.length + 1 + this.state.columns.length }));
      made.style.height = `${rows * height}px`;
      return made;
    };
    const lines = [];
    for (let place = first; place < last; place += 1) lines.push(this.line(place));
    this.body.replaceChildren(space(first), ...lines, space(this.total - last));
    this.table.setAttribute("aria-rowcount", this.total + 1);
    this.alignHeadings(first, last);
    if (focused) this.body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    this.need(first, last);
  }

  // Put the names of columns with numbers above the numbers, which stand to the right.
  alignHeadings(first, last) {
    const rows = [...this.rows].filter(([place]) => place >= first && place < last).map(([, row]) => row.cells ?? []);
    [...this.headings.querySelectorAll(".value")].forEach((heading, number) => {
      const cells = rows.map((row) => row[number]).filter((cell) => cell !== null && cell !== undefined);
      heading.classList.toggle("number", cells.length > 0 && cells.every((cell) => typeof cell === "number"));
    });
  }

  // Read the parts that have these rows, unless they are there or are being read.
  async need(first, last) {
    const { generation } = this;
    for (let offset = Math.floor(first / PART) * PART; offset < last; offset += PART) {
      let isMissing = false;
      for (let place = Math.max(first, offset); place < Math.min(last, offset + PART); place += 1) isMissing ||= !this.rows.has(place) || this.stale.has(place);
      if (!isMissing || this.reading.has(offset)) continue;
      this.reading.add(offset);
      this.read(offset, PART).then((part) => {
        if (!part || generation !== this.generation) return;
        this.reading.delete(offset);
        this.take(part);
        this.draw(true);
      });
    }
  }

  line(place) {
    const row = this.rows.get(place);
    const made = element("tr", { class: place === this.cursor ? "cursor" : "", "aria-rowindex": place + 2, "data-place": place });
    if (!row) {
      made.append(element("td", { class: "choice" }), element("td", { class: "hint", colspan: COLUMNS.length + this.state.columns.length }, "…"));
      return made;
    }
    const box = element("input", { type: "checkbox", "aria-label": `Compare ${row.run_id}`, "data-key": `box ${row.run_id}` });
    box.checked = this.chosen.has(row.run_id);
    box.addEventListener("change", () => this.choose(row, box.checked));
    const start = row.start ? new Date(row.start) : null;
    const look = row.status in WORDS ? row.status : "LOST";
    made.append(
      element("td", { class: "choice" }, box),
      element("td", { class: "status" }, element("span", { class: `badge ${look}` }, mark(look), element("span", { class: "word" }, LOOKS[row.status] ?? row.status))),
      element("td", { class: "run", title: [row.run_id, row.message].filter(Boolean).join("\n") },
        element("span", { class: "narrow" }, mark(look)),
        element("a", { href: addressOfRun(row.run_id), "data-key": `run ${row.run_id}` }, row.run_id),
        row.message ? element("span", { class: "note" }, row.message.split("\n")[0]) : null),
      element("td", { class: "pipeline", title: row.pipeline ?? "" }, row.pipeline ?? ""),
      element("td", { class: "tag", title: row.tag ?? "" }, row.tag ?? ""),
      element("td", { class: "started" }, start ? element("time", { datetime: row.start, title: row.start }, (start.getFullYear() === new Date().getFullYear() ? dayOfYear : day).format(start), " ", element("b", {}, minute.format(start))) : ""),
      element("td", { class: "took" }, duration(tookNow(row))),
      ...this.state.columns.map((_, number) => {
        const cell = (row.cells ?? [])[number];
        return element("td", { class: typeof cell === "number" ? "value number" : "value", title: shownCell(cell) }, shownCell(cell));
      }),
    );
    return made;
  }

  choose(row, isOn = !this.chosen.has(row.run_id)) {
    if (isOn) this.chosen.set(row.run_id, row.start ?? "");
    else this.chosen.delete(row.run_id);
    this.draw(true);
    this.onChoose();
  }

  // Keys

  moveBy(number) {
    if (!this.total) return;
    this.cursor = Math.min(this.total - 1, Math.max(0, this.cursor + number));
    const [top, height, head] = [this.cursor * this.rowHeight, this.rowHeight, this.table.tHead.offsetHeight];
    if (top < this.pane.scrollTop) this.pane.scrollTop = top;
    else if (top + height > this.pane.scrollTop + this.pane.clientHeight - head) this.pane.scrollTop = top + height - this.pane.clientHeight + head;
    this.draw(true);
  }

  moveByPage(number) {
    this.moveBy(number * Math.max(1, Math.floor(this.pane.clientHeight / this.rowHeight) - 2));
  }

  get atCursor() {
    return this.rows.get(this.cursor);
  }
}
