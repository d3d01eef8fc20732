// The details of the run, of a step or of a branch, beside the list.

const SHORT = 64;
const MANY = 12;

function section(title, ...content) {
  const parts = content.flat(Infinity).filter((part) => part !== null && part !== undefined && part !== "");
  if (!parts.length) return null;
  return element("section", {}, element("h3", {}, title), parts);
}

function valueText(index) {
  const { text, left_out: leftOut } = report.texts[index];
  return leftOut ? `${text} … and ${number.format(leftOut)} more characters` : text;
}

function pretty(index) {
  const { text, left_out: leftOut } = report.texts[index];
  if (leftOut) return valueText(index);
  try {
    const value = JSON.parse(text);
    return typeof value === "string" ? value : JSON.stringify(value, null, 2);
  } catch {
    return text; // NaN and infinity are no JSON
  }
}

// The text of a value, without the quotes of a string.
function plainText(index) {
  const { text, left_out: leftOut } = report.texts[index];
  return text.startsWith('"') && !leftOut ? JSON.parse(text) : valueText(index);
}

function valueCell(index) {
  const text = valueText(index);
  if (text.length <= SHORT) return element("code", {}, text);
  const opened = element("details", {}, element("summary", {}, element("code", {}, short(text, SHORT))));
  opened.addEventListener("toggle", () => {
    if (opened.open && opened.children.length === 1) {
      opened.append(element("pre", { tabindex: "0" }, pretty(index)), copyButton(pretty(index), "the value"));
    }
  });
  return opened;
}

function table(pairs, cell = (value) => value) {
  if (!pairs || !pairs.length) return null;
  return element("table", { class: "values" }, element("tbody", {}, pairs.map(([name, value]) =>
    element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, cell(value))))));
}

// Values by name; of many, those that are in the way of what follows come when they are asked for.
function values(named) {
  if (!named || named.length <= MANY) return table(named, valueCell);
  const rest = element("details", { class: "more" }, element("summary", {}, `${number.format(named.length - MANY)} more`));
  rest.addEventListener("toggle", () => {
    if (rest.open && rest.children.length === 1) rest.append(table(named.slice(MANY), valueCell));
  });
  return [table(named.slice(0, MANY), valueCell), rest];
}

function commandLine(text, label) {
  return element("div", { class: "command" }, label ? element("span", { class: "label" }, label) : null,
    element("code", { tabindex: "0" }, text), copyButton(text, "the command"));
}

function failure(message, what = "Why it failed") {
  if (!message) return null;
  const [first, ...rest] = message.split("\n");
  return element("div", { class: "failure", role: "group", "aria-label": what },
    element("p", { class: "first" }, first), rest.length ? element("pre", { tabindex: "0" }, rest.join("\n")) : null,
    copyButton(message, "the message"));
}

function logSection(row) {
  if (!row.log) return null;
  const text = element("pre", { class: "log", tabindex: "0", role: "region", "aria-label": "Output" }, row.log.text);
  const note = row.log.left_out ? element("p", { class: "hint" }, `The end of the output; ${bytes(row.log.left_out)} before it are left out.`) : null;
  const wrap = element("button", { class: "quiet", type: "button", "aria-pressed": "false" }, "Wrap");
  wrap.addEventListener("click", () => wrap.setAttribute("aria-pressed", String(text.classList.toggle("wrap"))));
  return element("section", { class: "output" },
    element("h3", {}, "Output", element("span", { class: "tools" }, wrap, copyButton(row.log.text, "the output"))), note, text,
    commandLine(`${stepCommand("logs")} ${quoted(row.path)}`));
}

const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);

function stepCommand(name) {
  const known = head.commands.find(([, text]) => text.startsWith(`magnus ${name} `));
  return known ? known[1] : `magnus ${name} ${quoted(head.run_id)}`;
}

