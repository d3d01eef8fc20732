"""When a pod is started again, by the rules of https://argo-workflows.readthedocs.io/en/latest/retries/.

The limit counts pods after the first. Policy, expression and limit all have to agree. `backoff.duration` is what is waited
before the second pod, `factor` makes it longer each time, and `maxDuration` is how long all pods and waits may take, not
how long one wait may be: a wait that would go beyond it does not start (`fields/#backoff`).
"""

import re
from typing import Final

from magnus.errors import InvalidInput
from magnus.simulation.argo import expressions
from magnus.simulation.argo.pod import ERROR, FAILED, Ended
from magnus.transpilers.argo.manifest import RetryStrategy

LAST_RETRY: Final = ("lastRetry.exitCode", "lastRetry.status", "lastRetry.duration", "lastRetry.message")
"""What an expression may name; texts, all of them."""

_POLICIES: Final = {
    "Always": frozenset({FAILED, ERROR}),
    "OnFailure": frozenset({FAILED}),
    "OnError": frozenset({ERROR}),
    "OnTransientError": frozenset[str](),
}
"""The phases of pods that are started again. Errors that Argo calls transient are errors of a cluster: none happens here."""

_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART: Final = re.compile(r"(?<![\d.])(\d++(?:\.\d*+)?|\.\d++)(h|ms|us|µs|ns|m|s)")


def seconds(text: str) -> float:
    """A duration as Argo has it: a whole number of seconds, or numbers with units as Go writes them; else ValueError."""
    if text.isascii() and text.isdigit():
        return float(text)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        message = f"'{text}' is no duration such as 30 or 1m30s"
        raise ValueError(message)
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def wait_before_next(
    strategy: RetryStrategy | None, ended: Ended, *, number: int, lasted: float, elapsed: float
) -> float | None:
    """Seconds to wait before the next pod; None when there is none.

    `number` is the number of the pod that finished, from 0. It took `lasted` seconds. The first pod started `elapsed` seconds ago.
    """
    if strategy is None or number >= int(strategy.limit) or ended.phase not in _POLICIES[strategy.retry_policy]:
        return None
    values = (str(-1 if ended.exit_code is None else ended.exit_code), ended.phase, f"{lasted:.0f}", ended.message)
    if strategy.expression and not holds(strategy.expression, dict(zip(LAST_RETRY, values, strict=True))):
        return None
    backoff = strategy.backoff
    if backoff is None:
        return 0.0
    wait = seconds(backoff.duration) * float(backoff.factor or 1) ** number
    if backoff.max_duration and elapsed + wait > seconds(backoff.max_duration):
        return None
    return wait


def holds(expression: str, values: dict[str, str]) -> bool:
    """Whether the expression of a strategy holds; InvalidInput where a word in it is none of `values`."""

    def value(word: str) -> str:
        if word not in values:
            raise InvalidInput(f"'{word}' is nothing that is simulated in the expression of a retry strategy")
        return values[word]

    return expressions.holds(expression, value)
