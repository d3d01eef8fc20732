"""Commands that tests fork do what they do in an interpreter of their own, so a test may use either."""

import json
import os
import re
from tempfile import TemporaryDirectory

import pytest
from forked import Commands, can_become, in_interpreter, kept

from magnus.cli.synopsis import COMMANDS

WORK = """\
import json, os, sys, threading
def first():
    main = sys.modules["__main__"]
    print(json.dumps({
        "arguments": sys.argv, "original": sys.orig_argv, "flags": str(sys.flags), "path": sys.path, "folder": os.getcwd(),
        "main": [main.__file__, main.__name__, main.__spec__.name, sorted(vars(main))], "environment": sorted(os.environ),
        "threads": threading.active_count(), "open files": len(os.listdir("/proc/self/fd")),
        "terminals": [os.isatty(number) for number in range(3)], "encoding": [sys.stdout.encoding, sys.stderr.errors],
    }))
    return 1
def item(i): return i
def fails(): raise ValueError("on purpose")
"""
BRANCH = {"start_at": "in", "steps": {"in": {"command": "work.item", "returns": ["y"], "next": "success"}}}
STEPS = {
    "a": {"command": "work.first", "returns": ["x"], "next": "b"},
    "b": {
        "command_type": "shell",
        "command": "env | cut -d= -f1 | sort >made",
        "catalog": {"put": "made"},
        "next": "each",
    },
    "each": {"type": "map", "iterate_on": "xs", "iterate_as": "i", "branch": BRANCH, "next": "fails"},
    "fails": {"command": "work.fails", "next": "success"},
}
CALLS = """\
execute p.yaml --xs [1,2] --run-id mine
show mine
logs mine
logs mine a
explain mine
explain mine a
debug mine a --print
reproduce none
run_again none
export mine runs.tar
import runs.tar
diff mine mine
runs
graph p.yaml
check p.yaml --xs [1]
report mine
retry mine --run-id again
catalog verify
gc
init new
schema
execute_function work.item --i 1 --run-id job
execute_notebook none.ipynb
execute_single_node mine a -f p.yaml
fan mine each -m out -f p.yaml
run_composite mine each -f p.yaml
end_run mine
track mine
ui -c none.yaml
simulate none.yaml
execute none.yaml
execute p.yaml --no-such
none
--help
""".splitlines()
VARIES = re.compile(
    r"[0-9a-f]{6}\.project|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?|[0-9a-f]{32,}|\d+(\.\d+)?(e-\d+)? *(ms|s|B|kB|min)?\b|mt-\w+|magnus-\d+-\w+|#[0-9a-f]{16}\b"
)
"""Moments, durations, hashes, process ids; names of temporary folders; tokens of steps."""


@pytest.fixture
def both(tmp_path, commands):
    """Two folders in which the same is done, in an interpreter each and forked."""
    with TemporaryDirectory(prefix="mt-", dir="/tmp") as temporary:
        environment = {**kept(), "TMPDIR": temporary}
        for name in ("interpreter", "forked"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "p.yaml").write_text(json.dumps({"dag": {"start_at": "a", "steps": STEPS}}))
            (tmp_path / name / "work.py").write_text(WORK)
        yield [
            lambda *arguments: in_interpreter(*arguments, cwd=tmp_path / "interpreter", env=environment),
            lambda *arguments: commands(*arguments, cwd=tmp_path / "forked", env=environment),
        ]
        assert os.listdir(temporary) == []


def told(done):
    said = (text.replace("/forked", "/interpreter") for text in (done.stdout, done.stderr))
    return done.returncode, *(re.sub(" +", " ", VARIES.sub("-", text)) for text in said)  # columns are as wide as these


def test_every_command_says_the_same_and_ends_with_the_same_status(both):
    assert {call.split()[0] for call in CALLS} >= {*COMMANDS, "--help"}
    seen = []
    for call in CALLS:
        one, other = (told(run(*call.split())) for run in both)
        assert one == other, call
        seen.append(one[0])
    assert {0, 1, 2} <= set(seen)


def test_a_step_sees_the_same_around_it(both):
    one, other = (run("execute", "p.yaml", "--xs", "[]", "--run-id", "mine").stderr for run in both)
    one, other = (re.search(r"^\{.*\}$", text.replace("/forked", "/interpreter"), re.M)[0] for text in (one, other))
    assert json.loads(one) == json.loads(other)


def test_a_command_is_forked_unless_what_the_interpreter_reads_differs(tmp_path):
    before = {"PATH": "/bin", "PYTHONPATH": "/a", "LANG": "C"}
    assert can_become(before, {**before, "PATH": "/usr/bin", "ANY": "1", "PYTHONPATH": f"/b:/a:{tmp_path}"})
    assert not can_become(before, {**before, "LANG": "de"})
    assert not can_become(before, {**before, "PYTHONUTF8": "0"})
    assert not can_become(before, {**before, "PYTHONPATH": "/b"})
    (tmp_path / "sitecustomize.py").touch()
    assert not can_become(before, {**before, "PYTHONPATH": f"/a:{tmp_path}"})


def test_a_command_that_is_killed_has_a_negative_status(tmp_path):
    (tmp_path / "work.py").write_text("import os\ndef f(): os.kill(os.getpid(), 9)\n")
    with Commands() as run:
        assert run("execute_function", "work.f", cwd=tmp_path, env=kept()).returncode == -9
