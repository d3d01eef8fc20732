"""What a step has to do with secrets: it obtains them, and must not put them into its results. Used by `engine.step.running_step`.

A value is known to the masker of the run before anybody gets it.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import TypeVar

from magnus.engine.secrets.masking import SHORTEST_MASKED, Masker
from magnus.errors import MagnusError, SecretsError
from magnus.graph.nodes import Graph
from magnus.graph.path import StepPath, print_names
from magnus.interfaces.secrets import PartialSecrets, Secrets
from magnus.run_log.parameters import JsonParameter, LargeParameter, MetricParameter, ObjectParameter, Parameter
from magnus.values import Json

ResultT = TypeVar("ResultT")


def learn(provider: Secrets, masker: Masker, names: Iterable[str]) -> None:
    """Have the masker know these secrets, which steps in other processes obtained, as far as the provider has them now."""
    for name in names:
        with suppress(Exception):  # a provider may be a plugin; the step that needs the secret says what is wrong
            masker.learn(provider.get(name))
            for text in _masked_with(provider, name):
                masker.learn(text)


def learn_all(provider: Secrets, masker: Masker, graph: Graph) -> None:
    """Have the masker know the secrets of all tasks, if some tasks may reuse a result and obtain no secret themselves."""
    tasks = list(graph.tasks())
    if any(task.cache is not None for task in tasks):
        learn(provider, masker, sorted({name for task in tasks for name in task.secrets}))


def _masked_with(provider: Secrets, name: str) -> Sequence[str]:
    """The texts that the secret is a part of; too short ones cannot be masked."""
    texts = provider.masked_with(name) if isinstance(provider, PartialSecrets) else ()
    return [text for text in texts if len(text) >= SHORTEST_MASKED]


class StepSecrets:
    """The secrets of one step; safe to use from several threads.

    Args:
        provider: where they come from.
        masker: has all registered secrets of the run.
        path: of the step.
        warn: called with what the user should know.
    """

    def __init__(self, provider: Secrets, masker: Masker, path: StepPath, warn: Callable[[str], None]) -> None:
        self._provider = provider
        self._masker = masker
        self._path = path
        self._warn = warn
        self._lock = Lock()

    def get(self, name: str) -> str:
        """The secret; SecretsError when the provider does not have it, or fails in any way."""
        with self._lock:
            value = self._looked_up(name)
            for text in self._texts_around(name):
                self._masker.add(name, text)
            warning = self._masker.add(name, value)
        if warning:
            self._warn(warning)
        return value

    def variable(self, name: str) -> str:
        """Likewise, for the environment; SecretsError also when that cannot hold the value."""
        value = self.get(name)
        try:
            fits = b"\0" not in os.fsencode(value)
        except UnicodeEncodeError:
            fits = False
        if not fits:
            message = f"the secret '{name}' holds characters that no environment variable can hold"
            raise SecretsError(message, fix=f"take it out of 'secrets:' and call get_secret('{name}')")
        return value

    def refusals(self, what: str, values: Mapping[str, Parameter | Json]) -> dict[str, str]:
        """By name, the reasons why values that contain a secret are refused; `what` is the word for such a value."""
        if self._masker.forms is None:
            return {}
        return {name: self._refusal(what, name) for name, value in values.items() if self._has_secret(name, value)}

    def _refusal(self, what: str, name: str) -> str:
        return (
            f"step '{print_names(self._path.parts)}' may not set the {what} '{name}': its value contains a secret, and results are kept "
            "in the run log; pass the name of the secret, and obtain it where it is needed"
        )

    def _has_secret(self, name: str, value: Parameter | Json) -> bool:
        match value:
            case JsonParameter(value=inner, text=text):
                return self._masker.contains([name, inner, text])
            case MetricParameter(value=inner) | LargeParameter(value=inner):
                return self._masker.contains([name, inner])
            case ObjectParameter():
                return self._masker.contains(name)
            case _:
                return self._masker.contains([name, value])

    def _looked_up(self, name: str) -> str:
        value = self._asked(name, self._provider.get)
        if not isinstance(value, str):
            message = f"the secrets provider gave no text for '{name}', but a value of type {type(value).__name__}"
            raise SecretsError(message, fix="fix or update the package it is of")
        return value

    def _texts_around(self, name: str) -> Sequence[str]:
        return self._asked(name, lambda name: _masked_with(self._provider, name))

    @staticmethod
    def _asked(name: str, ask: Callable[[str], ResultT]) -> ResultT:
        try:
            return ask(name)
        except MagnusError:
            raise
        except Exception as error:  # noqa: BLE001 - a provider may be a plugin; its text may hold values
            message = f"the secrets provider failed to look up '{name}': {type(error).__name__}"
            raise SecretsError(message, fix="see that it is configured and can be reached") from None
