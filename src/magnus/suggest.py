"""Finds the name that a misspelt name was meant to be, and says so in errors."""

from collections.abc import Iterable

from magnus.errors import SecretsError


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


def missing_secret(provider: str, name: str, where: str, names: Iterable[str], fix: str) -> SecretsError:
    """There is no secret `name` in `where`; `names` are the existing names, of which the nearest one is shown."""
    match = near(name, sorted(names))
    return SecretsError(
        f"the secrets provider '{provider}' has no secret '{name}' in {where}",
        fix=f"did you mean '{match}'? else {fix}" if match else fix,
    )
