// The page of a run that is followed: the server sends a newer report whenever there is one.

let received = performance.now();
let images = [];

const page = new RunPage();

function showReport(data) {
  received = performance.now();
  images = data.images ?? images;
  const hadCause = page.steps !== undefined && head.cause !== undefined;
  page.show({ ...data, images });
  const statement = document.getElementById("verdict");
  if (statement && head.status === "PROCESSING" && head.cause === undefined) statement.textContent = "The run is running.";
  if (!hadCause && head.cause !== undefined && page.current === 0 && wide.matches) page.open(head.cause);
}

// As long as the run goes on, its time does too, also when nothing happens.
function tickOn() {
  if (head.status !== "PROCESSING" || document.hidden) return;
  const now = new Date(head.written).getTime() + performance.now() - received;
  endTime = Math.max(lastTime, now - new Date(head.start));
  drawAxis(page.steps.axis, page.steps.lines);
  page.steps.redraw();
  for (const name of page.head.querySelectorAll("dt")) if (name.textContent === "So far") name.nextSibling.textContent = duration(endTime);
  const row = rows[page.current];
  if (row.status !== "PROCESSING" || row.end !== undefined) return;
  for (const name of page.details.pane.querySelectorAll("th")) if (name.textContent === "took") name.nextSibling.textContent = duration(took(row));
}

showReport(JSON.parse(document.getElementById("data").textContent));
document.body.prepend(banner, navigation("run", head.original_run_id
  ? element("a", { href: addressOfComparison([head.original_run_id, head.run_id]) }, "Compare with the run it resumes") : null));
setInterval(tickOn, 1000);
if (!report.is_over) {
  follow("run", () => `run.events?${new URLSearchParams({ id: head.run_id, seen: report.version })}`, { report: showReport });
}
