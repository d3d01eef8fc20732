"""Says in words how the inputs of a step differ from the inputs of an earlier step. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

_MOST_NAMED: Final = 3
_ORDER: Final = ("command", "options", "version", "code", "parameter", "file", "environment")


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The first few differences of inputs, `parameter 'lr' 0.1 -> 0.2`; "" if there are none."""
    changes = list(differences(before, after))
    more = f", and {len(changes) - _MOST_NAMED} more" if len(changes) > _MOST_NAMED else ""
    return ", ".join(changes[:_MOST_NAMED]) + more


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """All differences, a few words each; differences of the definition and the code come first."""
    names = sorted({*before, *after}, key=lambda name: (_rank(name), name))
    for name in names:
        old, new = before.get(name), after.get(name)
        if old != new:
            yield _change(name, old, new)


def _rank(name: str) -> int:
    kind = name.partition(" ")[0]
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _change(name: str, old: str | None, new: str | None) -> str:
    kind, _, rest = name.partition(" ")
    match kind:
        case "parameter":
            shown = f"parameter '{rest}'"
        case "code":
            shown = f"code {rest.replace(':', ': ', 1)}"
        case _:
            shown = name
    if old is None:
        return f"{shown} is new"
    if new is None:
        return f"{shown} is gone"
    if kind in {"code", "file"} or old.startswith("#") or new.startswith("#"):
        return f"{shown} changed"
    return f"{shown} {old} -> {new}"
