"""Tasks in a child process."""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from textwrap import dedent
from types import MappingProxyType

import pytest
from safety_net import growing

from magnus.engine.step.child import run_in_child
from magnus.errors import Problem, TaskFailed
from magnus.graph.nodes import Return, TaskSpec
from magnus.interfaces.task_kind import TaskCall, TaskOutcome
from magnus.run_log.parameters import JsonParameter, MetricParameter, ObjectParameter
from magnus.system.child_process import TimedOut
from magnus.tasks.python import PythonLambdaTask, PythonTask


@pytest.fixture
def run(tmp_path):
    """Run the function `f` of some source in a child process."""

    def run_it(source, *, timeout=1000.0, returns=None, environment=None, **values):
        (tmp_path / "steps.py").write_text(dedent(source))
        spec = TaskSpec("python", "steps.f", MappingProxyType({}), returns)
        parameters = MappingProxyType({name: JsonParameter(value) for name, value in values.items()})
        return run_in_child(PythonTask(), TaskCall(spec, parameters, environment or {}, tmp_path), timeout=timeout)

    return run_it


def wait_for(file: Path) -> str:
    while not (file.exists() and file.read_text()):
        time.sleep(0.01)
    return file.read_text()


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_the_outcome_is_that_of_the_task(run):
    outcome = run(
        "def f(x): return x + 1, float('inf')", returns=(Return("y"), Return("loss", "metric")), x=1, unused=[1]
    )
    assert outcome == TaskOutcome(
        arguments={"x": 1},
        parameters={"y": JsonParameter(2), "loss": MetricParameter(float("inf"))},
        metrics={"loss": float("inf")},
    )


def test_any_kind_and_every_kind_of_parameter_goes_to_the_child(tmp_path):
    parameters = {"x": JsonParameter(3, "3"), "m": MetricParameter(0.5), "o": ObjectParameter("o", "abc")}
    call = TaskCall(TaskSpec("python-lambda", "lambda x, m: {'x': x + m}"), parameters, {}, tmp_path)
    assert run_in_child(PythonLambdaTask(), call, timeout=None).parameters == {"x": JsonParameter(3.5)}


def test_it_runs_in_a_process_and_session_of_its_own(run):
    outcome = run("import os\ndef f(): return {'process': os.getpid(), 'session': os.getsid(0)}")
    process = outcome.parameters["process"].value
    assert process == outcome.parameters["session"].value
    assert process != os.getpid()


def test_environment_working_directory_and_import_path_are_those_of_the_step(run, tmp_path):
    outcome = run(
        """
        import os, sys
        def f():
            return {"environment": os.environ.get("GIVEN"), "home": os.environ.get("HOME"), "argv": sys.argv,
                    "folder": os.getcwd(), "path": sys.path}
        """,
        environment={"GIVEN": "value"},
    )
    values = {name: parameter.value for name, parameter in outcome.parameters.items()}
    assert values["environment"] == "value"
    assert values["home"] is None
    assert values["argv"] == sys.argv
    assert values["folder"] == str(tmp_path)
    assert values["path"] == [str(tmp_path), *(entry for entry in sys.path if entry not in {"", str(tmp_path)})]