// The command that debugs the step that made the run fail; null for other steps.
function debugging(row) {
  const known = row.index === head.cause ? head.next.find(([, text]) => text.startsWith("magnus debug ")) : null;
  return known ? commandLine(known[1]) : null;
}

function attemptsSection(row) {
  if (row.attempts.length < 2) return null;
  return section("Attempts", element("ol", { class: "attempts", start: "1" }, row.attempts.map((attempt, made) =>
    element("li", {}, mark(attempt.status), element("span", {}, `${made + 1}: ${duration(attempt.duration)}, at ${duration(attempt.start) || "0"}`),
      isBad(attempt) ? element("pre", {}, attempt.message || row.message) : null))));
}

function filesSection(row) {
  if (!row.files.length) return null;
  const body = row.files.map((file) => element("tr", {},
    element("td", {}, element("span", { class: "moved" }, file.stage), element("span", { title: file.place || "not stored, its hash alone" }, file.name)),
    element("td", { class: "number" }, bytes(file.size)),
    element("td", {}, element("code", { title: file.data_hash }, file.data_hash.slice(0, 12)))));
  const more = row.more_files ? element("p", { class: "hint" }, `and ${counted(row.more_files, "more file")}`) : null;
  return section("Files", element("table", { class: "files" },
    element("thead", {}, element("tr", {}, ["Name", "Size", "SHA-256"].map((title) => element("th", { scope: "col" }, title)))),
    element("tbody", {}, body)), more);
}

const MOST_FILES = 40;

function filesPutIn(row) {
  return [...row.children.flatMap((child) => filesPutIn(rows[child])), ...row.files.filter((file) => file.stage === "put").map((file) => [row, file])];
}

// The files that steps put into the catalog.
function filesOfAll(open) {
  const put = unique(filesPutIn(rows[0]));
  const body = put.slice(0, MOST_FILES).map(([row, file]) => element("tr", {},
    element("td", {}, file.name), element("td", { class: "number" }, bytes(file.size)),
    element("td", {}, element("button", { class: "link", type: "button", onclick: () => open(row.index) }, trail(row).join(" / ")))));
  const left = put.length - MOST_FILES + rows.reduce((sum, row) => sum + (row.more_files || 0), 0);
  return section("Files", body.length ? element("table", { class: "files" },
    element("thead", {}, element("tr", {}, ["Name", "Size", "Step"].map((title) => element("th", { scope: "col" }, title)))), element("tbody", {}, body)) : null,
  put.length && left > 0 ? element("p", { class: "hint" }, `and ${counted(left, "more file")}, each at its step`) : null);
}

function codeSection(codes, definition = {}) {
  const source = (definition.code || []).map(([piece, hash]) => [piece.replace(":", ": "), element("code", {}, hash)]);
  const parts = (codes || []).map((code) => [
    table([[code.type, element("code", { title: code.identifier }, code.identifier.slice(0, 12))],
      ...(code.url ? [["from", code.url]] : []),
      ["unchanged", code.dependable ? "yes" : "no: it differs from the commit"], ...source]),
    code.changes ? element("pre", { tabindex: "0" }, code.changes) : null,
  ]);
  return section("Code", parts.length ? parts.flat() : table(source));
}

function listed(indices, open) {
  const buttons = indices.slice(0, 40).map((index) => {
    const row = rows[index];
    return element("li", {}, element("button", { class: "link", type: "button", onclick: () => open(index) }, mark(row.look),
      element("span", {}, row.branch ? `${row.label} / ${row.name}` : row.name), row.message ? element("span", { class: "hint" }, row.message.split("\n")[0]) : null));
  });
  const more = indices.length > 40 ? element("li", { class: "hint" }, `and ${number.format(indices.length - 40)} more`) : null;
  return buttons.length ? element("ul", { class: "listed" }, buttons, more) : null;
}

