"""The pipelines of the contract of transpilers: each shape of step and of edge, alone and inside others; odd names."""

from collections.abc import Mapping
from typing import Final

from magnus.graph.path import StepPath
from magnus.values import Json

CHAIN: Final = "chain"


def _task(following: str = "success", **more: Json) -> Json:
    return {"command_type": "shell", "command": 'echo "$x"', "next": following, **more}


def _pipeline(start_at: str, **steps: Json) -> Json:
    return {"start_at": start_at, "steps": steps}


_ONE: Final = _pipeline("one", one=_task())
_BESIDE: Final = {"left": _ONE, "right side": _pipeline("a", a=_task("b", on_failure="b"), b=_task())}
_MAP: Final = {"type": "map", "iterate_on": "xs", "iterate_as": "x", "branch": _ONE, "next": "success"}
_LOOP: Final = {"type": "loop", "branch": _ONE, "max_iterations": 3, "break_on": "done", "next": "success"}
_CHOICE: Final = {"type": "conditional", "parameter": "chosen", "branches": {"a": _ONE, "b": _ONE}, "next": "success"}
_PARALLEL: Final = {"type": "parallel", "branches": _BESIDE, "next": "success"}

SHAPES: Final[Mapping[str, Json]] = {
    CHAIN: _pipeline("a", a=_task("b"), b=_task("c"), c=_task()),
    "stub": _pipeline("a", a={"type": "stub", "whatever": [1, 2], "next": "success"}),
    "failures": _pipeline("a", a=_task("b", on_failure="mend"), b=_task(on_failure="mend"), mend=_task()),
    "failure-that-is-a-pipeline": _pipeline("a", a=_task(on_failure=_ONE)),
    "attempts": _pipeline("a", a=_task(max_attempts=3, retry_delay=1.5, timeout=60)),
    "files": _pipeline("a", a=_task("b", catalog={"put": "*.txt"}), b=_task(catalog={"get": "*.txt"})),
    "own-ends": _pipeline("a", a=_task("well done"), **{"well done": {"type": "success"}, "oh no": {"type": "fail"}}),
    "parallel": _pipeline("p", p={**_PARALLEL, "next": "last"}, last=_task()),
    "parallel-that-fails": _pipeline("p", p={**_PARALLEL, "on_failure": "mend"}, mend=_task()),
    "nested": _pipeline("p", p={**_PARALLEL, "branches": {"in": _pipeline("q", q=_PARALLEL), "out": _ONE}}),
    "dag": _pipeline("d", d={"type": "dag", "dag": _ONE, "next": "success"}),
    "map": _pipeline("m", m=_MAP),
    "loop": _pipeline("l", l=_LOOP),
    "conditional": _pipeline("c", c=_CHOICE),
    "everything": _pipeline(
        "m",
        m={**_MAP, "branch": _pipeline("p", p={**_PARALLEL, "branches": {"a": _pipeline("l", l=_LOOP), "b": _ONE}})},
    ),
}
"""Pipelines by name, as they are written under `dag:`."""

NAMES: Final = (
    "it's",
    'say "so"',
    "back\\slash \\' \\n",
    "ünïcode 😀 工",
    "a long name " * 8 + "of 108 bytes",
    "$HOME $x $(ls) `ls` $",
    "{{item}}",
    "# no comment; a && b || c > d",
    "-starts-like-an-option",
    "--file",
    "a//b/c",
    "1",
    "if",
    "esac",
    "=:,*?[x]",
    "tab\tand\nline",
    " space ",
)
"""Names of steps. Points and percent signs no name has."""


def named(name: str) -> Json:
    """A pipeline in which a step and a branch have the name, with a step behind them."""
    inner = _pipeline(name, **{name: _task()})
    both = {"type": "parallel", "branches": {name: inner}, "next": "success"}
    return _pipeline(name, **{name: _task("then", on_failure="then"), "then": both})


def around(name: str) -> tuple[StepPath, ...]:
    """The other steps of that pipeline."""
    return StepPath(("then",)), StepPath(("then", name, name))
