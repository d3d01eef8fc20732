// The picture of the pipeline: coloured by what became of each step, moved and zoomed by hand.

const READABLE = 0.62;

function graphPane(onOpen) {
  const picture = document.querySelector("#picture-source svg");
  if (!picture) return { pane: null, setOpened() {}, showWhole() {}, showPart() {} };
  const byKey = new Map();
  for (const row of rows) {
    const key = definitionOf(row).key;
    if (key === undefined) continue;
    if (!byKey.has(key)) byKey.set(key, []);
    byKey.get(key).push(row);
  }
  const [, , width, height] = picture.getAttribute("viewBox").split(/[\s,]+/).map(Number);
  const view = { x: 0, y: 0, scale: 1 };
  let key;
  let dragged = null;
  let wasDragged = false;

  const button = (label, text, act) => element("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick: act }, text);
  const stage = element("div", { class: "stage", tabindex: "0", role: "application",
    "aria-label": "The pipeline. Arrow keys move it, plus and minus zoom; the list has the same steps." });
  const pane = element("section", { class: "card graph", "aria-label": "Pipeline" },
    element("div", { class: "bar" }, element("h2", {}, "Pipeline"), legend(),
      element("span", { class: "tools" }, button("Zoom out", "−", () => zoom(0.8)), button("Zoom in", "+", () => zoom(1.25)), button("Show all of it", "Fit", fit))),
    stage);
  picture.removeAttribute("width");
  picture.removeAttribute("height");
  picture.setAttribute("preserveAspectRatio", "xMidYMid meet");
  stage.append(picture);

  function legend() {
    const known = ["SUCCESS", "FAIL", "LOST", "PROCESSING", "TAKEN"].filter((look) => rows[0].counts[look]);
    return element("span", { class: "legend", "aria-hidden": "true" }, known.map((look) =>
      element("span", {}, element("i", { class: look }), WORDS[look][0])), element("span", {}, element("i", { class: "NONE" }), "not reached"));
  }

  function target(path) {
    const found = byKey.get(path) || [];
    return found.find(isBad) || found[0];
  }

  const size = () => ({ width: stage.clientWidth || 300, height: stage.clientHeight || 200 });

  function apply() {
    const { width: across, height: down } = size();
    picture.setAttribute("viewBox", `${view.x} ${view.y} ${across / view.scale} ${down / view.scale}`);
  }

  function centre(x, y) {
    const { width: across, height: down } = size();
    const kept = (at, visible, whole) => (visible >= whole ? (whole - visible) / 2 : Math.min(Math.max(at - visible / 2, 0), whole - visible));
    view.x = kept(x, across / view.scale, width);
    view.y = kept(y, down / view.scale, height);
    apply();
  }

  const whole = () => Math.min(size().width / width, size().height / height);

  function fit() {
    view.scale = Math.min(1.2, whole());
    centre(width / 2, height / 2);
  }

  // All of it where that can be read; else as much as can be, around the step that is open.
  function begin() {
    view.scale = Math.min(1.1, Math.max(whole(), Math.min(size().width / width, 1), READABLE));
    centre(width / 2, 0);
    reveal();
  }

  function reveal() {
    const node = nodeOf(key);
    if (!node) return;
    const place = node.getBoundingClientRect();
    const around = stage.getBoundingClientRect();
    if (place.left >= around.left && place.right <= around.right && place.top >= around.top && place.bottom <= around.bottom) return;
    centre((place.left + place.width / 2 - around.left) / view.scale + view.x,
      (Math.min(place.top + place.height / 2, place.top + around.height / 3) - around.top) / view.scale + view.y);
  }

  function zoom(factor, at = { x: size().width / 2, y: size().height / 2 }) {
    const scale = Math.min(4, Math.max(Math.min(whole(), READABLE) / 2, view.scale * factor));
    view.x += at.x / view.scale - at.x / scale;
    view.y += at.y / view.scale - at.y / scale;
    view.scale = scale;
    apply();
  }

  function point(event) {
    const around = stage.getBoundingClientRect();
    return { x: event.clientX - around.left, y: event.clientY - around.top };
  }

  function nodeOf(wanted) {
    return wanted === undefined ? undefined : [...picture.querySelectorAll("[data-path]")].find((node) => node.dataset.path === wanted);
  }

  stage.addEventListener("wheel", (event) => {
    if (event.ctrlKey || event.metaKey) zoom(event.deltaY > 0 ? 0.87 : 1.15, point(event));
    else if (!wide.matches) return;
    else {
      view.x += event.deltaX / view.scale;
      view.y += event.deltaY / view.scale;
      apply();
    }
    event.preventDefault();
  }, { passive: false });
  stage.addEventListener("pointerdown", (event) => {
    dragged = { pageX: event.clientX, pageY: event.clientY, ...view };
    wasDragged = false;
  });
  window.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    const [across, down] = [event.clientX - dragged.pageX, event.clientY - dragged.pageY];
    if (Math.abs(across) + Math.abs(down) > 4) wasDragged = true;
    if (wasDragged) {
      view.x = dragged.x - across / view.scale;
      view.y = dragged.y - down / view.scale;
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
      view.x += (moves[event.key][0] * size().width) / 8 / view.scale;
      view.y += (moves[event.key][1] * size().height) / 8 / view.scale;
      apply();
    } else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  function setOpened(index) {
    nodeOf(key)?.classList.remove("chosen");
    ({ key } = definitionOf(rows[index]));
    nodeOf(key)?.classList.add("chosen");
    reveal();
  }

  let begun = false;
  new ResizeObserver(() => {
    if (matchMedia("print").matches) return;
    if (begun) apply();
    else begin();
    begun = true;
  }).observe(stage);

  const showWhole = () => picture.setAttribute("viewBox", `0 0 ${width} ${height}`);

  return { pane, setOpened, showWhole, showPart: apply };
}
