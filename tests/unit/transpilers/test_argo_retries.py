"""When a pod that magnus wrote for Argo is started again, by the rules with which the simulation reads its strategy."""

import pytest

from magnus.simulation.argo.pod import ERROR, FAILED, TOO_LONG, Ended, wait_before_next
from magnus.transpilers.argo.options import Backoff, RetryStrategy
from magnus.transpilers.argo.retry_strategies import retries

TRY_AGAIN = Ended(FAILED, exit_code=75)
FAILED_FOR_GOOD = Ended(FAILED, exit_code=1)
CRASHED = Ended(FAILED, exit_code=139)
KILLED = Ended(FAILED, exit_code=137, message="OOMKilled (exit code 137)")
TOLD_TO_END = Ended(FAILED, exit_code=143, message="The node was low on resource: memory.")
REJECTED = Ended(FAILED, message="Pod was rejected")
DELETED = Ended(ERROR, message="pod deleted")
LATE = [Ended(FAILED, exit_code=status, message=TOO_LONG) for status in (None, 137, 143)]


@pytest.mark.parametrize(
    ("attempts", "limit", "again", "not_again"),
    [
        (2, 0, [TRY_AGAIN, CRASHED, KILLED, TOLD_TO_END, REJECTED, DELETED], [FAILED_FOR_GOOD, *LATE]),
        (1, 2, [KILLED, TOLD_TO_END, REJECTED, DELETED], [TRY_AGAIN, FAILED_FOR_GOOD, CRASHED, *LATE]),
        (2, 2, [TRY_AGAIN, CRASHED, KILLED, TOLD_TO_END, REJECTED, DELETED], [FAILED_FOR_GOOD, *LATE]),
    ],
)
def test_which_pods_are_started_again(attempts, limit, again, not_again):
    strategy = retries(RetryStrategy(limit), attempts, 0.0)
    assert strategy.limit == str(attempts - 1 + limit)
    for ended in again:
        assert wait_before_next(strategy, ended, number=0, lasted=1, elapsed=1) is not None, ended
    for ended in not_again:
        assert wait_before_next(strategy, ended, number=0, lasted=1, elapsed=1) is None, ended


def test_without_attempts_and_errors_there_is_no_strategy():
    assert retries(RetryStrategy(), 1, 5.0) is None


def test_the_time_between_attempts_is_that_of_the_step():
    backoff = Backoff("30s", 2, "10m")
    assert retries(RetryStrategy(1, backoff=backoff), 2, 5.0).backoff.duration == "5"
    assert retries(RetryStrategy(1, backoff=backoff), 2, 0.0).backoff.duration == "30s"
    assert retries(RetryStrategy(1, backoff=backoff), 1, 5.0).backoff.factor == "2"


def test_transient_errors_are_for_argo_to_tell():
    strategy = retries(RetryStrategy(3, "OnTransientError"), 1, 0.0)
    assert (strategy.retry_policy, strategy.expression) == ("OnTransientError", "")


@pytest.mark.parametrize(
    ("policy", "of_step", "attempts", "again", "not_again"),
    [
        ("OnFailure", 1, 3, [TRY_AGAIN, CRASHED, TOLD_TO_END, DELETED], [FAILED_FOR_GOOD, *LATE]),
        ("OnFailure", 5, 5, [TRY_AGAIN, CRASHED, TOLD_TO_END, DELETED], [FAILED_FOR_GOOD, *LATE]),
        ("Always", 1, 3, [TRY_AGAIN, CRASHED, TOLD_TO_END, DELETED], [FAILED_FOR_GOOD, *LATE]),
        ("OnError", 1, 1, [TOLD_TO_END, DELETED], [TRY_AGAIN, FAILED_FOR_GOOD]),
    ],
)
def test_policies_that_repeat_tasks_give_them_attempts(policy, of_step, attempts, again, not_again):
    wanted = RetryStrategy(2, policy)
    assert wanted.attempts(of_step) == attempts
    strategy = retries(wanted, wanted.attempts(of_step), 0.0)
    assert strategy.limit == str(attempts - 1 + (0 if policy == "OnFailure" else 2))
    for ended in again:
        assert wait_before_next(strategy, ended, number=0, lasted=1, elapsed=1) is not None, ended
    for ended in not_again:
        assert wait_before_next(strategy, ended, number=0, lasted=1, elapsed=1) is None, ended
