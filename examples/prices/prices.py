"""Plain functions that fit a line to prices of houses. Nothing of magnus is in them."""

import csv
import random
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Line:
    slope: float
    start: float


def load(houses: int = 40, seed: int = 7):
    """Write prices.csv: the size of each house in units of 100 m2, and its price."""
    numbers = random.Random(seed)
    with Path("prices.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        for _ in range(houses):
            size = numbers.uniform(0.5, 2.5)
            writer.writerow([size, 120 + 210 * size + numbers.gauss(0, 15)])
    return {"rates": [0.01, 0.05, 0.1, 0.2]}


def fit(rate: float, epochs: int = 40, pause: float = 0.0):
    """Fit a line by gradient descent; a pause of some seconds after each epoch leaves time to watch it."""
    rows = read()
    line, error = Line(0.0, 0.0), 0.0
    for epoch in range(1, epochs + 1):
        misses = [line.start + line.slope * size - price for size, price in rows]
        line.start -= rate * sum(misses) / len(rows)
        line.slope -= rate * sum(miss * size for miss, (size, _) in zip(misses, rows, strict=True)) / len(rows)
        error = (sum(miss * miss for miss in misses) / len(rows)) ** 0.5
        if epoch % 10 == 0:
            print(f"epoch {epoch}/{epochs}  error {error:.1f}")
        time.sleep(pause)
    return line, round(error, 3)


def choose(rates: list[float], lines: list[Line], error: list[float]):
    best = min(range(len(rates)), key=error.__getitem__)
    return {"best_rate": rates[best], "price_of_100_m2": round(lines[best].start + lines[best].slope)}


def read():
    with Path("prices.csv").open(newline="") as file:
        return [(float(size), float(price)) for size, price in csv.reader(file)]
