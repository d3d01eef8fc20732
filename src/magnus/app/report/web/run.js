// The run as the page has it: rows with their children and their counts.

const report = JSON.parse(document.getElementById("data").textContent);
const head = { message: "", damage: "", dag_hash: "", initial: [], final: [], configuration: [], environment: [], code: [], commands: [], ...report.head };
const rows = report.rows.map((row, index) => ({
  attempts: [], outputs: [], metrics: [], files: [], message: "", path: "", ...row,
  index,
  children: [],
  isStep: row.type !== "run" && row.type !== "branch",
  look: row.reused ? "REUSED" : row.status,
}));

for (const row of rows) if (row.parent >= 0) rows[row.parent].children.push(row.index);

const isBad = (row) => row.status === "FAIL" || row.status === "LOST";
const isLeaf = (row) => row.isStep && row.children.length === 0;
const retries = (row) => Math.max(0, row.attempts.length - 1);

// How many leaves in a row, itself one or not, look how; children stand after the row they are in.
for (const row of rows) row.counts = {};
for (let index = rows.length - 1; index > 0; index -= 1) {
  const row = rows[index];
  if (isLeaf(row)) row.counts[row.look] = 1;
  const around = rows[row.parent].counts;
  for (const [look, count] of Object.entries(row.counts)) around[look] = (around[look] || 0) + count;
}

// Rows that failed by themselves, in order; what is around them is red because of them.
const failures = rows.filter((row) => row.isStep && isBad(row) && !row.children.some((inner) => isBad(rows[inner])
  || rows[inner].children.some((step) => isBad(rows[step])))).map((row) => row.index);

const lastTime = rows.reduce((last, row) => Math.max(last, row.end || 0, row.start || 0), 0);
const isOver = head.status !== "PROCESSING";
const endTime = isOver ? lastTime : Math.max(lastTime, new Date(head.written) - new Date(head.start));

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
  for (let at = row; at.parent >= 0; at = rows[at.parent]) names.unshift(at.name);
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
