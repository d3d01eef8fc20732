// When steps ran, as bars on one axis for the whole run.

const placeOf = (time) => (endTime > 0 ? (Math.max(0, time) / endTime) * 100 : 0);

function placed(bar, start, length) {
  bar.style.left = `${placeOf(start)}%`;
  bar.style.width = `max(${Math.max(0, placeOf(start + length) - placeOf(start))}%, 3px)`;
  return bar;
}

// Each attempt is a bar, what is around other steps a thin one.
function bars(row) {
  if (row.start === undefined) return [];
  const end = endOf(row);
  if (row.children.length || !row.attempts.length) {
    const kind = row.children.length || !row.isStep ? "around" : "attempt";
    return [placed(element("span", { class: `${kind} ${row.status}` }), row.start, end - row.start)];
  }
  const made = row.attempts.map((attempt) =>
    placed(element("span", { class: `attempt ${attempt.status}` }), attempt.start, attempt.duration));
  if (made.length > 1) made.unshift(placed(element("span", { class: "pause" }), row.start, end - row.start));
  return made;
}

const LABEL_WIDTH = 62;

// The moments on the axis and its end, and the lines below them through the list.
function drawAxis(axis, lines) {
  const across = axis.clientWidth || 400;
  const step = tick(endTime / Math.max(2, Math.floor(across / 75)));
  const moments = [];
  for (let time = 0; step > 0 && time <= endTime && moments.length < 50; time += step) moments.push(time);
  const at = (time, text, kind) => {
    const made = element("span", { class: kind }, text);
    made.style.left = `${placeOf(time)}%`;
    return made;
  };
  const before = (time) => ((100 - placeOf(time)) / 100) * across;
  const hasRoom = (time) => before(time) > 2 * LABEL_WIDTH;
  axis.replaceChildren(...moments.filter((time) => before(time) > LABEL_WIDTH).map((time) => at(time, hasRoom(time) ? (time ? duration(time) : "0") : "")),
    ...(endTime > 0 ? [at(endTime, duration(endTime), "last")] : []));
  lines.replaceChildren(...moments.filter((time) => before(time) > 8).map((time) => at(time)), ...(endTime > 0 ? [at(endTime, "", "last")] : []));
}

// The least of 1, 2, 5 and their kind that is at least so long; above a second what clocks are divided into.
function tick(least) {
  const clockwise = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
  const known = clockwise.find((seconds) => seconds * 1000 >= least);
  if (least >= 500 && known) return known * 1000;
  if (!(least > 0)) return 0;
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((digit) => digit * power).find((length) => length >= least);
}
