// Which rows the list shows: open rows, or the matches of a search and a filter with what is around them.

const LARGE = 12;
const FILTERS = [
  ["all", "All", () => true],
  ["failed", "Failed", isBad],
  ["running", "Running", (row) => row.status === "PROCESSING"],
  ["retried", "Retried", (row) => retries(row) > 0],
  ["reused", "Reused", (row) => row.look === "REUSED"],
];

const levelOf = (row) => ancestors(row).length;
const isGreen = (row) => [row.look, ...Object.keys(row.counts)].every((look) => look === "SUCCESS" || look === "REUSED");

class Listing {
  constructor() {
    this.query = "";
    this.filter = "all";
    this.found = 0;
    this.open = new Set();
    this.seen = new Set();
    this.renew();
  }

  // Take the rows of a newer report. Rows that were there stay open or folded; new ones are open if that leaves the list
  // short and they are no map or loop without a failure.
  renew() {
    for (const row of rows) {
      if (!row.children.length || this.seen.has(row.key)) continue;
      this.seen.add(row.key);
      const isShort = row.children.length <= LARGE && (rows.length < 400 || levelOf(row) < 2);
      if (row.index === 0 || (isShort && !(row.unit && isGreen(row)))) this.open.add(row.key);
    }
    this.compute();
  }

  get isNarrowed() {
    return this.query !== "" || this.filter !== "all";
  }

  isOpen(row) {
    return this.open.has(row.key);
  }

  matches(row) {
    const [, , test] = FILTERS.find(([name]) => name === this.filter);
    if (row.index === 0 || row.isHidden || !test(row)) return false;
    row.words ??= [trail(row).join(" / "), row.path, row.type, row.message, definitionOf(row).command].join(" ").toLowerCase();
    return row.words.includes(this.query);
  }

  compute() {
    this.found = 0;
    this.shown = [];
    if (this.isNarrowed) this.addMatches();
    else this.addOpen(rows[0]);
    this.places = new Map(this.shown.map((index, place) => [index, place]));
  }

  addOpen(row) {
    this.shown.push(row.index);
    if (this.isOpen(row)) row.children.forEach((child) => this.addOpen(rows[child]));
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
    return this.isNarrowed ? next !== undefined && rows[next].parent === index : this.isOpen(rows[index]);
  }

  toggle(index, open = !this.isOpen(rows[index])) {
    if (open) this.open.add(rows[index].key);
    else this.open.delete(rows[index].key);
    this.compute();
  }

  // Have a row in the list, wherever it is.
  include(index) {
    if (this.isNarrowed && this.places.has(index)) return;
    this.query = "";
    this.filter = "all";
    ancestors(rows[index]).forEach((around) => this.open.add(rows[around].key));
    this.compute();
  }
}
