// The list of steps beside the time each took: a tree of which only what can be seen is in the document.

const ROW_HEIGHT = 28;
const LARGE = 12;

function stepsPane(onOpen) {
  const expanded = new Set([0]);
  let shown = [];
  let cursor = 0;
  let query = "";
  let filter = "all";
  let drawn = "";

  const lines = element("div", { class: "lines", "aria-hidden": "true" });
  const body = element("div", { class: "rows" });
  const canvas = element("div", { class: "canvas" }, lines, body);
  const tree = element("div", { class: "tree", id: "steps", role: "tree", tabindex: "0", "aria-label": "Steps" }, canvas);
  const axis = element("div", { class: "axis", "aria-hidden": "true" });
  const search = element("input", {
    type: "search", id: "search", placeholder: "Search steps  ( / )", "aria-label": "Search steps", autocomplete: "off",
    spellcheck: "false",
  });
  const found = element("span", { class: "found", role: "status" });
  const filters = element("div", { class: "filters", role: "group", "aria-label": "Show" });
  const pane = element("section", { class: "card steps", "aria-label": "Steps and timeline" },
    element("div", { class: "bar" }, element("h2", {}, "Steps"), filters, found, search),
    element("div", { class: "heading", "aria-hidden": "true" }, element("span", {}, "Step"), element("span", {}, "Took"), axis),
    tree);

  // What is shown

  const filterTests = {
    all: () => true,
    failed: isBad,
    running: (row) => row.status === "PROCESSING",
    retried: (row) => retries(row) > 0,
    taken: (row) => row.look === "TAKEN",
  };

  function haystack(row) {
    const definition = definitionOf(row);
    return `${trail(row).join(" / ")} ${row.path} ${row.type} ${row.message} ${definition.command || ""}`.toLowerCase();
  }

  function matches(row) {
    if (!filterTests[filter](row)) return false;
    row.haystack ??= haystack(row);
    return query === "" || row.haystack.includes(query);
  }

  function compute() {
    shown = [];
    const filtering = query !== "" || filter !== "all";
    if (!filtering) {
      const add = (row) => {
        shown.push(row.index);
        if (expanded.has(row.index)) row.children.forEach((child) => add(rows[child]));
      };
      add(rows[0]);
      found.textContent = "";
    } else {
      const kept = new Set();
      let count = 0;
      for (const row of rows) {
        if (row.index === 0 || !matches(row)) continue;
        if (row.isStep) count += 1;
        kept.add(row.index);
        ancestors(row).forEach((around) => kept.add(around));
      }
      shown = [...kept].sort((one, other) => one - other);
      found.textContent = counted(count, "step");
    }
    if (!shown.includes(cursor)) cursor = shown.find((index) => index > 0 && matches(rows[index])) ?? 0;
    canvas.style.height = `${shown.length * ROW_HEIGHT}px`;
    drawn = "";
    draw();
  }

  // What is drawn

  function note(row) {
    if (row.children.length && (row.type === "map" || row.type === "loop") || row.index === 0) {
      const bad = (row.counts.FAIL || 0) + (row.counts.LOST || 0);
      const many = row.index === 0 ? "" : counted(row.children.length, row.type === "loop" ? "round" : "branch", row.type === "loop" ? "rounds" : "branches");
      return element("span", { class: "note" }, many, bad && many ? " · " : "",
        bad ? element("span", { class: "bad" }, `${number.format(bad)} ${row.counts.FAIL ? "failed" : "lost"}`) : "");
    }
    if (retries(row)) return element("span", { class: "note" }, `${row.attempts.length} attempts`);
    if (row.look === "TAKEN") return element("span", { class: "note" }, "taken over");
    return row.mock ? element("span", { class: "note" }, "mocked") : null;
  }

  function spoken(row) {
    return [row.name, row.type, WORDS[row.look][0], duration(took(row)), retries(row) ? `${row.attempts.length} attempts` : "",
      row.children.length ? summary(row.counts) : ""].filter(Boolean).join(", ");
  }

  function levelOf(row) {
    return ancestors(row).length;
  }

  function line(position) {
    const row = rows[shown[position]];
    const open = query !== "" || filter !== "all" ? shown[position + 1] !== undefined && rows[shown[position + 1]].parent === row.index
      : expanded.has(row.index);
    const siblings = row.parent < 0 ? [0] : rows[row.parent].children;
    const level = levelOf(row);
    const made = element("div", {
      class: "row", role: "treeitem", id: `row-${row.index}`, "data-row": row.index, "aria-level": level + 1,
      "aria-setsize": siblings.length, "aria-posinset": row.place ??= siblings.indexOf(row.index) + 1,
      "aria-label": spoken(row), "aria-selected": String(row.index === opened), title: row.message.split("\n")[0] || null,
      "aria-expanded": row.children.length ? String(open) : null,
    },
    element("span", { class: "name" },
      element("span", { class: "twist", "aria-hidden": "true" }, row.children.length ? (open ? "▾" : "▸") : ""),
      mark(row.look), element("span", { class: row.isStep ? "text" : "text group" }, row.name), note(row)),
    element("span", { class: "took" }, duration(took(row))),
    element("span", { class: "track" }, bars(row)));
    made.firstChild.style.paddingLeft = `${8 + level * 16}px`;
    made.style.top = `${position * ROW_HEIGHT}px`;
    if (row.index === cursor) made.classList.add("cursor");
    return made;
  }

  function draw() {
    const first = Math.max(0, Math.floor(tree.scrollTop / ROW_HEIGHT) - 6);
    const last = Math.min(shown.length, Math.ceil((tree.scrollTop + tree.clientHeight) / ROW_HEIGHT) + 6);
    const wanted = `${first} ${last}`;
    if (wanted === drawn) return;
    drawn = wanted;
    const made = [];
    for (let position = first; position < last; position += 1) made.push(line(position));
    body.replaceChildren(...made);
    tree.setAttribute("aria-activedescendant", `row-${cursor}`);
  }

  function redraw() {
    drawn = "";
    draw();
  }

  function drawAxis() {
    const width = axis.clientWidth || 400;
    const step = tick(endTime / Math.max(2, Math.floor(width / 75)));
    const marks = [];
    for (let time = 0; step > 0 && time <= endTime && marks.length < 50; time += step) marks.push(time);
    axis.replaceChildren(...marks.filter((time) => placeOf(time) < 96).map((time) => {
      const made = element("span", {}, time ? duration(time) : "0");
      made.style.left = `${placeOf(time)}%`;
      return made;
    }));
    lines.replaceChildren(...marks.map((time) => {
      const made = element("span");
      made.style.left = `${placeOf(time)}%`;
      return made;
    }));
  }

  // What is asked for

  let opened = 0;

  function reveal() {
    const position = shown.indexOf(cursor);
    const top = position * ROW_HEIGHT;
    if (top < tree.scrollTop) tree.scrollTop = Math.max(0, top - ROW_HEIGHT);
    else if (top + ROW_HEIGHT > tree.scrollTop + tree.clientHeight) tree.scrollTop = top - tree.clientHeight + 2 * ROW_HEIGHT;
  }

  function moveTo(index) {
    cursor = index;
    reveal();
    redraw();
  }

  function moveBy(number) {
    const position = Math.min(shown.length - 1, Math.max(0, shown.indexOf(cursor) + number));
    moveTo(shown[position]);
  }

  function toggle(index, open = !expanded.has(index)) {
    if (!rows[index].children.length) return;
    if (open) expanded.add(index);
    else expanded.delete(index);
    compute();
  }

  // Show a row wherever it is, and put the cursor there.
  function goTo(index) {
    if (query !== "" || filter !== "all") {
      if (!shown.includes(index)) {
        setQuery("");
        setFilter("all");
      }
    }
    ancestors(rows[index]).forEach((around) => expanded.add(around));
    cursor = index;
    compute();
    const position = shown.indexOf(index);
    const top = position * ROW_HEIGHT;
    if (top < tree.scrollTop || top + ROW_HEIGHT > tree.scrollTop + tree.clientHeight) {
      tree.scrollTop = Math.max(0, top - tree.clientHeight / 3);
    }
    redraw();
  }

  function setOpened(index) {
    opened = index;
    redraw();
  }

  function setQuery(text) {
    query = text.trim().toLowerCase();
    if (search.value.trim().toLowerCase() !== query) search.value = text;
    compute();
  }

  function setFilter(name) {
    filter = name;
    for (const button of filters.children) button.setAttribute("aria-pressed", String(button.dataset.filter === name));
    compute();
  }

  function firstMatch() {
    return shown.find((index) => index > 0 && rows[index].isStep && matches(rows[index]));
  }

  // Listening

  tree.addEventListener("scroll", draw, { passive: true });
  tree.addEventListener("click", (event) => {
    const target = event.target.closest("[data-row]");
    if (!target) return;
    const index = Number(target.dataset.row);
    cursor = index;
    if (event.target.classList.contains("twist") && rows[index].children.length) toggle(index);
    else onOpen(index);
  });
  tree.addEventListener("dblclick", (event) => {
    const target = event.target.closest("[data-row]");
    if (target && !event.target.classList.contains("twist")) toggle(Number(target.dataset.row));
  });
  search.addEventListener("input", () => setQuery(search.value));
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && firstMatch() !== undefined) {
      onOpen(firstMatch());
      tree.focus();
      event.preventDefault();
    } else if (event.key === "ArrowDown") {
      if (firstMatch() !== undefined) moveTo(firstMatch());
      tree.focus();
      event.preventDefault();
    } else if (event.key === "Escape") {
      setQuery("");
      tree.focus();
      event.stopPropagation();
    }
  });

  const choices = [
    ["all", "All", rows.filter((row) => row.isStep).length], ["failed", "Failed", failures.length],
    ["running", "Running", rows.filter((row) => row.isStep && row.status === "PROCESSING").length],
    ["retried", "Retried", rows.filter((row) => retries(row) > 0).length],
    ["taken", "Taken over", rows.filter((row) => row.isStep && row.look === "TAKEN").length],
  ];
  for (const [name, label, count] of choices) {
    if (name !== "all" && !count) continue;
    filters.append(element("button", { type: "button", "data-filter": name, "aria-pressed": String(name === "all"),
      onclick: () => setFilter(name) }, label, element("span", { class: "count" }, number.format(count))));
  }

  // At first all is open that leaves the list short; what is around the failure is opened by whoever goes there.
  function openSome() {
    for (const row of rows) {
      if (row.children.length && row.children.length <= LARGE && rows.length < 400) expanded.add(row.index);
      else if (row.index === 0 || (row.children.length && row.children.length <= LARGE && levelOf(row) < 2)) expanded.add(row.index);
    }
  }

  openSome();
  compute();
  new ResizeObserver(() => {
    drawAxis();
    redraw();
  }).observe(tree);

  return {
    pane, tree, search, goTo, moveBy, moveTo, toggle, setOpened, setQuery, setFilter,
    cursor: () => cursor, first: () => moveTo(shown[0]), last: () => moveTo(shown[shown.length - 1]),
    isExpanded: (index) => expanded.has(index), pageLength: () => Math.max(1, Math.floor(tree.clientHeight / ROW_HEIGHT) - 1),
    isSearching: () => query !== "", filter: () => filter,
  };
}
