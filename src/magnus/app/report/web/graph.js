// The picture of the pipeline, in which steps can be opened: of the drawings of the report, the largest in the window.

const COLUMN_FROM = 1200;

// Where the picture may stand, with the width and height there: a column beside the list, or a strip above it.
function placesOfGraph() {
  const [across, down] = [window.innerWidth - 60, window.innerHeight - 240];
  if (!wide.matches) return [["strip", across, 250]];
  const strip = ["strip", across * 0.64, down * 0.3];
  return window.innerWidth < COLUMN_FROM ? [strip] : [["column", across * 0.23, down], strip];
}

function sizeOf(svg) {
  const [, width, height] = svg.match(/width="([\d.]+)" height="([\d.]+)"/) ?? [0, 1, 1];
  return [Number(width), Number(height)];
}

function rowsByKey() {
  const found = new Map();
  for (const row of rows) {
    const { key } = definitionOf(row);
    if (key !== undefined) (found.get(key) ?? found.set(key, []).get(key)).push(row);
  }
  return found;
}

function legend() {
  const looks = ["SUCCESS", "FAIL", "LOST", "PROCESSING", "REUSED"].filter((look) => rows[0].counts[look]);
  return [...looks.map((look) => element("span", {}, element("i", { class: look }), WORDS[look][0])), element("span", {}, element("i"), "not reached")];
}

class GraphPane {
  constructor(onOpen) {
    this.onOpen = onOpen;
    this.withData = false;
    this.opened = 0;
    this.drawing = null;
    this.build();
    this.listen();
  }

  build() {
    const button = (label, text, act, attributes = {}) => element("button",
      { type: "button", class: "quiet", "aria-label": label, title: label, onclick: act, ...attributes }, text);
    this.legend = element("span", { class: "legend", "aria-hidden": "true" });
    this.dataButton = button("Show the data that flows", "Data", () => this.toggleData(), { "aria-pressed": "false" });
    this.stage = element("div", { class: "stage", tabindex: "0", role: "application",
      "aria-label": "The pipeline. Arrow keys move it, plus and minus zoom; the list has the same steps." });
    this.viewport = new PictureView(this.stage);
    this.pane = element("section", { class: "card graph", "aria-label": "Pipeline" },
      element("div", { class: "bar" }, element("h2", {}, "Pipeline"), this.legend, element("span", { class: "tools" }, this.dataButton,
        button("Zoom out", "−", () => this.viewport.zoom(0.8)), button("Zoom in", "+", () => this.viewport.zoom(1.25)),
        button("Show all of it", "Fit", () => this.viewport.fit()))),
      this.stage);
  }

  listen() {
    const { stage, viewport } = this;
    const wasDragged = dragging(stage, viewport);
    stage.addEventListener("click", (event) => {
      const found = this.steps.get(event.target.closest("[data-path]")?.dataset.path) || [];
      if (found.length && !wasDragged()) this.onOpen((found.find(isBad) || found[0]).index);
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
    new ResizeObserver(() => {
      if (matchMedia("print").matches) return;
      if (this.isWhole) viewport.begin();
      else viewport.apply();
    }).observe(stage);
    window.addEventListener("resize", () => matchMedia("print").matches || this.show());
  }

  // Nobody has moved or zoomed the picture, so it stays whole in the window.
  get isWhole() {
    return !this.viewport.wasMoved;
  }

  // Show the drawings of the report, or of a newer one, in which this row is open.
  renew(opened) {
    this.opened = opened;
    this.steps = rowsByKey();
    const drawings = report.drawings ?? [];
    this.pane.hidden = !drawings.length;
    this.dataButton.hidden = !drawings.some((drawing) => drawing.data);
    this.legend.replaceChildren(...legend());
    this.show();
    this.setOpened(opened);
  }

  // Mount the drawing that is the largest in its place, if it is not the one that is there.
  show() {
    const drawings = (report.drawings ?? []).filter((drawing) => Boolean(drawing.data) === this.withData);
    const main = this.pane.parentElement;
    main?.classList.toggle("plain", !drawings.length);
    let [best, largest] = [null, -1];
    for (const [place, across, down] of placesOfGraph()) {
      for (const drawing of drawings) {
        const [width, height] = sizeOf(drawing.svg);
        const scale = Math.min(1, across / width, down / height);
        if (scale > largest + 0.01) [best, largest] = [[place, drawing], scale];
      }
    }
    if (!best) return;
    main?.classList.toggle("column", best[0] === "column");
    if (this.drawing?.svg !== best[1].svg) this.mount(best[1]);
  }

  mount(drawing) {
    const isSameSize = this.drawing && String(sizeOf(this.drawing.svg)) === String(sizeOf(drawing.svg));
    this.drawing = drawing;
    const picture = document.importNode(new DOMParser().parseFromString(drawing.svg, "image/svg+xml").documentElement, true);
    picture.removeAttribute("width");
    picture.removeAttribute("height");
    this.stage.replaceChildren(picture);
    this.nodes = new Map([...picture.querySelectorAll("[data-path]")].map((node) => [node.dataset.path, node]));
    this.viewport.use(picture);
    if (isSameSize && !this.isWhole) this.viewport.apply();
    else this.viewport.begin();
    this.setOpened(this.opened);
  }

  toggleData() {
    this.withData = !this.withData;
    this.dataButton.setAttribute("aria-pressed", String(this.withData));
    this.show();
  }

  setOpened(index) {
    this.opened = index;
    const node = this.nodes?.get(definitionOf(rows[index]).key);
    for (const chosen of this.stage.querySelectorAll(".chosen")) chosen.classList.remove("chosen");
    node?.classList.add("chosen");
    if (node) this.viewport.reveal(node);
  }
}
