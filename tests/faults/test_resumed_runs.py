"""Runs with branches that are killed at random moments: each is gone on with, and comes to what an undisturbed run does."""

import json
import math
import random
import subprocess
import sys
from tempfile import TemporaryDirectory

import pytest
from forked import kept

SHARES = 2
WORK = """\
def begin(): return list(range(6))
def item(i): return {"y": i * i}
def objects(i): return {i}
def join(o, y): return sum(map(len, o)) + sum(y)
def grow(total, i=0): return total + i, i >= 3
def write():
    with open("made.txt", "w") as file: file.write("made")
def read():
    with open("made.txt") as file: return file.read()
def fail(): raise ValueError("on purpose")
"""


def task(command, *returns, following="success", **more):
    named = {"returns": list(returns)} if returns else {}
    return {"type": "task", "command": f"work.{command}", "next": following, **named, **more}


def pipe(**steps):
    return {"start_at": next(iter(steps)), "steps": steps}


def dag():
    branch = pipe(item=task("item", following="obj"), obj=task("objects", {"name": "o", "kind": "object"}))
    each = {"type": "map", "iterate_on": "is", "iterate_as": "i", "branch": branch, "next": "both"}
    loop = {"type": "loop", "branch": pipe(g=task("grow", "total", "stop")), "max_iterations": 9, "break_on": "stop",
            "index_as": "i", "next": "success"}  # fmt: skip
    left = pipe(f=task("fail", on_failure="w"), w=task("write", catalog={"put": "made.txt"}))
    both = {"type": "parallel", "branches": {"left": left, "right": pipe(l=loop)}, "next": "read"}
    return pipe(
        begin=task("begin", "is", following="each"),
        each=each,
        both=both,
        read=task("read", "said", following="join", catalog={"get": "made.txt"}),
        join=task("join", "joined"),
    )


def told(text):
    log = json.loads(text)
    return log["status"], log["parameters"], steps(log["steps"])


def steps(found):
    return {
        name: (
            step["status"],
            {key: (branch["status"], steps(branch["steps"])) for key, branch in step["branches"].items()},
            sorted((entry["name"], entry["data_hash"]) for entry in step["data_catalog"] if entry["stage"] == "put"),
        )
        for name, step in found.items()
    }


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize(
    ("store", "workers"), [("file-system", 0), ("file-system", 2), ("chunked-fs", 0), ("chunked-fs", 2)]
)
def test_every_killed_run_can_be_gone_on_with(store, workers, share, pytestconfig, tmp_path, commands):
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "p.yaml").write_text(json.dumps({"dag": dag()}))
    executor = {"type": "local", **({"config": {"enable_parallel": True, "max_workers": workers}} if workers else {})}
    services = {"executor": executor, "run_log_store": {"type": store}}
    (tmp_path / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
    moments, interrupted = random.Random(workers + 10 * share), 0
    arguments = ("execute", "p.yaml", "--total", "1", "--run-id")
    with TemporaryDirectory(prefix="mt-", dir="/tmp") as temporary:
        options = {"cwd": tmp_path, "env": {**kept(), "TMPDIR": temporary}}

        def run(*more):
            return commands(*more, **options)

        wanted = told(run(*arguments, "undisturbed").stdout)
        assert wanted[0] == "SUCCESS"
        for number in range(math.ceil(pytestconfig.getoption("--kills") / (4 * SHARES))):
            name = f"run{number}"
            argv = [sys.executable, "-m", "magnus", *arguments, name]
            streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
            killed = subprocess.Popen(argv, **streams, **options)
            killed.stderr.readline()  # it has begun
            try:
                killed.wait(moments.random() * (0.25 if workers else 0.06))
            except subprocess.TimeoutExpired:
                killed.kill()
                interrupted += 1
            killed.stderr.close()
            killed.wait()
            done = run("retry", name)
            assert done.returncode == 0, done.stderr
            assert told(done.stdout) == wanted
            again = json.loads(run("show", name, "--json").stdout)
            assert again["run_id"] == name
    assert interrupted > 0
