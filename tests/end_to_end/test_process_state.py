"""What steps do to their process reaches no other step and no run log, whatever executor runs them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from state_table import TABLE

TABLES = Path(__file__).parents[1] / "processes"
PARALLEL = "executor: {type: local, config: {enable_parallel: true, max_workers: 1}}\n"
EXECUTORS = ["in process", "worker", "child of a timeout"]


def pipeline(*commands, timeout=False):
    """A pipeline whose steps `s0`, `s1`, ... run the commands."""
    more = ", timeout: 60" if timeout else ""
    steps = [
        f"    s{number}: {{type: task, command: {command}, next: {f's{number + 1}' if number + 1 < len(commands) else 'success'}{more}}}\n"
        for number, command in enumerate(commands)
    ]
    return "dag:\n  start_at: s0\n  steps:\n" + "".join(steps)


@pytest.fixture
def run(folder):
    """Runs functions of `work.py` one after the other."""

    def run(work, *functions, executor="in process", more=()):
        folder.write("work.py", work)
        folder.write("parallel.yaml", PARALLEL)
        commands = [f"work.{function}" for function in functions]
        folder.write("p.yaml", pipeline(*commands, timeout=executor == "child of a timeout"))
        configuration = ["-c", "parallel.yaml"] if executor == "worker" else []
        return folder.magnus("execute", "p.yaml", *configuration, *more)

    return run


STATE = f"""\
import sys
sys.path.append({str(TABLES)!r})
import state_table

def before():
    return {{"before": state_table.look()}}

def change():
    return {{"unchanged": state_table.change()}}

def after():
    return {{"after": state_table.look()}}
"""


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_step_changes_everything_and_the_next_one_sees_nothing_of_it(run, executor):
    done = run(STATE, "before", "change", "after", executor=executor)
    assert done.status == 0, done.err
    parameters = done.log["parameters"]
    assert parameters["unchanged"] == []
    per_process = {"another import path"}
    differing = {name for name in TABLE if parameters["before"][name] != parameters["after"][name]}
    assert differing - per_process == set()


LAZY = """\
import os, sys

def one():
    import sets_up
    import helpers
    return {"x": helpers.X}

def two():
    import sets_up
    import others
    return {"y": others.Y, "env": os.environ["SET_UP"]}
"""
EAGER = "import sets_up\n" + LAZY


@pytest.mark.parametrize("work", [EAGER, LAZY], ids=["at the top", "inside the functions"])
@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_importing_a_module_does_stays_as_long_as_the_module(run, folder, executor, work):
    folder.write(
        "sets_up.py", "import os, sys\nsys.path.insert(0, os.path.abspath('lib'))\nos.environ['SET_UP'] = 'yes'\n"
    )
    folder.write("lib/helpers.py", "X = 1\n")
    folder.write("lib/others.py", "Y = 2\n")
    done = run(work, "one", "two", executor=executor)
    assert done.status == 0, done.err
    assert done.log["parameters"] == {"x": 1, "y": 2, "env": "yes"}


HANDLERS = """\
import logging

def adds(element):
    logging.getLogger("train").addHandler(logging.StreamHandler())
    logging.getLogger("train").error("%s logged", element)
    return {"handlers": len(logging.getLogger("train").handlers)}
"""
MAP = """\
dag:
  start_at: m
  steps:
    m:
      type: map
      iterate_on: elements
      iterate_as: element
      next: success
      branch:
        start_at: a
        steps:
          a: {type: task, command: work.adds, next: success}
"""


@pytest.mark.parametrize("executor", ["in process", "worker"])
def test_each_element_of_a_map_has_the_handlers_it_adds(folder, executor):
    folder.write("work.py", HANDLERS)
    folder.write("p.yaml", MAP)
    folder.write("parallel.yaml", PARALLEL)
    configuration = ["-c", "parallel.yaml"] if executor == "worker" else []
    done = folder.magnus("execute", "p.yaml", "--elements", "[1, 2, 3]", *configuration)
    assert done.log["parameters"]["handlers"] == [1, 1, 1]
    assert [done.err.count(f"{element} logged") for element in (1, 2, 3)] == [1, 1, 1]


LATE = """\
import atexit, os, threading, time

