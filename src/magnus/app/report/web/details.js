// What is known of the run, of a step or of a branch, beside the list.

const SHORT = 64;
const MANY = 12;

function section(title, ...content) {
  const filled = content.flat().filter((part) => part !== null && part !== undefined);
  if (!filled.length) return null;
  return element("section", {}, element("h3", {}, title), filled);
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

function attemptsSection(row) {
  if (row.attempts.length < 2) return null;
  return section("Attempts", element("ol", { class: "attempts", start: "1" }, row.attempts.map((attempt, made) =>
    element("li", {}, mark(attempt.status), element("span", {}, `${made + 1}: ${duration(attempt.duration)}, at ${duration(attempt.start) || "0"}`),
      isBad(attempt) ? element("pre", {}, attempt.message || row.message) : null))));
}

function filesSection(row) {
  if (!row.files.length) return null;
  const body = row.files.map((file) => element("tr", {},
    element("td", {}, element("span", { class: "moved" }, file.stage), element("span", { title: file.place || "not kept, its hash alone" }, file.name)),
    element("td", { class: "number" }, bytes(file.size)),
    element("td", {}, element("code", { title: file.data_hash }, file.data_hash.slice(0, 12)))));
  const more = row.more_files ? element("p", { class: "hint" }, `and ${counted(row.more_files, "more file", "more files")}`) : null;
  return section("Files", element("table", { class: "files" },
    element("thead", {}, element("tr", {}, ["Name", "Size", "SHA-256"].map((title) => element("th", { scope: "col" }, title)))),
    element("tbody", {}, body)), more);
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
      element("span", {}, row.name), row.message ? element("span", { class: "hint" }, row.message.split("\n")[0]) : null));
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

function facts(row, definition) {
  const said = [["type", definition.kind ? `${row.type}, ${definition.kind}` : row.type]];
  if (definition.command) said.push(["command", element("pre", { class: "written" }, definition.command)]);
  if (row.start !== undefined && head.start) {
    said.push(["began", when(new Date(new Date(head.start).getTime() + row.start).toISOString())]);
  }
  if (took(row) !== null) said.push(["took", duration(took(row))]);
  if (row.value !== undefined) said.push(["value", valueCell(row.value)]);
  if (row.look === "REUSED") said.push(["reused from", row.source || head.original_run_id]);
  else if (row.mock) said.push(["mocked", "yes: it did not do what is written"]);
  if (row.reason) said.push(["ran because", row.reason]);
  for (const [name, text] of definition.more || []) said.push([name, text]);
  return table(said);
}

function stepDetails(row, open) {
  const definition = definitionOf(row);
  const last = row.attempts[row.attempts.length - 1];
  return [
    failure(row.message),
    row.status === "LOST" ? failure("The process of the run was gone before it ended.", "Why it is lost") : null,
    facts(row, definition),
    insideSection(row, open),
    attemptsSection(row),
    isBad(row) ? logSection(row) : null,
    section("Parameters in", values(last ? last.inputs : [])),
    section("Parameters out", values(row.outputs)),
    section("Metrics", values(row.metrics)),
    filesSection(row),
    isBad(row) ? null : logSection(row),
    codeSection(row.code || (row.isStep && !row.children.length ? head.code : null), definition),
    row.isStep ? section("Commands", commandLine(`${stepCommand("show")} --step ${quoted(row.path)}`)) : null,
  ];
}

function metricsOfAll(open) {
  const tracked = rows.filter((row) => row.metrics.length);
  if (!tracked.length) return null;
  const body = tracked.slice(0, 100).flatMap((row) => row.metrics.map(([name, value]) => element("tr", {},
    element("th", { scope: "row" }, element("button", { class: "link", type: "button", onclick: () => open(row.index) }, trail(row).join(" / "))),
    element("td", {}, name), element("td", {}, valueCell(value)))));
  const more = tracked.length > 100 ? element("p", { class: "hint" }, `and those of ${counted(tracked.length - 100, "more step", "more steps")}`) : null;
  return section("Metrics", element("table", { class: "values" }, element("tbody", {}, body)), more);
}

function runDetails(open) {
  return [
    failure(head.message, isBad(rows[0]) ? "Why it failed" : "How it stands"),
    failure(head.damage, "What is wrong with its records"),
    failures.length ? section(isBad(rows[0]) ? "What failed" : "What failed on the way", listedByTrail(failures, rows[0], open)) : null,
    section("Commands", head.commands.map(([label, text]) => commandLine(text, label))),
    metricsOfAll(open),
    section("Initial parameters", values(head.initial)),
    section("Parameters at the end", values(head.final)),
    section("Configuration", values(head.configuration)),
    section("Environment", table([...(head.environment || []), ["host", head.host]].map(([name, text]) =>
      [name, text.length > SHORT - 8 ? element("code", { title: text }, `${text.slice(0, 16)}…`) : text]))),
    codeSection(head.code),
    section("Pipeline", table([["file or name", head.pipeline], ["hash", element("code", { title: head.dag_hash }, head.dag_hash.slice(0, 16))]])),
  ];
}

function detailsPane(open, close) {
  const pane = element("aside", { class: "card details", id: "details", tabindex: "-1", "aria-label": "Details" });
  const crumbs = (row) => element("nav", { class: "crumbs", "aria-label": "Where it is" },
    [...ancestors(row)].reverse().flatMap((index) => [element("button", { class: "link", type: "button", onclick: () => open(index) },
      index ? rows[index].name : head.run_id), element("span", { "aria-hidden": "true" }, "/")]));

  function show(index) {
    const row = rows[index];
    const closing = element("button", { class: "quiet close", type: "button", "aria-label": "Close", onclick: close }, "✕");
    const content = index === 0 ? runDetails(open) : stepDetails(row, open);
    pane.replaceChildren(element("header", {}, index ? crumbs(row) : null,
      element("div", { class: "title" }, element("h2", {}, index ? row.name : "The run"), badge(row.look), closing)),
      ...content.flat().filter(Boolean));
    pane.classList.toggle("of-run", index === 0);
    pane.scrollTop = 0;
    for (const log of pane.querySelectorAll(".log")) log.scrollTop = log.scrollHeight;
  }

  return { pane, show };
}
