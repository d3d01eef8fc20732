// Output as a page that follows a run has it: read when a step is opened, and what follows as it comes. It stands in place of
// the output that a report has. A step with branches has the output of the steps in it.

const MOST_CHARACTERS = 2_000_000;

let openedOutput = null;

// The lines so far, and the last one, which may have no end yet.
class Output {
  constructor(row) {
    this.path = row.path;
    this.last = document.createTextNode("");
    this.text = element("pre", { class: "log", tabindex: "0", role: "region", "aria-label": "Output" }, this.last);
    this.hint = element("p", { class: "hint" });
    const wrap = element("button", { class: "quiet", type: "button", "aria-pressed": "false" }, "Wrap");
    wrap.addEventListener("click", () => wrap.setAttribute("aria-pressed", String(this.text.classList.toggle("wrap"))));
    const copying = element("button", { class: "quiet copy", type: "button", "aria-label": "Copy the output" }, "Copy");
    copying.addEventListener("click", () => copy(this.text.textContent, copying));
    this.section = element("section", { class: "output" },
      element("h3", {}, "Output", element("span", { class: "tools" }, wrap, copying)), this.hint, this.text,
      commandLine(`${stepCommand("logs")} ${quoted(row.path)}`));
    this.clear();
    // What is not shown, as on paper, is not read; what was taken out of the page is not followed any more.
    new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) this.begin();
      else if (!this.section.isConnected) this.stop();
    }).observe(this.section);
  }

  begin() {
    this.end ??= follow("output", () => this.address(), { output: (piece) => this.add(piece), over: () => this.finish() });
  }

  stop() {
    this.end?.();
    this.end = null;
  }

  // Each stream starts with the end of the output, so what another one gave before is dropped.
  address() {
    this.clear();
    return `output.events?${new URLSearchParams({ id: head.run_id, step: this.path })}`;
  }

  clear() {
    this.text.replaceChildren(this.last);
    this.last.data = "";
    [this.length, this.leftOut] = [0, 0];
    this.hint.textContent = "Reading the output …";
  }

  add({ text = "", line = "", left_out: leftOut = 0 }) {
    const isAtEnd = this.text.scrollTop + this.text.clientHeight >= this.text.scrollHeight - 8;
    this.leftOut += leftOut;
    if (text) this.last.before(text);
    this.last.data = line;
    this.length += text.length;
    while (this.length > MOST_CHARACTERS && this.text.firstChild !== this.last) {
      this.length -= this.text.firstChild.length;
      this.leftOut += this.text.firstChild.length;
      this.text.firstChild.remove();
    }
    this.hint.textContent = this.leftOut ? `The end of the output; about ${bytes(this.leftOut)} before it are left out.` : "";
    if (isAtEnd) this.text.scrollTop = this.text.scrollHeight;
  }

  finish() {
    if (this.length + this.last.length === 0) this.hint.textContent = "It printed nothing.";
  }
}

function logSection(row) {
  if (!row.isStep || row.look === "REUSED") return null;
  if (openedOutput?.path !== row.path || !openedOutput.section.isConnected) openedOutput = new Output(row);
  return openedOutput.section;
}