function insideSection(row, open) {
  if (!row.children.length) return null;
  const bad = failures.filter((index) => index > row.index && ancestors(rows[index]).includes(row.index));
  const parts = [element("p", { class: "hint" }, summary(row.counts))];
  if (bad.length) return [section(isBad(row) ? "What failed in it" : "Failed in it", listedByTrail(bad, row, open)), section("Inside", parts, listed(row.children, open))];
  return section("Inside", parts, listed(row.children, open));
}

function listedByTrail(indices, around, open) {
  const skipped = trail(around).length;
  const items = indices.slice(0, 40).map((index) => element("li", {},
    element("button", { class: "link", type: "button", onclick: () => open(index) }, mark(rows[index].look),
      element("span", {}, trail(rows[index]).slice(skipped).join(" / ")),
      element("span", { class: "hint" }, rows[index].message.split("\n")[0]))));
  const more = indices.length > 40 ? element("li", { class: "hint" }, `and ${number.format(indices.length - 40)} more`) : null;
  return element("ul", { class: "listed" }, items, more);
}

function facts(row, definition, last) {
  const said = [["type", definition.kind ? `${row.type}, ${definition.kind}` : row.type]];
  if (definition.command) said.push(["command", element("pre", { class: "written" }, definition.command)]);
  if (row.start !== undefined && head.start) {
    said.push(["started", when(new Date(new Date(head.start).getTime() + row.start).toISOString())]);
  }
  if (took(row) !== null) said.push(["took", duration(took(row))]);
  if (last && last.job) said.push(["job", last.job]);
  if (last && last.memory) said.push(["memory", bytes(last.memory)]);
  if (row.value !== undefined) said.push(["value", valueCell(row.value)]);
  if (row.look === "REUSED") said.push(["reused from", row.source || head.original_run_id]);
  else if (row.mock) said.push(["mocked", "yes: its task was not executed"]);
  if (row.reason) said.push(["ran because", row.reason]);
  for (const [name, text] of definition.more || []) said.push([name, text]);
  return table(said);
}

function stepDetails(row, open) {
  const definition = definitionOf(row);
  const last = row.attempts[row.attempts.length - 1];
  return [
    failure(row.message),
    row.status === "LOST" ? failure("The process of the run was gone before it finished.", "Why it is lost") : null,
    facts(row, definition, last),
    isBad(row) && isLeaf(row) ? logSection(row) : null,
    metricsSection(row, open),
    picturesSection(row, open),
    insideSection(row, open),
    filesSection(row),
    section("Parameters in", values(last ? last.inputs : [])),
    section("Parameters out", values(row.outputs)),
    attemptsSection(row),
    isBad(row) && isLeaf(row) ? null : logSection(row),
    codeSection(row.code || (row.isStep && !row.children.length ? head.code : null), definition),
    row.isStep ? section("Commands", debugging(row), commandLine(`${stepCommand("show")} --step ${quoted(row.path)}`)) : null,
  ];
}

function runDetails(open) {
  return [
    failure(head.message, isBad(rows[0]) ? "Why it failed" : "How it stands"),
    head.next.length ? section("Next", head.next.map(([label, text]) => commandLine(text, label))) : null,
    failure(head.damage, "What is wrong with its records"),
    failures.length ? section(isBad(rows[0]) ? "What failed" : "What failed on the way", listedByTrail(failures, rows[0], open)) : null,
    metricsSection(rows[0], open),
    picturesSection(rows[0], open),
    filesOfAll(open),
    section("Initial parameters", values(head.initial)),
    section("Parameters at the end", values(head.final)),
    section("Commands", head.commands.map(([label, text]) => commandLine(text, label))),
    section("Configuration", values(head.configuration)),
    section("Environment", table([...(head.environment || []), ["host", head.host]].map(([name, text]) =>
      [name, text.length > SHORT - 8 ? element("code", { title: text }, `${text.slice(0, 16)}…`) : text]))),
    codeSection(head.code),
    section("Pipeline", table([["file or name", head.pipeline], ["hash", element("code", { title: head.dag_hash }, head.dag_hash.slice(0, 16))]])),
  ];
}

