"""What the pipelines of the corpus call."""

import os
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import NamedTuple

from pydantic import BaseModel, Field


class Model(BaseModel):
    name: str
    depth: int = Field(alias="Depth")


@dataclass
class Point:
    x: int
    y: float = 0.5


class Pair(NamedTuple):
    left: int
    right: str


class Colour(Enum):
    RED = "red"


def nothing(): ...
def one():
    return 1


def items():
    return ["a.b", "c/d", "e f", "50%", "", "ü😀", 1, 1.5, True, None, [1, [2]], {"k": {"n": None}}, "a.b"]


def numbers(n: int = 3):
    return list(range(n))


def model():
    return Model(name="m", Depth=3)


def point():
    return Point(4)


def pair():
    return Pair(1, "r")


def takes_all(
    m: Model, p: Point, when: date, colour: Colour = Colour.RED, *, text: str, more: int | None = None, **rest
):
    return {"said": f"{m.name}{m.depth}{p.x}{when.year}{colour.value}{text}{more}", "names": sorted(rest)}


def fail(x=None):
    raise ValueError(f"on purpose {x}")


def fail_odd(x):
    if x % 2:
        raise ValueError(f"{x} is odd")
    return {"even": x}


def square(x):
    return x * x


def add(a, b):
    return a + b


def total(*values):
    return sum(values)


async def later():
    return "later"


def third_time():
    """Fails in the first two attempts."""
    attempt = int(os.environ["MAGNUS_STEP_ATTEMPT"])
    if attempt < 2:
        raise RuntimeError(f"attempt {attempt}")
    return {"attempt": attempt}


def changes_its_surroundings():
    os.environ["LEAKED"] = "yes"
    os.chdir("/")


def looks_around():
    return {"leaked": os.environ.get("LEAKED"), "here": os.path.exists("work.py")}


def sets():
    from magnus import set_parameter, track_this

    set_parameter(set_inside=[1, 2])
    track_this(loss=0.5)
    track_this(step=1, accuracy=0.25)
    track_this(step=2, accuracy=0.75)


def names_itself():
    return os.environ["MAGNUS_STEP_NAME"]


def where():
    return os.environ.get("MAGNUS_MAP_VARIABLE")


def enough(i=0):
    return i >= 2


def exits():
    raise SystemExit(3)


def kind(x):
    return "left" if x == 0 else "right"


def large_rows():
    return [["ab" * 700, 1], ["cd" * 900, None], {"ü": "\n" * 400}], [True] * 500, "go"


def same_rows(rows: list):
    assert rows[2] == {"ü": "\n" * 400}
    return rows


def count_rows(rows):
    return len(rows)


def doubled(row):
    return [row, row], len(str(row))


def lengths(*values):
    return [len(str(value)) for value in values]


def grown(rows: list, grows: list | None = None):
    return [*(grows or []), *rows], False


def asks_for_rows():
    from magnus import get_parameter

    return [len(get_parameter("rows")), len(get_parameter()["doubled"]), get_parameter("flags") == [True] * 500]