def test_a_file_of_the_user_cannot_take_the_place_of_a_module_the_child_starts_with(run, tmp_path):
    for name in ("pickle", "types", "dataclasses", "json", "pathlib"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('the wrong module')\n")
    assert run("def f(): return {'x': 1}").parameters == {"x": JsonParameter(1)}


def test_arguments_and_results_of_any_size_pass(run):
    outcome = run("def f(x): return {'x': x + 'a'}", x="b" * 5_000_000)
    assert outcome.parameters["x"].value == "b" * 5_000_000 + "a"


def test_a_failure_is_that_of_the_task_and_its_output_that_of_this_process(run, capfd):
    outcome = run("def f(x):\n    print('printed é')\n    raise ValueError('bad')", x=1)
    assert outcome == TaskOutcome(arguments={"x": 1}, failure="ValueError: bad (steps.py:3 in f)")
    captured = capfd.readouterr()
    assert captured.out == "printed é\n"
    assert captured.err.startswith("Traceback (most recent call last):\n")
    assert "magnus" not in captured.err


def test_a_task_that_cannot_be_called_raises_what_it_raises_here(run):
    with pytest.raises(TaskFailed) as caught:
        run("def f(x): pass")
    expected = "steps.f() needs the argument 'x', and there is no such parameter; the parameters are: none"
    assert str(caught.value) == expected


def test_what_to_do_comes_along_with_what_is_wrong(tmp_path):
    call = TaskCall(TaskSpec("python-lambda", "5"), {}, {}, tmp_path)
    with pytest.raises(TaskFailed) as caught:
        run_in_child(PythonLambdaTask(), call, timeout=None)
    assert caught.value.problems == (Problem("'5' is not a lambda", "write lambda <parameters>: <value>"),)


@pytest.mark.parametrize(
    ("death", "message"),
    [
        ("os._exit(3)", "exit status 3"),
        ("os._exit(0)", "exit status 0"),
        ("os.kill(os.getpid(), 9)", "killed by SIGKILL"),
        ("os.kill(os.getpid(), 11)", "killed by SIGSEGV"),
    ],
)
def test_the_death_of_the_child_is_a_failure_that_says_how(run, death, message):
    with pytest.raises(TaskFailed) as caught:
        run(f"import os\ndef f(): {death}")
    assert str(caught.value) == f"the child process exited before the task finished: {message}"


def test_a_death_after_the_task_is_done_takes_nothing_back(run):
    outcome = run("import atexit, os\ndef f():\n    atexit.register(os._exit, 9)\n    return {'x': 1}")
    assert outcome.parameters == {"x": JsonParameter(1)}


def test_sys_exit_fails_the_task(run):
    assert run("import sys\ndef f(): sys.exit(3)").failure == "sys.exit(3) was called"


@pytest.mark.slow
def test_the_child_and_its_children_are_gone_when_the_time_is_over(run, tmp_path):
    source = """
        import os, subprocess, time
        def f():
            child = subprocess.Popen(["sleep", "3600"])
            with open("processes.tmp", "w") as file:
                file.write(f"{os.getpid()} {child.pid}")
            os.rename("processes.tmp", "processes")
            time.sleep(3600)
        """
    for seconds in growing(2):
        with pytest.raises(TimedOut) as caught:
            run(source, timeout=float(seconds), environment={"PATH": os.environ["PATH"]})
        assert str(caught.value) == f"timed out after {seconds} s"
        if (tmp_path / "processes").exists():
            break
    for process in (tmp_path / "processes").read_text().split():
        assert not is_alive(int(process))


def test_an_interruption_ends_the_child_and_passes_through(run, tmp_path):
    file = tmp_path / "process"

    def interrupt():
        wait_for(file)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run("import os, time\ndef f():\n    open('process', 'w').write(str(os.getpid()))\n    time.sleep(3600)")
    thread.join()
    assert not is_alive(int(file.read_text()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the open files of a process are not listed here")
def test_processes_of_the_task_do_not_inherit_the_result(run):
    outcome = run(
        """
        import os, subprocess
        def f():
            shown = subprocess.run(["ls", "-l", "/proc/self/fd"], capture_output=True, text=True, close_fds=False)
            return {"open": shown.stdout.count("deleted")}
        """,
        environment={"PATH": os.environ["PATH"]},
    )
    assert outcome.parameters == {"open": JsonParameter(0)}


def test_a_result_that_cannot_be_written_is_a_failure(run):
    with pytest.raises(TaskFailed) as caught:
        run(
            """
            import resource, signal
            def f():
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
                return {"x": "a" * 100_000}
            """
        )
    assert str(caught.value) == "the child process exited before the task finished: exit status 1"


def test_a_working_directory_that_is_gone_is_a_failure(tmp_path):
    call = TaskCall(TaskSpec("python", "steps.f"), {}, {}, tmp_path / "gone")
    with pytest.raises(TaskFailed, match="there is no working directory"):
        run_in_child(PythonTask(), call, timeout=None)
