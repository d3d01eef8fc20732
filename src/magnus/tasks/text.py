"""Values and names as messages show them: short, on one line. Used by all task kinds that mention parameters."""

import json
from collections.abc import Iterable
from itertools import islice
from typing import Final

from magnus.values import Json

_LONGEST_VALUE: Final = 80
_MOST_NAMES: Final = 20


def short_json(value: Json) -> str:
    """A JSON value as JSON, cut when it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "..."


def name_list(names: Iterable[str]) -> str:
    """Names one after the other; `none` when there are none, and a number for what is too much to read."""
    names = list(names)
    left_out = [f"{len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
    return ", ".join([*islice(names, _MOST_NAMES), *left_out]) or "none"
