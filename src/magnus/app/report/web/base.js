// What everything else uses: elements made of text alone, numbers and times as people read them, as `app.text.units` has them.

// Characters that reverse or hide the text around them; they are shown as escapes.
const STRANGE = /[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g;
const visible = (text) => text.replace(STRANGE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);

function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function drawn(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, typeof value === "string" ? visible(value) : value);
  }
  const parts = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== "" && child !== false);
  made.append(...parts.map((child) => (typeof child === "string" ? visible(child) : child)));
  return made;
}

const number = new Intl.NumberFormat("en-GB");
const clock = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

function counted(count, noun, plural = `${noun}s`) {
  return `${number.format(count)} ${count === 1 ? noun : plural}`;
}

function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined || Number.isNaN(milliseconds)) return "";
  const seconds = Math.max(milliseconds, 0) / 1000;
  if (seconds < 0.00995) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 0.9995) return `${(seconds * 1000).toFixed(0)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [minutes, hours] = [Math.floor(whole / 60), Math.floor(whole / 3600)];
  const two = (part) => String(part).padStart(2, "0");
  if (minutes < 1) return `${whole} s`;
  if (hours < 1) return `${minutes} m ${two(whole % 60)} s`;
  return hours < 24 ? `${hours} h ${two(minutes % 60)} m` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const CLOSING = { "[": "]", "{": "}", '"': '"' };

// What closes all that is open at the end of the beginning of some JSON, and where its last item begins.
function opened(text) {
  let [closing, item, inText] = ["", 0, false];
  for (let at = 0; at < text.length; at += 1) {
    if (inText && text[at] === "\\") at += 1;
    else if (text[at] === '"') inText = !inText;
    else if (inText) continue;
    else if (text[at] === ",") item = at + 2;
    else if (text[at] in CLOSING) closing = CLOSING[text[at]] + closing;
    else if (closing.startsWith(text[at])) closing = closing.slice(1);
  }
  return [inText ? `"${closing}` : closing, item || text.length];
}

// The text in so many characters; of JSON that is cut, what had been opened is closed again: `[1, 2, …]`.
function short(text, longest) {
  if (text.length <= longest) return text;
  let kept = text.slice(0, longest - 1);
  while (text[0] in CLOSING && kept.length > 1) {
    kept = kept.slice(0, opened(kept)[1]);
    const [closing] = opened(kept);
    if (kept.length + 1 + closing.length <= longest) return `${kept}…${closing}`;
    kept = kept.slice(0, -1).replace(/[ ,\\]+$/, "");
  }
  return `${text.slice(0, longest - 1)}…`;
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
  CREATED: ["not started", "·"],
  REUSED: ["reused", "↷"],
};

function mark(status) {
  return element("span", { class: `mark ${status}`, "aria-hidden": "true" }, WORDS[status][1]);
}

function badge(status) {
  return element("span", { class: `badge ${status}` }, mark(status), WORDS[status][0]);
}
