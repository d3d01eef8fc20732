// Light or dark: as the system, or as the switch says.

function themeSwitch() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try {
    chosen = localStorage.getItem("magnus-report-theme");
  } catch {
    // a browser that stores nothing for files
  }
  const button = element("button", { type: "button", class: "quiet theme", id: "theme", title: "Light or dark" }, "◐");
  const show = () => {
    const theme = chosen || (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    button.setAttribute("aria-label", `Switch to ${theme === "dark" ? "light" : "dark"}`);
  };
  button.addEventListener("click", () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("magnus-report-theme", chosen);
    } catch {
      // it is dark or light until the page is closed
    }
    show();
  });
  dark.addEventListener("change", show);
  show();
  return button;
}