class Details {
  constructor(open, close) {
    this.open = open;
    this.close = close;
    this.shown = "";
    this.pane = element("aside", { class: "card details", id: "details", tabindex: "-1", "aria-label": "Details" });
  }

  crumbs(row) {
    const around = [...ancestors(row)].reverse().map((index) => element("button", { class: "link", type: "button", onclick: () => this.open(index) },
      index ? (rows[index].branch ? `${rows[index].label} / ${rows[index].name}` : rows[index].name) : head.run_id));
    if (row.branch) around.push(element("span", {}, row.label));
    return element("nav", { class: "crumbs", "aria-label": "Where it is" }, around.flatMap((name) => [name, element("span", { "aria-hidden": "true" }, "/")]));
  }

  // The texts of a row and of what is shown of rows inside it, which say whether a newer report changes the details.
  textOf(index) {
    const inside = index === 0 ? rows : rows.filter((row) => row.index >= index && (row.index === index || ancestors(row).includes(index)));
    return JSON.stringify([index === 0 ? { ...head, written: "" } : 0, inside.map(({ status, end, message, metrics, series, files, outputs, log, attempts, name }) =>
      [name, status, end, message, metrics.map(([metric, text]) => [metric, report.texts[text]]), series.map((one) => one.count), files.length, outputs.length, log, attempts.length])]);
  }

  show(index) {
    this.index = index;
    this.shown = "";
    this.fill();
    this.pane.scrollTop = 0;
    for (const log of this.pane.querySelectorAll(".log")) log.scrollTop = log.scrollHeight;
  }

  fill() {
    const row = rows[this.index];
    const isWide = document.body.classList.contains("wide-details");
    const widening = element("button", { class: "quiet widen", type: "button", "aria-pressed": String(isWide), onclick: () => this.widen() }, "Wide");
    const closing = element("button", { class: "quiet close", type: "button", "aria-label": "Close", onclick: this.close }, "✕");
    const content = this.index === 0 ? runDetails(this.open) : stepDetails(row, this.open);
    this.pane.replaceChildren(element("header", {}, this.index ? this.crumbs(row) : null,
      element("div", { class: "title" }, element("h2", {}, this.index ? row.name : "The run"), badge(row.look), element("span", { class: "tools" }, widening, closing))),
    ...content.flat().filter(Boolean));
    this.pane.classList.toggle("of-run", this.index === 0);
  }

  widen() {
    const isWide = document.body.classList.toggle("wide-details");
    this.pane.querySelector(".widen").setAttribute("aria-pressed", String(isWide));
  }

  // Show the row again as a newer report has it, scrolled and opened as before; nothing happens if nothing changed.
  renew(index) {
    const text = this.textOf(index);
    const isSame = index === this.index && text === this.shown;
    this.index = index;
    this.shown = text;
    if (isSame) return;
    const { pane } = this;
    const hasFocus = pane.contains(document.activeElement);
    const before = { scroll: pane.scrollTop, open: [...pane.querySelectorAll("details")].map((one) => one.open), logs: [...pane.querySelectorAll(".log")].map(
      (log) => ({ place: log.scrollTop, isAtEnd: log.scrollTop + log.clientHeight >= log.scrollHeight - 4, wraps: log.classList.contains("wrap") })) };
    this.fill();
    [...pane.querySelectorAll("details")].forEach((one, place) => (one.open = before.open[place] ?? false));
    [...pane.querySelectorAll(".log")].forEach((log, place) => {
      const { place: scroll = 0, isAtEnd = true, wraps = false } = before.logs[place] ?? {};
      log.classList.toggle("wrap", wraps);
      log.scrollTop = isAtEnd ? log.scrollHeight : scroll;
    });
    pane.scrollTop = before.scroll;
    if (hasFocus) pane.focus();
  }
}
