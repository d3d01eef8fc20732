"""What is said when user code fails, and how async functions run."""

import asyncio
import contextvars
import io
import signal
import threading
from pathlib import Path

import pytest

from magnus.errors import ServiceError, TaskFailed
from magnus.run_log.parameters import JsonParameter
from magnus.tasks.functions import call as calling


def test_an_exception_is_the_failure_with_its_place(user_folder):
    user_folder.write(
        "steps/failing.py",
        """
        import json

        def outer(x):
            return inner(x)

        def inner(x):
            raise ValueError(f"bad {x}")

        def library():
            json.loads("{")
        """,
    )
    outcome = user_folder.run("steps.failing.outer", x=3)
    assert outcome.failure == "ValueError: bad 3 (steps/failing.py:8 in inner)"
    assert outcome.arguments == {"x": 3}
    outcome = user_folder.run("steps.failing.library")
    assert outcome.failure == (
        "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: "
        "line 1 column 2 (char 1) (steps/failing.py:11 in library)"
    )


def test_the_traceback_on_standard_error_shows_the_users_frames_only(user_folder, capsys):
    file = user_folder.write(
        "chained.py",
        """
        def f():
            try:
                {}["a"]
            except KeyError as error:
                raise ValueError("bad") from error
        """,
    )
    user_folder.run("chained.f")
    printed = capsys.readouterr().err
    assert printed.startswith(f'Traceback (most recent call last):\n  File "{file}", line 4, in f\n')
    assert printed.endswith("\nValueError: bad\n")
    assert "The above exception was the direct cause" in printed
    assert str(Path(calling.__file__).parent) not in printed


def test_a_group_of_exceptions_is_shown_without_frames_of_magnus(user_folder, capsys):
    user_folder.write(
        "grouped.py",
        """
        def f():
            raise ExceptionGroup("several", [ValueError("one"), KeyError("two")])
        """,
    )
    outcome = user_folder.run("grouped.f")
    assert outcome.failure == "ExceptionGroup: several (2 sub-exceptions) (grouped.py:3 in f)"
    printed = capsys.readouterr().err
    assert "ValueError: one" in printed
    assert str(Path(calling.__file__).parent) not in printed


def test_the_other_lines_of_a_message_follow_the_first(user_folder):
    user_folder.write("lines.py", 'def f():\n    raise ValueError("one\\ntwo")\n')
    assert user_folder.run("lines.f").failure == "ValueError: one (lines.py:2 in f)\ntwo"


def test_an_exception_without_text_is_named_by_its_type(user_folder):
    user_folder.write("silent.py", "class Mine(Exception): pass\ndef f():\n    raise Mine\n")
    assert user_folder.run("silent.f").failure == "silent.Mine (silent.py:3 in f)"


def test_an_exception_whose_text_cannot_be_read_is_still_a_failure(user_folder):
    user_folder.write(
        "mute.py",
        """
        class Mute(Exception):
            def __str__(self):
                raise RuntimeError("no")

        def f():
            raise Mute
        """,
    )
    assert user_folder.run("mute.f").failure == "mute.Mute: <its text cannot be read> (mute.py:7 in f)"


def test_a_very_long_message_is_cut(call):
    def function():
        raise ValueError("x" * 100_000)

    assert len(call(function).failure) < 5000


@pytest.mark.parametrize(("arguments", "shown"), [("3", "3"), ("0", "0"), ("", ""), ("'text'", "'text'"), ("None", "")])
def test_sys_exit_fails_the_step_and_nothing_else(user_folder, arguments, shown):
    user_folder.write("leaving.py", f"import sys\ndef f():\n    sys.exit({arguments})\n")
    assert user_folder.run("leaving.f").failure == f"sys.exit({shown}) was called"


def test_sys_exit_while_a_module_is_imported_fails_the_step(user_folder):
    user_folder.write("script.py", "import sys\nsys.exit(1)\ndef f(): pass\n")
    with pytest.raises(TaskFailed) as caught:
        user_folder.run("script.f")
    assert str(caught.value) == "sys.exit(1) was called"


