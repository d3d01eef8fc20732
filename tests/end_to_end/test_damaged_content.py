"""Content of the catalog that was changed behind its back: never used, never certified, made again by resuming."""

import json

import pytest

from magnus.testing.pieces import FilePiece, flipped

WORK = """
import os
from pathlib import Path

def make():
    Path("big.csv").write_text("1\\n" * 1_200_000)
    Path("small.csv").write_text("1\\n" * 100)
    return list(range(100_000)), bytearray(3_000_000)

def change():
    Path("big.csv").write_text("0\\n")
    Path("small.csv").write_text("0\\n")

def use(numbers, blob):
    if Path("fails").exists():
        raise ValueError("on purpose")
    total = sum(map(int, Path("big.csv").read_text().split())) + sum(map(int, Path("small.csv").read_text().split()))
    return total, sum(numbers), len(blob), sum(blob)
"""
PIPELINE = {
    "dag": {
        "start_at": "make",
        "steps": {
            "make": {
                "command": "work.make", "next": "change", "catalog": {"put": ["*.csv"]},
                "returns": ["numbers", {"name": "blob", "kind": "object"}],
            },
            "change": {"command": "work.change", "next": "use"},
            "use": {
                "command": "work.use", "next": "success", "catalog": {"get": ["*.csv"]},
                "returns": ["total", "numbers_sum", "length", "blob_sum"],
            },
        },
    }
}  # fmt: skip
RIGHT = {"total": 1_200_100, "numbers_sum": 4_999_950_000, "length": 3_000_000, "blob_sum": 0}


@pytest.fixture
def failed(folder):
    """A run whose last step failed; what came before is in the catalog."""
    folder.write("work.py", WORK)
    folder.write("pipeline.yaml", json.dumps(PIPELINE))
    folder.write("fails", "")
    ran = folder.magnus("execute", "pipeline.yaml", "--run-id", "a")
    assert ran.status == 1, ran.err
    (folder.path / "fails").unlink()
    return folder


def flip(folder, name, where):
    piece = FilePiece(folder.path / ".catalog" / "a" / name)
    content = piece.read()
    piece.write(flipped(content, {"first": 0, "middle": len(content) // 2, "last": -1}[where]))
    return content


@pytest.mark.parametrize("name", ["big.csv", "small.csv", ".parameters/numbers.json", ".objects/blob.pickle"])
@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_resuming_makes_damaged_content_again(failed, name, where):
    whole = flip(failed, name, where)
    resumed = failed.magnus("retry", "a")
    assert resumed.status == 0, resumed.err
    assert f"runs 'make' and what follows: '{name}', which it left, is damaged in the catalog" in resumed.err
    assert {key: resumed.log["parameters"][key] for key in RIGHT} == RIGHT
    assert (failed.path / ".catalog" / "a" / name).read_bytes() == whole  # the content of both runs is one
    assert failed.magnus("catalog", "verify").status == 0


@pytest.mark.parametrize("name", ["big.csv", "small.csv"])
def test_a_step_that_gets_damaged_content_fails_and_takes_on_failure(failed, name):
    steps = PIPELINE["dag"]["steps"]
    place = f".catalog/b/{name}"
    damage = f"chmod u+w {place}; printf 7 | dd of={place} conv=notrunc bs=1; touch -d @0 {place}; rm {name}"
    steps = {
        **steps,
        "change": {"command_type": "shell", "command": damage, "next": "use"},
        "use": {**steps["use"], "on_failure": "after"},
        "after": {"command_type": "shell", "command": f"test ! -e {name}", "next": "success"},
    }
    failed.write("damaged.yaml", json.dumps({"dag": {"start_at": "make", "steps": steps}}))
    ran = failed.magnus("execute", "damaged.yaml", "--run-id", "b")
    assert ran.status == 0, ran.err
    used = ran.log["steps"]["use"]
    assert used["status"] == "FAIL"
    [put] = [entry for entry in ran.log["steps"]["make"]["data_catalog"] if entry["name"] == name]
    assert f"the content of '{name}', put by the run 'b', is damaged in the catalog" in used["message"]
    assert put["data_hash"] in used["message"]
    assert not [entry for entry in used["data_catalog"] if entry["name"] == name]


def test_a_step_fails_whose_object_was_damaged_since_and_does_not_unpickle_it(failed):
    steps = PIPELINE["dag"]["steps"]
    place = ".catalog/b/.objects/blob.pickle"
    damage = f"chmod u+w {place}; printf 7 | dd of={place} conv=notrunc bs=1 seek=2000000"
    steps = {**steps, "change": {"command_type": "shell", "command": damage, "next": "use"}}
    failed.write("damaged.yaml", json.dumps({"dag": {"start_at": "make", "steps": steps}}))
    failed.write("workers.yaml", "executor: {type: local, config: {enable_parallel: true, max_workers: 2}}\n")
    ran = failed.magnus("execute", "damaged.yaml", "--run-id", "b", "-c", "workers.yaml")
    assert ran.status == 1
    assert "the content of '.objects/blob.pickle' is damaged in the catalog" in ran.log["steps"]["use"]["message"]
