// Which rows the list shows: what is open, or what a search and a filter leave, with what is around it.

const LARGE = 12;
const FILTERS = [
  ["all", "All", () => true],
  ["failed", "Failed", isBad],
  ["running", "Running", (row) => row.status === "PROCESSING"],
  ["retried", "Retried", (row) => retries(row) > 0],
  ["reused", "Reused", (row) => row.look === "REUSED"],
];

const levelOf = (row) => ancestors(row).length;

class Listing {
  constructor() {
    this.query = "";
    this.filter = "all";
    this.found = 0;
    // At first all is open that leaves the list short; what is around a failure is opened by whoever goes there.
    this.open = new Set(rows.filter((row) => row.index === 0 || (row.children.length && row.children.length <= LARGE
      && (rows.length < 400 || levelOf(row) < 2))).map((row) => row.index));
    this.compute();
  }

  get isNarrowed() {
    return this.query !== "" || this.filter !== "all";
  }

  matches(row) {
    const [, , test] = FILTERS.find(([name]) => name === this.filter);
    if (row.index === 0 || !test(row)) return false;
    row.words ??= [trail(row).join(" / "), row.path, row.type, row.message, definitionOf(row).command].join(" ").toLowerCase();
    return row.words.includes(this.query);
  }

  compute() {
    this.found = 0;
    this.shown = [];
    if (this.isNarrowed) this.addMatches();
    else this.addOpen(rows[0]);
  }

  addOpen(row) {
    this.shown.push(row.index);
    if (this.open.has(row.index)) row.children.forEach((child) => this.addOpen(rows[child]));
  }

  addMatches() {
    const kept = new Set([0]);
    for (const row of rows) {
      if (!this.matches(row)) continue;
      if (row.isStep) this.found += 1;
      kept.add(row.index);
      ancestors(row).forEach((around) => kept.add(around));
    }
    this.shown = [...kept].sort((one, other) => one - other);
  }

  firstMatch() {
    return this.shown.find((index) => rows[index].isStep && this.matches(rows[index]));
  }

  isOpenAt(position) {
    const [index, next] = [this.shown[position], this.shown[position + 1]];
    return this.isNarrowed ? next !== undefined && rows[next].parent === index : this.open.has(index);
  }

  toggle(index, open = !this.open.has(index)) {
    if (open) this.open.add(index);
    else this.open.delete(index);
    this.compute();
  }

  // Have a row in the list, wherever it is.
  include(index) {
    if (this.isNarrowed && this.shown.includes(index)) return;
    this.query = "";
    this.filter = "all";
    ancestors(rows[index]).forEach((around) => this.open.add(around));
    this.compute();
  }
}
