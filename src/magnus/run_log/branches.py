"""The branches of a step: their labels, and the elements of a map they are for. Pure."""

import json
import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from magnus.errors import CatalogError
from magnus.graph.path import BranchPath
from magnus.run_log.records import Branching, StepRecord
from magnus.values import Json

_PLAIN: Final = r"[\w-]{1,32}"
"""What a branch of the run log may be called without a doubt about where its name ends."""


class Branch(Struct, frozen=True):
    """A branch of a step; `label` is its name for people, `value` the element of a map it is for, alone in a tuple."""

    path: BranchPath
    label: str
    value: tuple[Json, ...] = ()

    @property
    def key(self) -> str:
        """Its name in paths."""
        return self.path.parts[-1]


def branches_of(step: StepRecord) -> Sequence[Branch]:
    """The branches of a step in order; () when it has none. Elements that are not there any more are left out."""
    if step.branching is None:
        return ()
    branching = with_elements(step.branching)
    values = [()] * len(branching.keys) if branching.elements is None else [(value,) for value in branching.elements]
    named = zip(branching.keys, labels(branching), values, strict=True)
    return [Branch(step.path.into(key), label, value) for key, label, value in named]


def labels(branching: Branching) -> Sequence[str]:
    """The labels of the branches: the elements of a map when they are short, plain, different scalars, else keys."""
    texts = [_plain_text(value) for value in branching.elements or ()]
    return texts if texts and all(texts) and len(set(texts)) == len(texts) else branching.keys


def with_elements(branching: Branching) -> Branching:
    """The same with the elements of a map in it, as far as they are still there."""
    try:
        elements = branching.elements
    except CatalogError:
        elements = None
    return replace(branching, values=None if elements is None else tuple(elements))


def _plain_text(value: Json) -> str:
    """The text of a short, plain scalar; "" for everything else."""
    if isinstance(value, float | list | dict) or value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if re.fullmatch(_PLAIN, text) else ""
