"""The steps of the pipeline: plain functions, whose arguments are parameters of the same names."""

import random
from pathlib import Path
from statistics import mean


def load(days: int, seed: int) -> dict[str, list[float]]:
    """Make the sales of some days. Read your own data here."""
    noise = random.Random(seed)
    return {"sales": [round(100 + day + noise.gauss(0, 8), 1) for day in range(days)]}


def evaluate(sales: list[float], window: int) -> float:
    """The mean error when the mean of the last `window` days is the forecast for the next day."""
    errors = [abs(sales[day] - mean(sales[day - window : day])) for day in range(window, len(sales))]
    print(f"window of {window}: {len(errors)} forecasts")
    return round(mean(errors), 3)


def choose(windows: list[int], error: list[float]) -> dict[str, int | float]:
    """The window with the smallest error."""
    smallest = min(error)
    return {"best_window": windows[error.index(smallest)], "smallest_error": smallest}


def report(windows: list[int], error: list[float], best_window: int) -> None:
    """Write a table of all windows."""
    rows = [f"| {window} | {value} |" for window, value in zip(windows, error, strict=True)]
    table = ["| days | mean error |", "|---|---|", *rows]
    Path("report.md").write_text("\n".join([f"# The best window has {best_window} days", "", *table, ""]))
