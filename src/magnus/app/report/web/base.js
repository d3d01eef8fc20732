// What everything else uses: elements made of text alone, numbers and times as people read them.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}

const number = new Intl.NumberFormat("en-GB");
const clock = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

function counted(count, noun, plural = `${noun}s`) {
  return `${number.format(count)} ${count === 1 ? noun : plural}`;
}

function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined || Number.isNaN(milliseconds)) return "";
  const seconds = milliseconds / 1000;
  if (milliseconds < 1) return `${Math.round(milliseconds * 1000)} µs`;
  if (seconds < 1) return `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (part) => String(part).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${number.format(Math.floor(whole / 3600))} h ${two(Math.floor(whole / 60) % 60)} min`;
}

function bytes(size) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit && size < 100 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

function when(text) {
  return element("time", { datetime: text, title: text }, clock.format(new Date(text)));
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = element("textarea", { class: "out-of-sight", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 1500);
}

function copyButton(text, what) {
  const button = element("button", { class: "quiet copy", type: "button", "aria-label": `Copy ${what}` }, "Copy");
  button.addEventListener("click", () => copy(text, button));
  return button;
}

const WORDS = {
  SUCCESS: ["succeeded", "✓"],
  FAIL: ["failed", "✕"],
  LOST: ["lost", "?"],
  PROCESSING: ["running", "…"],
  TRIGGERED: ["waiting", "…"],
  CREATED: ["not begun", "·"],
  TAKEN: ["taken over", "↷"],
};

function mark(status) {
  return element("span", { class: `mark ${status}`, "aria-hidden": "true" }, WORDS[status][1]);
}

function badge(status) {
  return element("span", { class: `badge ${status}` }, mark(status), WORDS[status][0]);
}