def talks_on():
    if os.fork() == 0:
        time.sleep(0.2)
        os.write(1, b"of a fork")
        os._exit(0)

    def talk():
        while True:
            print("of a thread")
            os.write(1, b"of a thread\\n")
            time.sleep(0.001)

    threading.Thread(target=talk, daemon=True).start()
    atexit.register(print, "at exit")
    atexit.register(os.system, "echo of a shell at exit")

def waits():
    time.sleep(0.3)
"""


@pytest.mark.parametrize("executor", ["in process", "worker"])
def test_nothing_but_the_run_log_reaches_standard_output(run, executor):
    done = run(LATE, "talks_on", "waits", executor=executor)
    assert done.status == 0, done.err
    assert json.loads(done.out)["status"] == "SUCCESS"
    assert done.out.startswith("{")
    assert "of a thread" in done.err
    if executor == "in process":
        assert "at exit" in done.err
        assert "of a shell at exit" in done.err


def test_nothing_but_problems_reaches_standard_output_of_a_check(run, folder):
    folder.write(
        "work.py", "import os, atexit\nos.write(1, b'at import')\natexit.register(print, 'at exit')\ndef f(): pass\n"
    )
    folder.write("p.yaml", pipeline("work.f"))
    done = folder.magnus("check", "--json", "p.yaml")
    assert json.loads(done.out)
    assert "at import" in done.err
    assert "at exit" in done.err


@pytest.mark.parametrize("wanted", ["svg", "mermaid"])
def test_nothing_but_the_picture_reaches_standard_output(folder, wanted):
    script = (
        "import os, atexit\nfrom magnus import Pipeline, Stub\nos.write(1, b'loud')\natexit.register(print, 'loud')\n"
    )
    folder.write("p.py", script + "pipeline = Pipeline(steps=[Stub(name='a')])\n")
    done = folder.magnus("graph", "p.py", "--format", wanted)
    assert done.status == 0, done.err
    assert "loud" not in done.out
    assert done.err.count("loud") == 2


ALARM = """\
import signal, time, resource, multiprocessing

def sets_an_alarm():
    signal.setitimer(signal.ITIMER_REAL, 0.2)

def sleeps():
    time.sleep(0.4)

def waits_for_it():
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    time.sleep(20)

def watches_itself():
    import faulthandler

    faulthandler.dump_traceback_later(0.2, exit=True)

