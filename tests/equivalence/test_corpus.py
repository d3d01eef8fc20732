"""Every pipeline of the corpus comes out as `expected/` says, however it is run.

What is there was read by people; `pytest tests/equivalence --update-expected` writes it anew.
"""

import json
import re
import shutil
from functools import partial
from pathlib import Path

import drivers
import in_jobs
import pytest
import simulated

from magnus.definition.loader import load

CORPUS = Path(__file__).parents[1] / "corpus"
ARGUMENTS = {"when": "2024-05-06", "text": "007"}
SLOWEST = ("chunked-fs", drivers.step_by_step_in_processes)
JOBS = ("file-system", in_jobs.in_jobs)
WAYS = [
    ("file-system", drivers.whole),
    ("chunked-fs", drivers.whole),
    ("file-system", drivers.in_workers(1)),
    ("file-system", drivers.in_workers(4)),
    ("chunked-fs", drivers.in_workers(2)),
    ("file-system", drivers.step_by_step_in_processes),
    SLOWEST,
    JOBS,
    ("chunked-fs", drivers.in_few_processes),
    ("file-system", drivers.together),
    ("file-system", simulated.simulated),
    ("chunked-fs", simulated.simulated),
    ("file-system", simulated.one_act_a_pod),
    ("file-system", simulated.composites_together),
]
NAMES = sorted(file.stem for file in CORPUS.glob("*.yaml"))
SOME = {"chain-of-all-task-kinds", "files-of-branches", "loop-with-a-failure", "map", "retries"}
"""The pipelines that run in ways that take long, an interpreter for each step; all do so in forked processes."""
RUNS = [
    pytest.param(name, store, drive, id=f"{store} {drive.__name__}-{name}")
    for store, drive in WAYS
    for name in NAMES
    if (store, drive) not in {SLOWEST, JOBS} or name in SOME
]


def seen(log):
    return {"status": log["status"], "parameters": log["parameters"], "steps": steps_of(log["steps"])}


def steps_of(steps):
    return {name: {key: value for key, value in step_of(step).items() if value} for name, step in steps.items()}


def step_of(step):
    return {
        "status": step["status"],
        "message": re.sub(r"(work\.py):\d+", r"\1", step["message"]),
        "attempts": [
            {"status": attempt["status"], "parameters": attempt["parameters"]} for attempt in step["attempts"]
        ],
        "metrics": step["user_defined_metrics"],
        "files": [[entry["stage"], entry["name"], entry["data_hash"][:12]] for entry in step["data_catalog"]],
        "branches": {
            key: {"status": branch["status"], "value": branch.get("value"), "steps": steps_of(branch["steps"])}
            for key, branch in step["branches"].items()
        },
    }


@pytest.mark.parametrize(("name", "store", "drive"), RUNS)
def test_the_corpus(name, store, drive, tmp_path, pytestconfig, commands):
    forks = drive is drivers.step_by_step_in_processes and (store, drive) != SLOWEST
    drives = partial(drive, run=commands) if forks else drive
    came = driven(name, store, drives, tmp_path, spill_threshold=1000)
    expected = CORPUS / "expected" / f"{name}.json"
    if pytestconfig.getoption("--update-expected") and drive is drivers.whole:
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(json.dumps(came, indent=1, ensure_ascii=False) + "\n")
    assert came == json.loads(expected.read_text())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("drive", [drivers.whole, drivers.in_workers(2), drivers.step_by_step])
def test_nothing_changes_when_every_value_is_kept_in_the_catalog(name, drive, tmp_path):
    came = driven(name, "file-system", drive, tmp_path, spill_threshold=0)
    expected = json.loads((CORPUS / "expected" / f"{name}.json").read_text())
    assert without_handed(came) == without_handed(expected)


def driven(name, store, drive, folder, *, spill_threshold, catalog=None):
    """What comes of a pipeline of the corpus; `store` is a type, or a type with options, and so is `catalog`."""
    for file in CORPUS.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    shutil.copy(CORPUS / f"{name}.yaml", folder / "p.yaml")
    catalog = catalog or {"type": "file-system", "config": {}}
    catalog = {**catalog, "config": {**catalog["config"], "spill_threshold": spill_threshold}}
    services = {"run_log_store": {"type": store} if isinstance(store, str) else store, "catalog": catalog}
    (folder / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
    dag = load(str(folder / "p.yaml"), {}).dag
    return seen(drive(folder, dag, ARGUMENTS))


def without_handed(came):
    """The same without what tasks were handed, in which large values are references."""
    match came:
        case {"attempts": attempts, **rest}:
            statuses = [attempt["status"] for attempt in attempts]
            return {"attempts": statuses, **{key: without_handed(value) for key, value in rest.items()}}
        case dict():
            return {key: without_handed(value) for key, value in came.items()}
        case list():
            return [without_handed(value) for value in came]
        case _:
            return came


def test_nothing_is_expected_of_a_pipeline_that_is_not_there():
    assert sorted(file.stem for file in (CORPUS / "expected").glob("*.json")) == NAMES
