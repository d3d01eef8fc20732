"""Fits a line by gradient descent with several settings, and tracks how each of them learns."""

import random
from pathlib import Path

from magnus import track_this

NOISE = random.Random(7)
POINTS = [(x / 50, 3 * x / 50 + 2 + NOISE.gauss(0, 0.2)) for x in range(100)]
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 160"><rect width="300" height="160" fill="white"/>{}</svg>'


def settings(epochs: int = 60) -> list[dict]:
    """All combinations of two options; a branch is called by the keys that differ."""
    return [
        {"learning_rate": rate, "momentum": momentum, "epochs": epochs}
        for rate in (0.02, 0.1, 0.3)
        for momentum in (0.0, 0.5)
    ]


def train(setting: dict) -> float:
    """Fit the line, track the error of each epoch, draw the points with the line, and return the error at the end."""
    training, validation = POINTS[::2], POINTS[1::2]
    slope = start = slope_step = start_step = 0.0
    for epoch in range(setting["epochs"]):
        errors = [(slope * x + start - y, x) for x, y in training]
        slope_step = setting["momentum"] * slope_step - setting["learning_rate"] * sum(e * x for e, x in errors) / len(
            errors
        )
        start_step = setting["momentum"] * start_step - setting["learning_rate"] * sum(e for e, _ in errors) / len(
            errors
        )
        slope, start = slope + slope_step, start + start_step
        track_this(step=epoch, train_loss=error(training, slope, start), val_loss=error(validation, slope, start))
    track_this(slope=slope)
    dots = "".join(f'<circle cx="{x * 145 + 5:.1f}" cy="{150 - y * 14:.1f}" r="2" fill="#8792a2"/>' for x, y in POINTS)
    line = f'<path d="M5 {150 - start * 14:.1f}L295 {150 - (slope * 2 + start) * 14:.1f}" stroke="#2f6fd0" stroke-width="2"/>'
    picture = Path(f"curve-{setting['learning_rate']}-{setting['momentum']}.svg")
    picture.write_text(SVG.format(dots + line))
    return error(validation, slope, start)


def choose(settings: list[dict], final_loss: list[float]) -> dict:
    """The setting with the least error at the end."""
    return {"best": settings[final_loss.index(min(final_loss))]}


def error(points: list[tuple[float, float]], slope: float, start: float) -> float:
    """The mean squared error of a line."""
    return sum((slope * x + start - y) ** 2 for x, y in points) / len(points)
