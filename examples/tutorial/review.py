"""The report of a run."""

from pathlib import Path


def report(best: dict, smallest_error: float, unseen_error: float) -> None:
    setting = ", ".join(f"{name} {value}" for name, value in best.items())
    lines = [
        "# Progression of diabetes",
        "",
        f"- best setting: {setting}",
        f"- mean error in the search: {smallest_error:.1f}",
        f"- mean error for unseen patients: {unseen_error:.1f}",
        "",
        "![expected and real progression](progression.png)",
    ]
    Path("report.md").write_text("\n".join(lines) + "\n")
