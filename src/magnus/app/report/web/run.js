// The run that the page shows. `useReport` takes a report, or a newer report of the same run, and computes everything else.

const NO_HEAD = { message: "", damage: "", dag_hash: "", initial: [], final: [], configuration: [], environment: [], code: [], next: [], commands: [] };
const NO_ROW = { attempts: [], outputs: [], metrics: [], series: [], files: [], message: "", path: "" };

let report, head, rows, failures, lastTime, endTime;

const isBad = (row) => row.status === "FAIL" || row.status === "LOST";
const isLeaf = (row) => row.isStep && row.children.length === 0;
const retries = (row) => Math.max(0, row.attempts.length - 1);

function useReport(data) {
  report = data;
  head = { ...NO_HEAD, ...data.head };
  rows = data.rows.map((row, index) => ({
    ...NO_ROW, ...row,
    index,
    children: [],
    counts: {},
    label: row.name,
    isStep: row.type !== "run" && row.type !== "branch",
    look: row.reused ? "REUSED" : row.status,
  }));
  connect();
  count();
  // Rows that failed by themselves, in order; what is around them is red because of them.
  failures = rows.filter((row) => row.isStep && isBad(row) && !row.children.some((inner) => isBad(rows[inner])
    || rows[inner].children.some((step) => isBad(rows[step])))).map((row) => row.index);
  lastTime = rows.reduce((last, row) => Math.max(last, row.end || 0, row.start || 0), 0);
  const isOver = head.status !== "PROCESSING";
  endTime = isOver ? lastTime : Math.max(lastTime, new Date(head.written) - new Date(head.start));
}

// Give rows their children and their keys, which stay the same in newer reports. The step of a branch of one step stands
// for the branch.
function connect() {
  const used = new Map();
  for (const row of rows) {
    let around = rows[row.parent];
    if (around?.single && row.isStep) {
      row.branch = around;
      around.isHidden = true;
      row.parent = around.parent;
      Object.assign(row, { label: around.name, value: around.value, element: around.element });
      rows[row.parent].children.splice(-1, 1, row.index);
    } else around?.children.push(row.index);
    around = rows[row.parent];
    const key = around ? `${(row.branch ?? around).key}\0${row.name}` : "";
    const before = used.get(key) ?? 0;
    used.set(key, before + 1);
    row.key = before ? `${key}#${before}` : key;
  }
}

// Count how many leaves in each row look how; children stand after the row they are in.
function count() {
  for (let index = rows.length - 1; index > 0; index -= 1) {
    const row = rows[index];
    if (isLeaf(row)) row.counts[row.look] = 1;
    const around = rows[row.parent].counts;
    for (const [look, number] of Object.entries(row.counts)) around[look] = (around[look] || 0) + number;
  }
}

function endOf(row) {
  return row.end ?? (row.start === undefined ? undefined : endTime);
}

function took(row) {
  if (row.start === undefined) return null;
  if (row.status === "LOST" && row.end === undefined) return null;
  return endOf(row) - row.start;
}

function trail(row) {
  const names = [];
  for (let at = row; at.parent >= 0; at = rows[at.parent]) names.unshift(...(at.branch ? [at.branch.name, at.name] : [at.name]));
  return names;
}

function ancestors(row) {
  const found = [];
  for (let at = row.parent; at >= 0; at = rows[at].parent) found.push(at);
  return found;
}

function definitionOf(row) {
  return row.definition === undefined ? {} : report.definitions[row.definition];
}

function summary(counts) {
  const order = ["FAIL", "LOST", "PROCESSING", "SUCCESS", "REUSED", "TRIGGERED", "CREATED"];
  return order.filter((look) => counts[look]).map((look) => `${number.format(counts[look])} ${WORDS[look][0]}`).join(", ");
}
