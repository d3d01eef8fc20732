"""The retry strategies of pods: attempts of tasks, and errors of pods, by the page "Retries" of Argo's documentation.

The exit status of a pod shows whether its task failed or killed it. Argo also counts a pod as failed that the cluster stopped
(evicted, preempted, never started), if Kubernetes kept the pod. Its exit status shows the difference.

The limit bounds the number of pods: one for each attempt, and the pods that `retry_strategy` adds for errors of pods. The
re-entry command counts the attempts of a task that fail by themselves, by the exit status of the pod before. So a pod that
Argo lost uses up one of the added pods, and an attempt only if none of these is left.
"""

from collections.abc import Iterable
from typing import Final

from magnus.interfaces.reentry import TRY_AGAIN
from magnus.transpilers.argo import options
from magnus.transpilers.argo.manifest import Backoff, RetryStrategy

_DIED: Final = (132, 134, 135, 136, 137, 139)
"""Of a pod whose process died in the middle of its task: a bad instruction, aborted, a bad access or operation, killed (for
lack of memory, too), a bad address."""

_ENDED: Final = (-1, 137, 143)
"""Of a pod that the cluster stopped: none, SIGKILL, SIGTERM."""

_TOO_LONG: Final = "Pod was active on the node longer than the specified deadline"
"""What Kubernetes says of a pod that took longer than it may; that is not tried again."""


def retries(wanted: options.RetryStrategy, attempts: int, delay: float) -> RetryStrategy | None:
    """When a pod is started again: after a failure of its task, or its loss, with attempts left, and after errors of pods.

    `delay` is the time between attempts, in seconds; where there is none, the backoff for errors counts for all.
    """
    failures = attempts - 1
    backoff = Backoff(_duration(delay)) if failures and delay else _backoff(wanted.waits)
    limit = str(failures + wanted.errors)
    if not failures and not wanted.errors:
        return None
    if wanted.retry_policy == "OnTransientError" and not failures:
        return RetryStrategy(limit, "OnTransientError", backoff=backoff)
    erred = 'lastRetry.status == "Error"'
    if not failures:
        return RetryStrategy(limit, "Always", _expression([erred], _ENDED), backoff)
    return RetryStrategy(limit, "Always", _expression([_exited(TRY_AGAIN), erred], {*_DIED, *_ENDED}), backoff)


def _expression(terms: list[str], ended: Iterable[int]) -> str:
    """One of the terms holds, or the pod exited with one of the statuses and did not take too long."""
    statuses = " || ".join(_exited(status) for status in sorted(ended))
    return " || ".join([*terms, f'(lastRetry.message != "{_TOO_LONG}" && ({statuses}))'])


def _exited(status: int) -> str:
    return f'lastRetry.exitCode == "{status}"'


def _backoff(written: options.Backoff) -> Backoff | None:
    factor = "" if written.factor is None else f"{written.factor:g}"
    return Backoff(written.first_wait, factor, written.longest) if written.first_wait else None


def _duration(seconds: float) -> str:
    """As Argo reads it: seconds are whole unless a unit is there."""
    return f"{seconds:.0f}" if seconds.is_integer() else f"{seconds * 1000:.0f}ms"
