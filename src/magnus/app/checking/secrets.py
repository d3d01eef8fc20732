"""Whether the secrets that steps name are there. Used by `check`; no value is shown or kept."""

from collections.abc import Iterable, Iterator

from magnus.app.checking.data_flow import Described
from magnus.errors import MagnusError, Problem
from magnus.interfaces.secrets import Secrets


def problems(described: Iterable[Described], provider: Secrets) -> Iterator[Problem]:
    """What the provider does not have: an error where a step lists it, a warning where its code may ask for it."""
    known: dict[str, Problem | None] = {}
    for found in described:
        for number, name in enumerate(found.node.secrets):
            if (wrong := _missing(name, provider, known)) is not None:
                yield Problem(wrong.message, wrong.fix, found.step.locate("secrets", number), found.step.step)
        for name in found.facts.description.secrets:
            if name not in found.node.secrets and (wrong := _missing(name, provider, known)) is not None:
                message = f"{found.node.task.command} asks for a secret: {wrong.message}"
                yield Problem(message, wrong.fix, found.step.locate("command"), found.step.step, "warning")


def _missing(name: str, provider: Secrets, known: dict[str, Problem | None]) -> Problem | None:
    """Why there is no such secret; None when there is one."""
    if name not in known:
        try:
            provider.get(name)
            known[name] = None
        except MagnusError as error:
            known[name] = error.problems[0]
    return known[name]
