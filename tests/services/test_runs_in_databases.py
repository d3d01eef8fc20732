"""Pipelines whose runs are in a database come out as everywhere else, also when magnus or the server is killed meanwhile."""

import json
import os
import random
import re
import signal
import subprocess
import sys
from functools import partial

import drivers
import postgresql
import pytest
import simulated
import test_corpus
import test_equivalence
from safety_net import LONGEST_SECONDS

pytestmark = [pytest.mark.xdist_group("postgresql"), pytest.mark.timeout(1800)]

QUICK = drivers.whole
WORKERS = drivers.in_workers(2)
WAYS = {
    "postgresql": [
        QUICK,
        WORKERS,
        drivers.in_few_processes,
        drivers.together,
        drivers.step_by_step_in_processes,
        simulated.simulated,
        simulated.one_act_a_pod,
    ],
    "sqlite": [QUICK, WORKERS, drivers.in_few_processes, drivers.together, drivers.step_by_step_in_processes],
}
"""SQLite is for one machine, so Argo refuses it."""
RUNS = [
    pytest.param(kind, name, drive, id=f"{kind} {drive.__name__}-{name}")
    for kind, ways in WAYS.items()
    for drive in ways
    for name in test_corpus.NAMES
    if drive is QUICK or name in test_corpus.SOME
]
"""All pipelines in the quick way; in the others those that differ most."""
RANDOM_PIPELINES = 8
STEPS = 30
KILLS = 4
REPORTED = re.compile(r"^\S+Z   (s\d+): SUCCESS in ", re.MULTILINE)


def at(url):
    """The configuration of the store."""
    return {"type": "sql", "config": {"url": url}}


@pytest.fixture
def store(kind, postgresql_server):
    """The configuration of a new store of this kind; that of SQLite is in the folder of the run."""
    if kind == "sqlite":
        yield at("sqlite:///runs.db")
        return
    with postgresql.new_schema(postgresql_server) as url:
        yield at(url)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name", "drive"), RUNS)
def test_the_corpus_comes_out_as_everywhere(store, commands, tmp_path, kind, name, drive):
    drives = partial(drive, run=commands) if drive is drivers.step_by_step_in_processes else drive
    came = test_corpus.driven(name, store, drives, tmp_path, spill_threshold=1000)
    assert came == json.loads((test_corpus.CORPUS / "expected" / f"{name}.json").read_text())


@pytest.mark.slow
def test_random_pipelines_come_out_as_everywhere(postgresql_server):
    ways = []

    def check(dag):
        with postgresql.new_schema(postgresql_server) as url:
            ways.append(test_equivalence.check(dag, at(url), len(ways)))

    test_equivalence.over_random_pipelines(99, check, RANDOM_PIPELINES)
    assert len(ways) == RANDOM_PIPELINES


class Chain:
    """A pipeline of many steps in a folder, by processes that can be killed; the last step waits for the file `gate`."""

    def __init__(self, folder, store):
        self.folder = folder
        task = {"type": "task", "command_type": "python-lambda", "command": "lambda x: {'x': x + 1}"}
        steps = {f"s{n}": {**task, "next": f"s{n + 1}" if n < STEPS - 1 else "gate"} for n in range(STEPS)}
        wait = "until [ -e open ]; do sleep 0.02; done"
        steps["gate"] = {"type": "task", "command_type": "shell", "command": wait, "next": "success"}
        self.gate = folder / "open"
        self.gate.touch()
        (folder / "p.yaml").write_text(json.dumps({"dag": {"start_at": "s0", "steps": steps}}))
        services = {"run_log_store": store, "catalog": {"type": "do-nothing"}}
        (folder / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))

    def start(self, run_id):
        command = [sys.executable, "-m", "magnus", "execute", "p.yaml", "--x", "0", "--run-id", run_id]
        return subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
        )

    def output(self, *arguments):
        command = [sys.executable, "-m", "magnus", *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=LONGEST_SECONDS)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def lines_up_to(process, step):
    """What the process reports until the step is over, or until it ends."""
    text = ""
    for line in process.stderr:
        text += line
        if line.endswith("\n") and REPORTED.search(line) and REPORTED.search(line)[1] == step:
            break
    return text


@pytest.mark.parametrize("kind", WAYS)
def test_a_killed_run_has_each_step_that_was_reported_and_is_resumed(store, tmp_path, kind):
    chance = random.Random(kind)
    chain = Chain(tmp_path, store)
    for number in range(KILLS):
        chain.gate.unlink()
        process = chain.start(f"run{number}")
        reported = lines_up_to(process, f"s{chance.randrange(STEPS)}")
        process.send_signal(signal.SIGKILL)
        reported += process.communicate(timeout=LONGEST_SECONDS)[1]
        log = chain.output("show", f"run{number}", "--json")
        done = {name for name, step in log["steps"].items() if step["status"] == "SUCCESS"}
        assert log["status"] == "FAIL"
        assert log["message"].startswith("lost: ")
        assert done >= set(REPORTED.findall(reported))
        chain.gate.touch()
        resumed = chain.output("retry", f"run{number}")
        assert (resumed["status"], resumed["parameters"]) == ("SUCCESS", {"x": STEPS})
        reused = {name for name, step in resumed["steps"].items() if not step["attempts"] and name != "success"}
        assert reused == done


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_run_waits_for_a_server_that_was_killed_and_loses_nothing(mortal_server, tmp_path, end):
    chain = Chain(tmp_path, at(mortal_server.url()))
    process = chain.start("run")
    lines_up_to(process, "s5")
    getattr(mortal_server, end)()
    mortal_server.start()
    output, _ = process.communicate(timeout=LONGEST_SECONDS)
    log = json.loads(output)
    assert (log["status"], log["parameters"]) == ("SUCCESS", {"x": STEPS})
    assert chain.output("show", "run", "--json") == log
    assert [len(step["attempts"]) for step in log["steps"].values()] == [1] * (STEPS + 2)