@pytest.mark.parametrize("kind", [GeneratorExit, asyncio.CancelledError, BaseException])
def test_every_other_exception_is_a_failure(call, kind):
    def function():
        raise kind

    assert call(function).failure.startswith(kind.__name__ if kind.__module__ == "builtins" else "asyncio")


def test_an_interruption_passes_through(call):
    def function():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call(function)


def test_an_error_of_magnus_in_user_code_passes_through_or_is_the_failure(call):
    def failing():
        raise TaskFailed("no such parameter 'x'")

    def unserved():
        raise ServiceError("the catalog is full")

    assert call(failing).failure == "no such parameter 'x'"
    with pytest.raises(ServiceError):
        call(unserved)


def test_a_property_that_crashes_while_results_are_read_is_an_error_of_user_code(call):
    class Crashing:
        @property
        def shape(self):
            raise RuntimeError("no shape")

    assert call(lambda: {"x": Crashing()}).failure.startswith("RuntimeError: no shape (")


def test_standard_error_that_was_closed_or_replaced_does_not_hide_the_failure(call, monkeypatch):
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr("sys.stderr", stream)
        assert call(lambda: 1 / 0).failure.startswith("ZeroDivisionError: division by zero")


def test_an_error_while_a_module_is_imported_is_the_failure_with_the_modules_frames(user_folder, capsys):
    user_folder.write("broken.py", "def f(): pass\nimport nowhere_at_all\n")
    with pytest.raises(TaskFailed) as caught:
        user_folder.run("broken.f")
    expected = "ModuleNotFoundError: No module named 'nowhere_at_all' (broken.py:2 in <module>)"
    assert str(caught.value) == expected
    printed = capsys.readouterr().err
    assert "importlib" not in printed
    assert 'broken.py", line 2, in <module>' in printed


def test_a_syntax_error_in_a_module_is_the_failure(user_folder):
    user_folder.write("misspelt.py", "def f(): pass\ndef g(:\n")
    with pytest.raises(TaskFailed) as caught:
        user_folder.run("misspelt.f")
    assert str(caught.value) == "SyntaxError: invalid syntax (misspelt.py, line 2)"


def test_an_async_function_is_awaited(call):
    async def function(x: int):
        await asyncio.sleep(0)
        return {"x": x + 1}

    assert call(function, x="1").parameters == {"x": JsonParameter(2)}


def test_an_async_function_runs_in_a_thread_of_its_own_when_a_loop_is_running(call):
    async def function():
        await asyncio.sleep(0)
        return {"thread": threading.current_thread().name}

    async def running():
        return call(function)

    outcome = asyncio.run(running())
    assert outcome.parameters == {"thread": JsonParameter("magnus async function")}
    assert "magnus async function" not in {thread.name for thread in threading.enumerate()}


def test_context_variables_are_seen_in_that_thread(call):
    variable = contextvars.ContextVar("variable")

    async def function():
        return {"seen": variable.get()}

    async def running():
        variable.set("set")
        return call(function)

    assert asyncio.run(running()).parameters == {"seen": JsonParameter("set")}


@pytest.mark.parametrize("looping", [False, True])
def test_an_async_function_fails_as_any_other(user_folder, capsys, looping):
    user_folder.write(
        "waiting.py",
        """
        import asyncio

        async def f():
            await asyncio.sleep(0)
            raise ValueError("bad")
        """,
    )

    async def running():
        return user_folder.run("waiting.f")

    outcome = asyncio.run(running()) if looping else user_folder.run("waiting.f")
    assert outcome.failure == "ValueError: bad (waiting.py:6 in f)"
    printed = capsys.readouterr().err
    assert "asyncio" not in printed
    assert str(Path(calling.__file__).parent) not in printed


def test_an_interruption_ends_an_async_function_in_its_thread(call):
    ended = threading.Event()

    async def function():
        try:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            await asyncio.sleep(3600)
        finally:
            ended.set()

    async def running():
        call(function)

    loop = asyncio.new_event_loop()  # asyncio.run would take the interruption for itself
    try:
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(running())
    finally:
        loop.close()
    assert ended.is_set()
