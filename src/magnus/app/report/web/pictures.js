// Pictures from the catalog, small in the details and large in a dialog, and executed notebooks.

function sourceOf(image) {
  return `data:${image.type};base64,${image.content}`;
}

// Pictures in a row as [row, file], with those that are left out. Steps come before the map around them, which has their files, too.
function picturesIn(row) {
  const own = row.files.filter((file) => file.image !== undefined || file.notebook !== undefined || file.reason);
  return [...row.children.flatMap((child) => picturesIn(rows[child])), ...own.map((file) => [row, file])];
}

const MOST_THUMBNAILS = 60;

function picturesSection(row, open) {
  const found = unique(picturesIn(row));
  const images = found.filter(([, file]) => file.image !== undefined);
  const reasons = found.filter(([, file]) => file.reason);
  const books = found.filter(([, file]) => file.notebook !== undefined);
  const many = images.length > MOST_THUMBNAILS ? element("p", { class: "hint" }, `and ${counted(images.length - MOST_THUMBNAILS, "more picture")}, each at its step`) : null;
  return [
    section("Pictures", images.length ? element("ul", { class: "pictures" }, images.slice(0, MOST_THUMBNAILS).map((_, place) => thumbnail(images, place, row))) : null, many,
      reasons.length ? missingPictures(reasons) : null),
    row.children.length ? section("Notebooks", books.length ? element("ul", { class: "listed" }, books.slice(0, MOST_THUMBNAILS).map(([of, file]) => element("li", {},
      element("button", { class: "link", type: "button", onclick: () => open(of.index) }, mark(of.look), element("span", {}, file.name))))) : null)
      : books.map(([, file]) => notebookSection(file)),
  ].flat().filter(Boolean);
}

function missingPictures(reasons) {
  const listed = reasons.slice(0, 40).map(([, file]) => element("li", {}, element("code", {}, file.name), ` (${bytes(file.size)}): ${file.reason}`));
  return element("div", {}, element("p", { class: "hint" }, "Not in this report:"), element("ul", { class: "missing" }, listed),
    reasons.length > 40 ? element("p", { class: "hint" }, `and ${number.format(reasons.length - 40)} more`) : null);
}

// A file that one step puts and others get is one picture.
function unique(found) {
  const seen = new Set();
  return found.filter(([, file]) => {
    const key = `${file.name}\0${file.data_hash}`;
    return !seen.has(key) && seen.add(key);
  });
}

function thumbnail(images, place, around) {
  const [row, file] = images[place];
  const names = trail(row).slice(trail(around).length).join(" / ");
  return element("li", {}, element("button", { type: "button", class: "thumbnail", "aria-label": `Open ${file.name}${names ? ` of ${names}` : ""}`,
    onclick: () => openPicture(images, place) },
  element("img", { src: sourceOf(report.images[file.image]), alt: "", loading: "lazy" }), element("span", {}, file.name), names ? element("span", { class: "hint" }, names) : null));
}

function openPicture(found, first) {
  const images = found.map(([row, file]) => ({ name: file.name, size: file.size, names: trail(row).join(" / "), source: sourceOf(report.images[file.image]) }));
  let place = first;
  const picture = element("img", {});
  const caption = element("p", { class: "caption", "aria-live": "polite" });
  const show = () => {
    const { name, size, names, source } = images[place];
    picture.setAttribute("src", source);
    picture.setAttribute("alt", visible(`${name} of ${names}`));
    caption.textContent = visible(`${name}, ${bytes(size)}, of ${names}${images.length > 1 ? ` (${place + 1} of ${images.length})` : ""}`);
  };
  const turn = (by) => {
    place = (place + by + images.length) % images.length;
    show();
  };
  const button = (label, text, act) => element("button", { type: "button", class: "quiet", "aria-label": label, onclick: act }, text);
  const dialog = element("dialog", { class: "large-picture", "aria-label": "Picture" },
    element("div", { class: "bar" }, caption, element("span", { class: "tools" },
      images.length > 1 ? [button("Previous picture", "←", () => turn(-1)), button("Next picture", "→", () => turn(1))] : null,
      button("Close the picture", "✕", () => dialog.close()))),
    picture);
  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "ArrowLeft") turn(-1);
    else if (event.key === "ArrowRight") turn(1);
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  show();
  document.body.append(dialog);
  dialog.showModal();
}

// An executed notebook: its cells with their outputs as text and pictures.
function notebookSection(file) {
  const notebook = report.notebooks[file.notebook];
  const cells = notebook.cells.map((cell) => element("div", { class: `cell ${cell.kind}` },
    cell.source ? element(cell.kind === "code" ? "pre" : "p", cell.kind === "code" ? { tabindex: "0" } : {}, cell.source) : null,
    (cell.outputs ?? []).map((output) => output.image === undefined
      ? element("pre", { class: output.is_error ? "output bad-output" : "output", tabindex: "0" }, output.text)
      : element("img", { src: sourceOf(report.images[output.image]), alt: output.text || "Output of the cell" }))));
  const left = notebook.left_out ? element("p", { class: "hint" }, `${counted(notebook.left_out, "more cell")} ${notebook.left_out === 1 ? "is" : "are"} left out.`) : null;
  return section(`Notebook ${file.name}`, element("div", { class: "notebook" }, cells), left);
}
