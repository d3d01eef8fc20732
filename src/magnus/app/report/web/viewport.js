// What of a picture can be seen, and how large: moved and zoomed by hand.

const READABLE = 0.62;

class PictureView {
  constructor(stage) {
    this.stage = stage;
    [this.x, this.y, this.scale, this.width, this.height] = [0, 0, 1, 1, 1];
    this.wasMoved = false;
  }

  // Show this picture from now on.
  use(picture) {
    this.picture = picture;
    [, , this.width, this.height] = picture.getAttribute("viewBox").split(/[\s,]+/).map(Number);
  }

  get across() {
    return this.stage.clientWidth || 300;
  }

  get down() {
    return this.stage.clientHeight || 200;
  }

  get fitting() {
    return Math.min(this.across / this.width, this.down / this.height);
  }

  apply() {
    this.picture?.setAttribute("viewBox", `${this.x} ${this.y} ${this.across / this.scale} ${this.down / this.scale}`);
  }

  showWhole() {
    this.picture?.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
  }

  // All of it.
  begin() {
    this.scale = Math.min(1.1, this.fitting);
    this.centre(this.width / 2, 0);
    this.wasMoved = false;
  }

  fit() {
    this.scale = Math.min(1.2, this.fitting);
    this.centre(this.width / 2, this.height / 2);
    this.wasMoved = false;
  }

  // Have a point of the picture in the middle, as far as the picture goes.
  centre(x, y) {
    const kept = (at, visible, whole) => (visible >= whole ? (whole - visible) / 2 : Math.min(Math.max(at - visible / 2, 0), whole - visible));
    this.x = kept(x, this.across / this.scale, this.width);
    this.y = kept(y, this.down / this.scale, this.height);
    this.apply();
  }

  move(across, down) {
    this.wasMoved = true;
    this.x += across / this.scale;
    this.y += down / this.scale;
    this.apply();
  }

  zoom(factor, at = { x: this.across / 2, y: this.down / 2 }) {
    this.wasMoved = true;
    const scale = Math.min(4, Math.max(Math.min(this.fitting, READABLE) / 2, this.scale * factor));
    this.x += at.x / this.scale - at.x / scale;
    this.y += at.y / this.scale - at.y / scale;
    this.scale = scale;
    this.apply();
  }

  // Where an element of the picture cannot be seen whole: bring it to the middle, of a large one the top.
  reveal(node) {
    if (!this.wasMoved) return;
    const place = node.getBoundingClientRect();
    const around = this.stage.getBoundingClientRect();
    if (place.left >= around.left && place.right <= around.right && place.top >= around.top && place.bottom <= around.bottom) return;
    this.centre((place.left + place.width / 2 - around.left) / this.scale + this.x,
      (Math.min(place.top + place.height / 2, place.top + around.height / 3) - around.top) / this.scale + this.y);
  }
}

// Let the stage be dragged, and turned by the wheel; says whether the last click was the end of a drag.
function dragging(stage, viewport) {
  let from = null;
  let moved = false;
  stage.addEventListener("wheel", (event) => {
    const around = stage.getBoundingClientRect();
    if (event.ctrlKey || event.metaKey) {
      viewport.zoom(event.deltaY > 0 ? 0.87 : 1.15, { x: event.clientX - around.left, y: event.clientY - around.top });
    } else if (wide.matches) viewport.move(event.deltaX, event.deltaY);
    else return;
    event.preventDefault();
  }, { passive: false });
  stage.addEventListener("pointerdown", (event) => {
    from = { x: event.clientX, y: event.clientY };
    moved = false;
  });
  window.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [across, down] = [from.x - event.clientX, from.y - event.clientY];
    if (!moved && Math.abs(across) + Math.abs(down) < 5) return;
    moved = true;
    viewport.move(across, down);
    from = { x: event.clientX, y: event.clientY };
  });
  window.addEventListener("pointerup", () => (from = null));
  return () => moved;
}
