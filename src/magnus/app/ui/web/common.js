// What every page of the server has: the way back to the list.

const addressOfRun = (runId) => `run?${new URLSearchParams({ id: runId })}`;
const addressOfComparison = (runIds) => `compare?${new URLSearchParams(runIds.map((id) => ["id", id]))}`;

function navigation(here, ...links) {
  const list = here === "runs" ? element("h1", {}, "Runs") : element("a", { href: "./", id: "to-runs" }, "Runs");
  return element("nav", { class: "site", "aria-label": "magnus" }, element("span", { class: "brand" }, "magnus"), list, links);
}
