// What the list shows: kept in the address of the page, so that it can be sent to somebody and is there after a reload.

const COLUMNS = [["status", "Status"], ["run", "Run"], ["pipeline", "Pipeline"], ["tag", "Tag"], ["started", "Started"], ["took", "Took"]];
const SINGLE = ["text", "pipeline", "tag", "since"];

class ListState {
  constructor() {
    const query = new URLSearchParams(location.search);
    for (const name of SINGLE) this[name] = query.get(name) ?? "";
    this.statuses = query.getAll("status");
    this.columns = query.getAll("column");
    this.sort = query.get("sort") ?? "started";
    this.isAscending = query.get("order") === "up";
  }

  get query() {
    const query = new URLSearchParams();
    for (const name of SINGLE) if (this[name]) query.set(name, this[name]);
    for (const status of this.statuses) query.append("status", status);
    for (const column of this.columns) query.append("column", column);
    if (this.sort !== "started" || this.isAscending) query.set("sort", this.sort);
    if (this.isAscending) query.set("order", "up");
    return query;
  }

  get isNarrowed() {
    return this.statuses.length > 0 || SINGLE.some((name) => this[name] !== "");
  }

  keep() {
    const query = String(this.query);
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
  }

  addressOfPart(offset, limit) {
    const query = this.query;
    query.set("offset", offset);
    query.set("limit", limit);
    return `runs.json?${query}`;
  }

  // Sort by a column; by the one that it is sorted by already, the other way round.
  sortBy(column) {
    this.isAscending = this.sort === column ? !this.isAscending : ["run", "pipeline", "tag", "status"].includes(column);
    this.sort = column;
  }

  toggleColumn(column, isOn) {
    this.columns = this.columns.filter((name) => name !== column);
    if (isOn) this.columns.push(column);
    else if (this.sort === column) [this.sort, this.isAscending] = ["started", false];
  }

  toggleStatus(status) {
    this.statuses = this.statuses.includes(status) ? this.statuses.filter((one) => one !== status) : [...this.statuses, status];
  }
}

const kindOf = (column) => (column.startsWith("metrics.") ? "metric" : "parameter");
const nameOf = (column) => column.slice(column.indexOf(".") + 1);
