"""Calls a function of the user with parameters and stores its results. Used by the task kinds that are python."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from magnus.engine.step.outcomes import ExportWatch
from magnus.engine.user_code.imports import project_code
from magnus.errors import TaskFailed
from magnus.interfaces.task_kind import TaskCall, TaskOutcome
from magnus.tasks.functions.binding import bind
from magnus.tasks.functions.user_errors import UserCode
from magnus.values import UserObject

if TYPE_CHECKING:
    from threading import Thread

_GRACE_SECONDS: Final = 1.0


class NoOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Steps of the kind have no fields of their own."""


def call_function(function: Callable[..., UserObject], title: str, call: TaskCall) -> TaskOutcome:
    """Call `function` with what it takes of the parameters; `title` is what messages call it.

    Raises TaskFailed when it was not called, since its arguments could not be filled.
    """
    user_code = UserCode(call.code_directory)
    with user_code:  # checking a model runs its validators
        bound = bind(function, title, call.parameters, call.objects)
    variables = ExportWatch()
    try:
        with user_code:
            with project_code():
                returned = function(*bound.positional, **bound.named)
            if hasattr(returned, "__await__"):
                returned = _run_awaitable(returned)
        if returned is None and call.spec.returns is None:
            return TaskOutcome(bound.arguments, exported=variables.exported(), loaded=bound.loaded)
        from magnus.tasks.functions.results import results_of  # lazy: many functions return nothing

        with user_code:
            results = results_of(returned, call.spec.returns, title, call.objects)
    except TaskFailed as error:
        return TaskOutcome(bound.arguments, failure=str(error), exported=variables.exported(), loaded=bound.loaded)
    return TaskOutcome(
        bound.arguments,
        results.parameters,
        results.metrics,
        exported=variables.exported(),
        warnings=results.warnings,
        entries=results.entries,
        loaded=bound.loaded,
    )


def _run_awaitable(awaitable: Awaitable[UserObject]) -> UserObject:
    """The result of the awaitable; in a thread of its own if an event loop is running in this one."""
    import asyncio  # lazy: most functions are not async

    async def outcome() -> UserObject:
        with project_code():
            return await awaitable

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(outcome())
    return _run_in_thread(awaitable)


def _run_in_thread(awaitable: Awaitable[UserObject]) -> UserObject:
    import asyncio  # lazy: as above
    from concurrent.futures import Future  # lazy: as above
    from contextvars import copy_context  # lazy: as above
    from threading import Thread  # lazy: as above

    result: Future[UserObject] = Future()
    cancels: list[Callable[[], object]] = []

    async def outcome() -> UserObject:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if task is not None:
            cancels.append(lambda: loop.call_soon_threadsafe(task.cancel))
        return await awaitable

    def run() -> None:
        try:
            result.set_result(asyncio.run(outcome()))
        except BaseException as error:  # noqa: BLE001 - raised where the step is
            result.set_exception(error)

    thread = Thread(target=copy_context().run, args=(run,), name="magnus async function", daemon=True)
    try:
        thread.start()
        return result.result()
    finally:
        _end(thread, cancels)


def _end(thread: "Thread", cancels: list[Callable[[], object]]) -> None:
    """Cancel what an interruption left running; what does not want to end is left behind."""
    for cancel in cancels:
        with suppress(RuntimeError):  # the loop is closed: nothing is left
            cancel()
    thread.join(_GRACE_SECONDS)