def opens_few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (8, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

def starts_processes():
    multiprocessing.set_start_method("spawn")

async def loops():
    pass

def loops_by_hand():
    import asyncio, warnings

    warnings.simplefilter("ignore")
    asyncio.get_event_loop_policy().get_event_loop().run_until_complete(loops())
"""


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize(
    "functions",
    [
        ("sets_an_alarm", "sleeps"),
        ("watches_itself", "sleeps"),
        ("opens_few_files", "sleeps", "sleeps"),
        ("starts_processes", "starts_processes"),
        ("loops", "loops_by_hand", "loops_by_hand"),
    ],
)
def test_steps_that_change_their_process_succeed_one_after_the_other(run, executor, functions):
    done = run(ALARM, *functions, executor=executor)
    assert done.status == 0, done.err


@pytest.mark.parametrize(
    ("executor", "says"), [(name, "alarm" if name != EXECUTORS[2] else "SIGALRM") for name in EXECUTORS]
)
def test_an_alarm_that_rings_fails_its_step(run, executor, says):
    done = run(ALARM, "waits_for_it", executor=executor)
    assert done.status == 1, done.err
    assert done.log["status"] == "FAIL"
    assert says in done.log["steps"]["s0"]["message"]


def test_files_that_follow_a_changed_umask_can_be_read_by_others(run, folder):
    done = run(
        "import os\ndef hides():\n    os.umask(0o077)\ndef writes():\n    open('x', 'w').close()\n", "hides", "writes"
    )
    assert done.status == 0, done.err
    assert (folder.path / "x").stat().st_mode & 0o777 == 0o644


def test_programs_keep_their_standard_output(folder):
    folder.write(
        "p.py",
        "from magnus import Pipeline, PythonTask\ndef f(): print('captured')\n"
        "if __name__ == '__main__':\n"
        "    print('before', flush=True)\n"
        "    Pipeline(steps=[PythonTask(name='a', function=f)]).execute()\n"
        "    print('after')\n",
    )
    done = subprocess.run(
        [folder.command()[0], "p.py"], cwd=folder.path, env=folder.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "before\nafter\n"


STANDARD = """
    argparse ast asyncio calendar code collections contextlib copy csv dataclasses decimal email enum functools
    http importlib inspect json linecache logging multiprocessing pickle platform profile queue random re secrets select
    shutil signal socket statistics string struct subprocess tempfile threading token tokenize traceback types typing
    uuid warnings weakref
""".split()
NEEDED = "docker mlflow msgspec nbclient pydantic yaml".split()

PROJECTS = 2
"""The names are dealt to so many projects: one module of a project in the place of another fails the run of them all."""
NAMES = [*STANDARD, *NEEDED]
USES_ITS_OWN = """\
import NAMES
import zipfile, concurrent.futures, wsgiref.simple_server

def own():
    import sys, NAMES
    assert all(globals()[name] is sys.modules[name] for name in "NAMES".split(", "))
    return {"x": [module.own() for module in (NAMES)]}

async def later():
    import NAMES
    return {"y": [module.own() for module in (NAMES)]}
"""


@pytest.mark.parametrize("names", [NAMES[number::PROJECTS] for number in range(PROJECTS)], ids=" ".join)
def test_tasks_find_modules_of_the_project_that_are_called_as_others_are(folder, names):
    for name in names:
        folder.write(
            f"{name}.py", f"def own():\n    return '{name} of mine'\ndef alone():\n    return {{'{name}': own()}}\n"
        )
    folder.write("work.py", USES_ITS_OWN.replace("NAMES", ", ".join(names)))
    own = {"type": "task", "command": "work.own"}
    steps = [
        *({"type": "task", "command": f"{name}.alone"} for name in names),
        own,
        own | {"timeout": 60},
        own | {"command": "work.later"},
        {"type": "task", "command_type": "shell", "command": "export MAGNUS_PRM_z=3"},
    ]
    following = [*(f"s{number}" for number in range(1, len(steps))), "success"]
    linked = {f"s{number}": step | {"next": following[number]} for number, step in enumerate(steps)}
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "s0", "steps": linked}}))
    folder.write("parallel.yaml", PARALLEL)
    of_all = [f"{name} of mine" for name in names]
    for command in (["check"], ["execute"], ["execute", "-c", "parallel.yaml"]):
        done = folder.magnus(*command, "p.yaml")
        assert done.status == 0, (command, done.err)
        if command != ["check"]:
            each = {name: f"{name} of mine" for name in names}
            assert done.log["parameters"] == {**each, "x": of_all, "y": of_all, "z": 3}


def test_a_task_that_fails_beside_such_a_module_says_why(folder):
    for name in ("traceback", "linecache", "tokenize", "copy"):
        folder.write(f"{name}.py", "X = 1\n")
    folder.write("work.py", "import traceback, linecache, tokenize, copy\ndef f():\n    raise KeyError(traceback.X)\n")
    folder.write("p.yaml", pipeline("work.f"))
    done = folder.magnus("execute", "p.yaml")
    assert done.status == 1
    assert done.log["steps"]["s0"]["message"] == "KeyError: 1 (work.py:3 in f)"


@pytest.mark.parametrize("command", ["check", "execute"])
def test_a_module_that_python_never_reads_is_said_before_the_run(folder, command):
    folder.write("time.py", "def own():\n    return {'first': 1}\n")
    folder.write("p.yaml", pipeline("time.own"))
    done = folder.magnus(command, "p.yaml")
    assert done.status == 2
    assert "'time.py' is never imported: python has a module 'time' of its own" in done.out + done.err
    assert "rename the file" in done.out + done.err
    assert folder.runs() == []


def test_a_module_that_python_never_reads_is_a_warning_where_no_command_names_it(folder):
    folder.write("codecs.py", "")
    folder.write("work.py", "def f(): pass\n")
    folder.write("p.yaml", pipeline("work.f"))
    done = folder.magnus("execute", "p.yaml")
    assert done.status == 0
    assert "warning: 'codecs.py' is never imported" in done.err


def test_a_script_builds_a_pipeline_beside_such_a_module(folder):
    folder.write("copy.py", "X = 'mine'\n")
    folder.write(
        "p.py",
        "import copy\nfrom magnus import Pipeline, PythonTask\n"
        "def f():\n    return {'x': copy.X}\n"
        "pipeline = Pipeline(steps=[PythonTask(name='a', function=f)])\n",
    )
    done = folder.magnus("execute", "p.py")
    assert done.status == 0, done.err
    assert done.log["parameters"] == {"x": "mine"}


SLOW = """\
import os, time
while not os.path.exists("go"):
    time.sleep(0.01)
"""


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_module_that_takes_long_to_load_is_shown(folder, executor):
    folder.write("slow_module.py", SLOW)
    folder.write("work.py", "def f():\n    import slow_module\n")
    folder.write("parallel.yaml", PARALLEL)
    folder.write("p.yaml", pipeline("work.f", timeout=executor == "child of a timeout"))
    run = folder.start("execute", "p.yaml", *(["-c", "parallel.yaml"] if executor == "worker" else []))
    seen = ""
    with run:
        while "s0: loading slow_module" not in seen:
            line = run.stderr.readline()
            assert line, seen
            seen += line
        folder.write("go", "")
        run.stdout.read()
        seen += run.stderr.read()
    assert run.returncode == 0, seen
    assert seen.count("loading") == 1


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_breakpoint_without_a_terminal_says_what_to_do(run, executor):
    done = run("def f():\n    breakpoint()\n    return {'x': 1}\n", "f", executor=executor)
    assert done.status == 1
    message = done.log["steps"]["s0"]["message"]
    assert message.startswith("breakpoint() was reached (work.py:")
    assert "enable_parallel: false, and no timeout on the step" in message


HARD = """\
import resource

def lowers():
    resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))

