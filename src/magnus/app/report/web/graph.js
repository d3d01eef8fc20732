// The picture of the pipeline, in which steps can be opened.

const NO_GRAPH = { pane: null, setOpened() {}, showWhole() {}, showPart() {} };

function rowsByKey() {
  const found = new Map();
  for (const row of rows) {
    const { key } = definitionOf(row);
    if (key !== undefined) (found.get(key) ?? found.set(key, []).get(key)).push(row);
  }
  return found;
}

function legend() {
  const known = ["SUCCESS", "FAIL", "LOST", "PROCESSING", "REUSED"].filter((look) => rows[0].counts[look]);
  return element("span", { class: "legend", "aria-hidden": "true" }, known.map((look) =>
    element("span", {}, element("i", { class: look }), WORDS[look][0])), element("span", {}, element("i"), "not reached"));
}

function graphPane(onOpen) {
  const picture = document.querySelector("#picture-source svg");
  if (!picture) return NO_GRAPH;
  picture.removeAttribute("width");
  picture.removeAttribute("height");
  const stage = element("div", { class: "stage", tabindex: "0", role: "application",
    "aria-label": "The pipeline. Arrow keys move it, plus and minus zoom; the list has the same steps." }, picture);
  const viewport = new PictureView(stage, picture);
  const button = (label, text, act) => element("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick: act }, text);
  const pane = element("section", { class: "card graph", "aria-label": "Pipeline" },
    element("div", { class: "bar" }, element("h2", {}, "Pipeline"), legend(), element("span", { class: "tools" },
      button("Zoom out", "−", () => viewport.zoom(0.8)), button("Zoom in", "+", () => viewport.zoom(1.25)),
      button("Show all of it", "Fit", () => viewport.fit()))),
    stage);
  const nodes = new Map([...picture.querySelectorAll("[data-path]")].map((node) => [node.dataset.path, node]));
  const steps = rowsByKey();
  const wasDragged = dragging(stage, viewport);
  let opened;

  stage.addEventListener("click", (event) => {
    const found = steps.get(event.target.closest("[data-path]")?.dataset.path) || [];
    if (found.length && !wasDragged()) onOpen((found.find(isBad) || found[0]).index);
  });
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const zooms = { "+": () => viewport.zoom(1.25), "=": () => viewport.zoom(1.25), "-": () => viewport.zoom(0.8), 0: () => viewport.fit() };
  stage.addEventListener("keydown", (event) => {
    if (moves[event.key]) viewport.move((moves[event.key][0] * viewport.across) / 8, (moves[event.key][1] * viewport.down) / 8);
    else if (zooms[event.key]) zooms[event.key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  let hasBegun = false;
  new ResizeObserver(() => {
    if (matchMedia("print").matches) return;
    if (hasBegun) viewport.apply();
    else viewport.begin();
    if (!hasBegun && opened) viewport.reveal(opened);
    hasBegun = true;
  }).observe(stage);

  function setOpened(index) {
    opened?.classList.remove("chosen");
    opened = nodes.get(definitionOf(rows[index]).key);
    opened?.classList.add("chosen");
    if (opened && hasBegun) viewport.reveal(opened);
  }

  return { pane, setOpened, showWhole: () => viewport.showWhole(), showPart: () => viewport.apply() };
}
