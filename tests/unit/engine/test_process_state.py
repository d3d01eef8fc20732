import json
import logging
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from state_table import STAYS_AFTER_IMPORT, TABLE

from magnus.engine.user_code.process_state import applied


def test_the_step_has_its_environment_folder_and_path(tmp_path, monkeypatch):
    monkeypatch.setenv("KEPT", "1")
    with applied({"ADDED": "ü", "KEPT": None}, tmp_path) as environment:
        assert environment["ADDED"] == "ü"
        assert "KEPT" not in os.environ
        assert os.getcwd() == str(tmp_path)
        assert sys.path[0] == str(tmp_path)
    assert os.environ["KEPT"] == "1"
    assert "ADDED" not in os.environ


@pytest.fixture
def undo():
    """Keeps what a failing test would leave behind away from the others."""
    with applied({}, Path.cwd()):
        yield


@pytest.mark.parametrize("name", TABLE)
def test_what_a_call_changes_is_undone(name, tmp_path, undo):
    changes, looks, _ = TABLE[name]
    before = looks()
    with applied({}, tmp_path):
        changes()
        assert looks() != before
    assert looks() == before


EVERYTHING = """
    import json, sys
    sys.path.insert(1, {tables!r})
    import state_table
    from pathlib import Path
    from magnus.engine.user_code.process_state import applied

    kept = {{}}
    for number, name in enumerate(state_table.TABLE):
        before = state_table.TABLE[name][1]()
        with applied({{}}, Path({folder!r})):
            {within}
        kept[name] = state_table.TABLE[name][1]() != before
    sys.__stdout__.write(json.dumps(kept))
"""


def kept(tmp_path, within):
    """Which pieces of state are changed after something was done in a step, each in one process."""
    for number, name in enumerate(TABLE):
        (tmp_path / f"changes{number}.py").write_text(f"import state_table\nstate_table.TABLE[{name!r}][0]()\n")
        (tmp_path / f"outer{number}.py").write_text(f"import changes{number}\n")
    tables = str(Path(sys.modules["state_table"].__file__).parent)
    program = textwrap.dedent(EVERYTHING.format(tables=tables, folder=str(tmp_path), within=within))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


WANTED = {name: after_import == STAYS_AFTER_IMPORT for name, (_, _, after_import) in TABLE.items()}


def test_what_an_import_changes_stays(tmp_path):
    assert kept(tmp_path, '__import__(f"changes{number}")') == WANTED


def test_what_modules_that_a_module_imports_change_stays(tmp_path):
    assert kept(tmp_path, '__import__(f"outer{number}")') == WANTED


def test_a_call_is_undone_though_it_imports_something(tmp_path, monkeypatch):
    monkeypatch.setenv("M", "0")
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "some_module.py").write_text("import sys, os\nsys.path.append('/of-module')\nos.environ['M'] = '1'\n")
    with applied({}, tmp_path):
        sys.path.insert(0, "/of-call")
        os.environ["C"] = "1"
        logging.getLogger("of call").addHandler(logging.NullHandler())
        __import__("some_module")
    assert [entry for entry in sys.path if entry.startswith("/of-")] == ["/of-module"]
    assert (os.environ.get("M"), os.environ.get("C")) == ("1", None)
    assert logging.getLogger("of call").handlers == []
    del sys.modules["some_module"]


def test_a_module_that_fails_shows_no_frames_of_magnus(tmp_path, undo):
    (tmp_path / "failing_module.py").write_text("1 / 0\n")
    with applied({}, tmp_path), pytest.raises(ZeroDivisionError) as caught:
        __import__("failing_module")
    import traceback

    text = "".join(traceback.format_exception(caught.value))
    assert [
        line for line in text.splitlines() if "importlib" in line or ("magnus" in line and "test_" not in line)
    ] == []


def test_what_a_handler_still_holds_is_written(tmp_path, undo):
    from logging.handlers import MemoryHandler

    file = tmp_path / "log.txt"
    with applied({}, tmp_path):
        target = logging.FileHandler(file)
        logging.getLogger("kept back").addHandler(MemoryHandler(100, target=target))
        logging.getLogger("kept back").error("late")
    target.close()
    assert file.read_text() == "late\n"


def printed(program):
    """What a program of its own prints; this process has an alarm already, that of the test runner."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_alarm_without_a_handler_fails_the_task():
    program = """
        import signal
        from pathlib import Path
        from magnus.engine.user_code.process_state import applied
        from magnus.errors import TaskFailed
        try:
            with applied({}, Path.cwd()):
                signal.setitimer(signal.ITIMER_REAL, 0.01)
                signal.pause()
        except TaskFailed as error:
            print(error)
        print(signal.getsignal(signal.SIGALRM) is signal.SIG_DFL)
    """
    message = "the alarm of the task rang (SIGALRM), and it has no handler for it"
    assert printed(program) == f"{message}\nTrue\n"


def test_an_alarm_of_the_program_stays(tmp_path):
    program = """
        import signal, time
        from pathlib import Path
        from magnus.engine.user_code.process_state import applied
        signal.alarm(500)
        with applied({}, Path.cwd()):
            pass
        untouched = signal.getitimer(signal.ITIMER_REAL)[0]
        with applied({}, Path.cwd()):
            signal.alarm(0)
        put_back = signal.getitimer(signal.ITIMER_REAL)[0]
        with applied({}, Path.cwd()):
            signal.alarm(9)
        print(*(400 < seconds <= 500 for seconds in (untouched, put_back, signal.getitimer(signal.ITIMER_REAL)[0])))
    """
    assert printed(program) == "True True True\n"


def test_limits_are_restored_as_far_as_the_system_lets_them_be_raised(tmp_path):
    program = """
        import os, resource
        from pathlib import Path
        from magnus.engine.user_code.process_state import applied
        from magnus.errors import TaskFailed
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            with applied({}, Path.cwd()):
                resource.setrlimit(resource.RLIMIT_NOFILE, (5, 64))
            print("raised" if resource.getrlimit(resource.RLIMIT_NOFILE) == before else "wrong")
        except TaskFailed as error:
            print("said" if "cannot be raised again: RLIMIT_NOFILE" in str(error) else "wrong")
            print(resource.getrlimit(resource.RLIMIT_NOFILE))
    """
    assert printed(program) in {"raised\n", "said\n(64, 64)\n"}