def opens():
    open("made.txt", "w").close()
"""


def test_a_hard_limit_of_open_files_that_a_task_lowers_is_no_fault_of_magnus(run):
    """Where the limit can be raised again nothing is wrong; elsewhere the process can do little any more, and says why."""
    program = "import resource as r; n = r.RLIMIT_NOFILE; r.setrlimit(n, (8, 8)); r.setrlimit(n, (9, 9))"
    can_be_raised = subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == 0
    done = run(HARD, "lowers", "opens")
    assert "a fault of magnus" not in done.err
    assert "Traceback" not in done.err
    if can_be_raised:
        assert done.status == 0, done.err
    else:
        assert done.status in {1, 3}
        assert "s0: FAIL" in done.err
        assert "the task lowered a hard limit that cannot be raised again: RLIMIT_NOFILE" in done.err


CLOSES = """\
import os
files = []

def closes():
    os.closerange(3, 256)
    for number in range(20):
        files.append(open(f"file{number}", "w"))
        files[-1].write("mine")
        files[-1].flush()
    print("it is done")
    return {"x": 1}
"""


@pytest.mark.parametrize("executor", ["in process", "worker"])
def test_a_task_that_closes_descriptors_of_magnus_gets_nothing_of_magnus_into_its_files(run, folder, executor):
    assert run(CLOSES, "closes", executor=executor).status == 1
    assert {(folder.path / f"file{number}").read_text() for number in range(20)} == {"mine"}
    step = folder.magnus("show", "latest", "--json").log["steps"]["s0"]
    assert step["status"] == "FAIL"
    assert step["message"].startswith("the task closed descriptors that it did not open: magnus needs them")
