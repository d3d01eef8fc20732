// A page in place of one that cannot be read now; it is loaded again when it can be.

const { problem, events } = JSON.parse(document.getElementById("data").textContent);

document.body.classList.add("flowing");
document.body.append(navigation("problem", themeSwitch()), element("main", { class: "plain problem" },
  element("section", { class: "card" },
    element("h1", {}, "This cannot be shown"),
    element("p", { id: "problem", role: "alert" }, problem),
    element("p", { class: "hint" }, events ? "The page shows it as soon as it can be read." : "",
      element("button", { type: "button", class: "quiet", onclick: () => location.reload() }, "Try again")))));
if (events) {
  follow("problem", () => events, {
    report: () => location.reload(),
    problem: (text) => (document.getElementById("problem").textContent = text),
  });
}
document.body.append(banner);
