"""Pipelines whose runs and files are in S3 come out as everywhere else, and killed processes leave whole records that runs resume from."""

import json
import os
import random
import signal
import subprocess
import sys
import uuid
from collections import Counter
from functools import partial
from pathlib import Path

import drivers
import pytest
import simulated
import test_corpus
import test_equivalence
from object_servers import faults, objects, of_s3
from safety_net import LONGEST_SECONDS

from magnus.graph.path import BranchPath
from magnus.run_log.records import Status
from magnus.run_log_stores.object_store import ObjectStoreRunLogStore
from magnus.testing.records import step_record

pytestmark = [pytest.mark.xdist_group("moto"), pytest.mark.timeout(1800)]

QUICK = [drivers.whole, drivers.in_workers(2)]
WAYS = [
    *QUICK,
    drivers.in_few_processes,
    drivers.together,
    drivers.step_by_step_in_processes,
    simulated.simulated,
]
RUNS = [
    pytest.param(name, drive, id=f"{drive.__name__}-{name}")
    for drive in WAYS
    for name in test_corpus.NAMES
    if drive in QUICK or name in test_corpus.SOME
]
"""All pipelines in the quick ways; in the others, with a process for each act, those that differ most."""
RANDOM_PIPELINES = 8
WRITER = Path(__file__).with_name("object_writer.py")
MANY_STEPS = 30


@pytest.fixture
def location(moto_server):
    return of_s3(moto_server, f"s3://tests/{uuid.uuid4()}/runs")


def configured(location):
    names = ("url", "endpoint", "region", "access_key_id", "secret_access_key")
    return {"type": "object-store", "config": {name: getattr(location, name) for name in names}}


def opened(location):
    return ObjectStoreRunLogStore(location, Path.cwd(), objects(location))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "drive"), RUNS)
def test_the_corpus_comes_out_as_everywhere(location, commands, tmp_path, name, drive):
    drives = partial(drive, run=commands) if drive is drivers.step_by_step_in_processes else drive
    services = configured(location)
    came = test_corpus.driven(name, services, drives, tmp_path, spill_threshold=1000, catalog=services)
    assert not (tmp_path / ".catalog").exists()
    assert came == json.loads((test_corpus.CORPUS / "expected" / f"{name}.json").read_text())


@pytest.mark.slow
def test_random_pipelines_come_out_as_everywhere(location):
    ways = []

    def check(dag):
        store = configured(of_s3(location.endpoint, f"{location.url}/{len(ways)}"))
        ways.append(test_equivalence.check(dag, store, len(ways)))

    test_equivalence.over_random_pipelines(99, check, RANDOM_PIPELINES)
    assert len(ways) == RANDOM_PIPELINES


def writer(location, *arguments):
    command = [sys.executable, WRITER, location.endpoint, location.url, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_each_put_that_was_acknowledged_before_a_kill_is_there(location):
    chance = random.Random(1)
    for _ in range(6):
        with writer(location, "alone") as process:
            for _ in range(chance.randrange(1, 40)):
                process.stdout.readline()
            process.kill()
            lines = process.stdout.read().splitlines()
        store = opened(location)
        for line in lines:
            run_id, _, number = line.partition(" ")
            steps = store.list_steps(run_id, BranchPath())
            assert Status.SUCCESS in {step.status for step in steps if step.path.name == f"step {number}"}
        for run_id in store.list_runs():
            assert store.damaged_records(run_id) == ()


def test_16_processes_use_one_run(location):
    processes = [writer(location, "together", str(number)) for number in range(16)]
    said = [process.communicate(timeout=LONGEST_SECONDS)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 16
    assert Counter(said) == {"made\n": 1, "exists\n": 15}
    store = opened(location)
    steps = {step.path.name: step for step in store.list_steps("shared", BranchPath())}
    assert len(steps) == 1 + 16 * 5
    assert store.damaged_records("shared") == ()
    assert steps[step_record().path.name].message.endswith(": 0"), "the first success of each stands"


def pipeline():
    steps = {f"s{number}": {"type": "task", "command_type": "shell", "command": ":"} for number in range(MANY_STEPS)}
    return {"dag": {"steps": steps}}


def magnus(folder, *arguments):
    command = [sys.executable, "-m", "magnus", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LONGEST_SECONDS)


def test_a_killed_run_is_readable_and_is_resumed_from_its_last_success(location, tmp_path):
    (tmp_path / "p.yaml").write_text(json.dumps(pipeline()))
    services = {"run_log_store": configured(location)}
    (tmp_path / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
    chance = random.Random(2)
    for attempt in range(4):
        command = [sys.executable, "-m", "magnus", "execute", "p.yaml", "--run-id", f"killed-{attempt}"]
        with subprocess.Popen(
            command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True
        ) as process:
            for _ in range(chance.randrange(2, 2 * MANY_STEPS)):
                process.stderr.readline()
            os.killpg(process.pid, signal.SIGKILL)
        log = json.loads(magnus(tmp_path, "show", f"killed-{attempt}", "--json").stdout)
        succeeded = [name for name, step in log["steps"].items() if step["status"] == "SUCCESS"]
        assert succeeded == [f"s{number}" for number in range(len(succeeded))]
        resumed = magnus(tmp_path, "execute", "p.yaml", "--use-cached", f"killed-{attempt}")
        assert resumed.returncode == 0, resumed.stderr
        assert json.loads(resumed.stdout)["status"] == "SUCCESS"
        assert resumed.stderr.count(": SUCCESS in") == MANY_STEPS - len(succeeded) + 1


def requests_of_a_run(proxy, folder, steps):
    """The requests of a run of so many steps to the run log store, as method and key."""
    location = of_s3(proxy.address, f"s3://tests/{uuid.uuid4()}/runs")
    step = {"type": "task", "command_type": "python-lambda", "command": "lambda n: {'n': n + 1}"}
    dag = {"steps": {f"s{number}": step for number in range(steps)}}
    (folder / "p.yaml").write_text(json.dumps({"dag": dag}))
    services = {"run_log_store": configured(location), "catalog": {"type": "do-nothing"}}
    (folder / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
    proxy.requests.clear()
    done = magnus(folder, "execute", "p.yaml", "--n", "0")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parameters"]["n"] == steps
    return [(method, path.partition("/runs/")[2]) for method, path in proxy.requests]


def test_a_step_costs_two_puts_and_its_record_is_read_for_the_run_log_alone(moto_server, tmp_path):
    with faults(moto_server) as proxy:
        requests = requests_of_a_run(proxy, tmp_path, MANY_STEPS)
    of_steps = [method for method, key in requests if key.startswith(".steps/")]
    reads = MANY_STEPS + 1  # for the run log, at the end; there is a record of the end of the pipeline, too
    assert of_steps == ["PUT"] * (len(of_steps) - reads) + ["GET"] * reads
    assert of_steps.count("PUT") == 2 * MANY_STEPS + 1
    looks = [key for method, key in requests if method == "HEAD"]
    assert len(looks) == of_steps.count("PUT") + 2, "at the same time as each put, and for the end of the run"
