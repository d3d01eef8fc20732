// The picture of the pipeline: coloured by what became of each step, moved and zoomed by hand.

function graphPane(onOpen) {
  const picture = document.querySelector("#picture-source svg");
  if (!picture) return { pane: null, setOpened() {} };
  const byKey = new Map();
  for (const row of rows) {
    const key = definitionOf(row).key;
    if (key === undefined) continue;
    if (!byKey.has(key)) byKey.set(key, []);
    byKey.get(key).push(row);
  }
  const [x0, y0, width, height] = picture.getAttribute("viewBox").split(/[\s,]+/).map(Number);
  let view = { x: x0, y: y0, width, height };
  let dragged = null;
  let wasDragged = false;

  const button = (label, text, act) => element("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick: act }, text);
  const stage = element("div", { class: "stage", tabindex: "0", role: "application",
    "aria-label": "The pipeline. Arrow keys move it, plus and minus zoom; the list has the same steps." });
  const pane = element("section", { class: "card graph", "aria-label": "Pipeline" },
    element("div", { class: "bar" }, element("h2", {}, "Pipeline"), legend(),
      element("span", { class: "tools" }, button("Zoom out", "−", () => zoom(1.25)), button("Zoom in", "+", () => zoom(0.8)), button("Show all of it", "Fit", fit))),
    stage);
  picture.removeAttribute("width");
  picture.removeAttribute("height");
  picture.setAttribute("preserveAspectRatio", "xMidYMid meet");
  stage.append(picture);
  colour();

  function legend() {
    const known = ["SUCCESS", "FAIL", "LOST", "PROCESSING", "TAKEN"].filter((look) => rows[0].counts[look]);
    return element("span", { class: "legend", "aria-hidden": "true" }, known.map((look) =>
      element("span", {}, element("i", { class: look }), WORDS[look][0])), element("span", {}, element("i", { class: "NONE" }), "not reached"));
  }

  function colour() {
    for (const node of picture.querySelectorAll("[data-path]")) {
      const found = byKey.get(node.dataset.path) || [];
      const counts = {};
      for (const row of found) counts[row.look] = (counts[row.look] || 0) + 1;
      const look = ["FAIL", "LOST", "PROCESSING", "SUCCESS", "TAKEN"].find((one) => counts[one]) || "NONE";
      node.classList.add("step", look);
      const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
      title.textContent = `${node.dataset.path}: ${found.length === 0 ? "not reached" : found.length === 1 ? WORDS[look][0] : summary(counts)}`;
      node.prepend(title);
    }
  }

  function target(path) {
    const found = byKey.get(path) || [];
    return found.find(isBad) || found[0];
  }

  function apply() {
    picture.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
  }

  function fit() {
    view = { x: x0, y: y0, width, height };
    apply();
  }

  function zoom(factor, at = { x: view.x + view.width / 2, y: view.y + view.height / 2 }) {
    const wanted = Math.min(Math.max(view.width * factor, width / 60), width * 3) / view.width;
    view = { x: at.x - (at.x - view.x) * wanted, y: at.y - (at.y - view.y) * wanted, width: view.width * wanted, height: view.height * wanted };
    apply();
  }

  function scale() {
    return Math.max(view.width / stage.clientWidth, view.height / stage.clientHeight);
  }

  function point(event) {
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
    return { x: place.x, y: place.y };
  }

  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== stage) return;
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.15 : 0.87, point(event));
  }, { passive: false });
  stage.addEventListener("pointerdown", (event) => {
    dragged = { x: event.clientX, y: event.clientY, view };
    wasDragged = false;
  });
  window.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    const by = { x: event.clientX - dragged.x, y: event.clientY - dragged.y };
    if (Math.abs(by.x) + Math.abs(by.y) > 4) wasDragged = true;
    if (wasDragged) {
      view = { ...dragged.view, x: dragged.view.x - by.x * scale(), y: dragged.view.y - by.y * scale() };
      apply();
    }
  });
  window.addEventListener("pointerup", () => (dragged = null));
  stage.addEventListener("click", (event) => {
    const node = event.target.closest("[data-path]");
    const row = node && !wasDragged ? target(node.dataset.path) : undefined;
    if (row) onOpen(row.index);
  });
  stage.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (moves[event.key]) {
      view = { ...view, x: view.x + (moves[event.key][0] * view.width) / 10, y: view.y + (moves[event.key][1] * view.height) / 10 };
      apply();
    } else if (event.key === "+" || event.key === "=") zoom(0.8);
    else if (event.key === "-") zoom(1.25);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  function setOpened(index) {
    picture.querySelectorAll(".opened").forEach((node) => node.classList.remove("opened"));
    const key = definitionOf(rows[index]).key;
    if (key === undefined) return;
    for (const node of picture.querySelectorAll("[data-path]")) if (node.dataset.path === key) node.classList.add("opened");
  }

  return { pane, setOpened };
}
