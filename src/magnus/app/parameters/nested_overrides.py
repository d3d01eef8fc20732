"""Names with dots: `model.test_size` is what stands under `test_size` in the mapping `model`. Pure.

Used by `initial_parameters`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from magnus.definition.wrong_fields import shown
from magnus.errors import CatalogError, Problem
from magnus.run_log.parameters import JsonParameter, ListParameter, ObjectParameter, Scope, plain
from magnus.suggest import near
from magnus.values import Json

_KINDS: Final[Sequence[tuple[type | tuple[type, ...], str]]] = (
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "text"),
    (list, "a list"),
    (dict, "a mapping"),
)
_MOST_NAMES: Final = 10


class Overridden(Struct, frozen=True):
    """A parameter, with another value somewhere inside."""

    name: str
    parameter: JsonParameter


def overridden(scope: Scope, name: str, new: JsonParameter, title: str) -> Overridden | Problem:
    """The parameter in which `name` leads to another value; what is wrong when it leads nowhere or the type differs."""
    head, _, rest = name.partition(".")
    outer = scope.get(head)
    if outer is None:
        match = near(head, scope)
        fix = f"did you mean '{match}'?" if match else f"give '{head}' first, in a parameters file for one"
        return Problem(f"{title} overrides inside the mapping '{head}', and there is no parameter of that name", fix)
    if isinstance(outer, ObjectParameter | ListParameter):
        return Problem(f"{title} overrides inside '{head}', which is an object", "give a parameter that is a mapping")
    try:
        value = _replaced(plain(outer), rest, new, head)
    except _NoPlace as error:
        return Problem(f"{title}: {error}", error.fix)
    except CatalogError as error:
        [problem, *_] = error.problems
        return Problem(f"{title} overrides inside '{head}': {problem.message}", problem.fix)
    return Overridden(head, JsonParameter(value))


class _NoPlace(Exception):
    """The name leads to nothing that can be overridden; `fix` is what to do."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


def _replaced(container: Json, name: str, new: JsonParameter, around: str) -> Json:
    """A copy of the container in which `name` leads to the new value."""
    key, rest = _step(container, name, around)
    inner = f"{around}.{key}"
    value = _checked(container[key], new, inner) if not rest else _replaced(container[key], rest, new, inner)
    if isinstance(container, list):
        return [value if index == key else item for index, item in enumerate(container)]
    return {**container, key: value}


def _step(container: Json, name: str, around: str) -> tuple[str | int, str]:
    """The key that the name begins with, and what is left of it."""
    first, _, rest = name.partition(".")
    if isinstance(container, list):
        if first.isdecimal() and len(first) < 10 and int(first) < len(container):
            return int(first), rest
        raise _NoPlace(f"the list '{around}' has no '{first}'", f"name one of its {len(container)} elements, from 0")
    if not isinstance(container, Mapping):
        raise _NoPlace(f"'{around}' is {_kind(container)}, not a mapping", "name something inside a mapping")
    if name in container:
        return name, ""
    for key in (first, first.replace("-", "_")):
        if key in container:
            return key, rest
    match, names = near(first, container), list(container)
    listed = ", ".join(f"'{key}'" for key in names[:_MOST_NAMES]) + (" and more" if len(names) > _MOST_NAMES else "")
    fix = f"did you mean '{around}.{match}'?" if match else f"it has {listed}" if names else "it is empty"
    raise _NoPlace(f"'{around}' has no '{first}'", fix)


def _checked(old: Json, new: JsonParameter, name: str) -> Json:
    """The new value, where it is of the type of the old one; nothing goes with everything."""
    if isinstance(old, str) and new.text is not None:
        return new.text if not isinstance(new.value, str) else new.value
    if old is None or new.value is None or _kind(old) == _kind(new.value):
        return new.value
    raise _NoPlace(
        f"'{name}' is {_kind(old)} ({shown(old)}), not {_kind(new.value)} ({shown(new.value)})", f"give {_kind(old)}"
    )


def _kind(value: Json) -> str:
    return next((words for types, words in _KINDS if isinstance(value, types)), "nothing")
