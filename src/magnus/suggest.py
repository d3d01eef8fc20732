"""Finds the name that a misspelt name was meant to be."""

from collections.abc import Iterable


def near(name: str, names: Iterable[str]) -> str:
    """The name of `names` that `name` was probably meant to be, or ""."""
    from difflib import get_close_matches  # lazy: only mistakes need it

    return next(iter(get_close_matches(name, list(names), n=1)), "")


def nearest_or_all(
    name: str, names: Iterable[str], *, there_are: str = "there are", none: str = "there is none"
) -> str:
    """What to do about a name that is none: the one it was meant to be, or all there are; `none` where there are none."""
    known = list(names)
    if match := near(name, known):
        return f"did you mean '{match}'?"
    return f"{there_are} {', '.join(repr(each) for each in known)}" if known else none
