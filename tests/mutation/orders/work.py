"""What the pipeline of orders calls."""

from typing import Literal

from pydantic import BaseModel


class Split(BaseModel):
    regions: list[str]
    limit: float


def fetch(days: int):
    return {"north": [float(days)], "south": [2.5]}, "monday"


def old_orders() -> tuple[dict[str, list[float]], str]:
    return {"north": [1.0], "south": [2.0]}, "sunday"


def split(orders: dict[str, list[float]]) -> Split:
    return Split(regions=list(orders), limit=10.0)


def sum_up(region: str, orders: dict[str, list[float]]) -> float:
    return sum(orders[region])


def total(*amounts: float) -> float:
    return sum(amounts)


def rate(amount: float, limit: float) -> Literal["good", "poor"]:
    return "good" if amount > limit else "poor"


def praise(amount: float, day: str) -> str:
    return f"well done on {day}: {amount}"


def add_a_bit(amount: float, turn: int) -> tuple[float, bool]:
    return amount + 10, amount > 30 + turn


def explain(amount: float, enough: bool) -> str:
    return f"{amount} is {'enough' if enough else 'too little'}"


def post(letter: str, parcel: str):
    print(letter, parcel)
