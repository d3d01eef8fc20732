"""What an engine refuses of the options of its transpiler, each with its place in the configuration."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from msgspec import Struct

from magnus.errors import Problem
from magnus.interfaces.transpiler import TranspileRequest

__all__ = ["Keys", "Refusal", "looks_like_secret", "problems_of"]

Keys: TypeAlias = tuple[str | int, ...]
"""The way to an option, through mappings and lists."""

_SAYS_SECRET: Final = re.compile("password|secret|token|credential", re.IGNORECASE)


class Refusal(Struct, frozen=True):
    """What is wrong, where in the options, and what to write instead."""

    keys: Keys
    message: str
    fix: str


def problems_of(refusals: Iterable[Refusal], request: TranspileRequest) -> Iterator[Problem]:
    """The problems; one about an option that is not written is at the place of all options."""
    for refusal in refusals:
        where = request.locate_option(*refusal.keys) or request.locate_option()
        yield Problem(refusal.message, refusal.fix, where)


def looks_like_secret(variable: str) -> bool:
    """Whether the name of a variable says that its value is a secret."""
    return _SAYS_SECRET.search(variable) is not None
