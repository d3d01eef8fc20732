"""Runs whose records were changed at random: each change is put right, has no effect on the facts, or is reported."""

import json
import os
import random
import shutil
from collections import Counter
from contextlib import closing

import pytest
from forked import kept

from magnus.app.inspect.damage import damage
from magnus.app.inspect.list_runs import RunFilter, list_runs
from magnus.app.inspect.run_document import document
from magnus.errors import MagnusError
from magnus.run_log_stores.chunked_file_system import ChunkedOptions, ChunkedRunLogStore
from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore
from magnus.testing.pieces import FilePiece, flipped, lines_of

STEP = {"command_type": "shell", "command": "export MAGNUS_PRM_t=31", "next": "success"}
BRANCH = {"start_at": "use", "steps": {"use": STEP}}
PIPELINE = {
    "dag": {
        "start_at": "a",
        "steps": {
            "a": {**STEP, "next": "each"},
            "each": {"type": "map", "iterate_on": "items", "iterate_as": "item", "branch": BRANCH, "next": "both"},
            "both": {"type": "parallel", "branches": {"x": BRANCH, "y": BRANCH}, "next": "end"},
            "end": STEP,
        },
    }
}
STORES = {
    "file-system": lambda folder: FileSystemRunLogStore(FileSystemOptions(), folder),
    "chunked-fs": lambda folder: ChunkedRunLogStore(ChunkedOptions(), folder),
}
MUTATIONS = 120


@pytest.fixture(scope="module", params=STORES)
def runs(request, tmp_path_factory, commands):
    """The kind of store, and a folder with a run that succeeded and one that failed, whose processes are gone."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "c.yaml").write_text(f"run_log_store: {{type: {request.param}}}\n")
    (folder / "p.json").write_text(json.dumps({"items": [1, 2]}))
    failing = json.loads(json.dumps(PIPELINE))
    failing["dag"]["steps"]["end"]["command"] = "false"
    for run_id, pipeline, status in (("good", PIPELINE, 0), ("bad", failing, 1)):
        (folder / f"{run_id}.yaml").write_text(json.dumps(pipeline))
        arguments = ("execute", f"{run_id}.yaml", "-c", "c.yaml", "-p", "p.json", "--run-id", run_id)
        ran = commands(*arguments, cwd=folder, env=kept())
        assert ran.returncode == status, ran.stderr
    return request.param, folder / ".run_log_store"


def pieces(kind, folder):
    if kind == "file-system":
        return [piece for run in ("good", "bad") for piece in lines_of(folder / f"{run}.jsonl")]
    return files_in(folder / ".runs") + files_in(folder / ".steps")


def files_in(folder):
    return [FilePiece(file) for file in sorted(folder.rglob("*")) if file.is_file()]


def flip(piece, chance):
    content = piece.read()
    piece.write(flipped(content, chance.randrange(len(content)), 1 << chance.randrange(8)))


def digit(piece, chance):
    """No error of a disk: another digit, which is as good as the one before."""
    content = piece.read()
    places = [place for place, byte in enumerate(content) if chr(byte).isdigit()]
    place = chance.choice(places)
    piece.write(content[:place] + str((content[place] - 47) % 10).encode() + content[place + 1 :])


def cut(piece, chance):
    content = piece.read()
    piece.write(content[: chance.randrange(1, len(content) - 1)])  # nothing left is `remove`


def zeros(piece, chance):
    content = piece.read()
    start = chance.randrange(len(content) - 1)
    piece.write(content[:start] + bytes(min(64, len(content) - start)) + content[start + 64 :])


def remove(piece, _chance):
    piece.remove()


def facts(kind, root, run_id):
    """The document of a run and what is said to be wrong with it; an error or another status in a listing says it too."""
    with closing(STORES[kind](root)) as store:
        status = {run.run_id: run.status.value for run in list_runs(store, RunFilter())}.get(run_id, "")
        try:
            run = store.get_run(run_id)
            return json.loads("".join(document(store, run))), status, damage(store, run).lines()
        except MagnusError as error:
            return None, status, [error.problems[0].message]


def outcome(before, after):
    if after[2]:
        return "reported"
    if after[0] == before[0]:
        return "without effect"
    return "reported" if after[1] in {"LOST", "DAMAGED", ""} and after[1] != before[1] else "silent"


@pytest.mark.parametrize("mutate", [flip, digit, cut, zeros, remove])
def test_no_mutation_of_a_run_passes_silently(runs, tmp_path, mutate):
    kind, original = runs
    whole = {run_id: facts(kind, original.parent, run_id) for run_id in ("good", "bad")}
    assert [(status, lines) for _, status, lines in whole.values()] == [("SUCCESS", []), ("FAIL", [])]
    chance, counted = random.Random(mutate.__name__), Counter()
    folder = tmp_path / ".run_log_store"
    for number in range(MUTATIONS):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(original, folder)
        (folder / ".summaries").unlink(missing_ok=True)
        all_pieces = pieces(kind, folder)
        piece = all_pieces[number % len(all_pieces)]
        shown = f"{vars(piece)}: {piece.read()[:200]!r}"
        mutate(piece, chance)
        for run_id, before in whole.items():
            found = outcome(before, facts(kind, tmp_path, run_id))
            assert found != "silent", f"{run_id}, {shown}"
            counted[found] += 1
    assert counted.total() == 2 * MUTATIONS
    assert counted["reported"] >= MUTATIONS if mutate is not remove else counted["reported"] > MUTATIONS // 3


def test_what_is_wrong_is_said_wherever_a_run_is_looked_at(runs, tmp_path, commands):
    kind, original = runs
    shutil.copytree(original.parent, tmp_path / "project")
    project = tmp_path / "project"
    folder = project / ".run_log_store"
    (folder / ".summaries").unlink(missing_ok=True)
    of_good = lines_of(folder / "good.jsonl") if kind == "file-system" else files_in(folder / ".steps" / "good")
    [piece] = [one for one in of_good if b'"step":"a","position":0,"status":"SUCCESS"' in one.read()]
    piece.write(flipped(piece.read(), 300))

    def magnus(*arguments):
        return commands(*arguments, "-c", "c.yaml", cwd=project, env=kept())

    skipped = "1 record is damaged and skipped, of 'a': its checksum is wrong ("
    gap = "'a': the record of its end is missing"
    shown = magnus("show", "good")
    assert f"damaged: {skipped}" in shown.stderr
    assert f"damaged: {gap}" in shown.stderr
    assert f"damaged: {gap}" in magnus("show", "good", "--step", "end").stderr
    said = json.loads(magnus("show", "good", "--json").stdout)
    assert said["skipped_records"][0]["step"] == "a"
    assert said["missing_records"] == [{"step": "a", "problem": "the record of its end is missing"}]
    assert "skipped_records" not in json.loads(magnus("show", "bad", "--json").stdout)
    assert f"damaged: good: {skipped}" in magnus("runs").stderr
    [good] = [run for run in json.loads(magnus("runs", "--json").stdout) if run["run_id"] == "good"]
    assert [record["step"] for record in good["skipped_records"]] == ["a"]
    compared = magnus("diff", "good", "bad")
    assert f"damaged: good: {skipped}" in compared.stderr
    assert gap in json.loads(magnus("diff", "good", "bad", "--json").stdout)["first"]["damage"]
    assert gap in magnus("report", "good", "-o", "-").stdout
    planned = magnus("retry", "good", "--dry-run").stderr
    assert f"records of good: {skipped}" in planned
    assert "runs 'a' and what follows" in planned


@pytest.mark.parametrize("what", ["a link to itself", "a link to nothing", "a pipe", "a folder"])
def test_a_listing_goes_on_past_what_is_no_record(runs, tmp_path, commands, what):
    kind, original = runs
    project = tmp_path / "project"
    shutil.copytree(original.parent, project)
    place = project / ".run_log_store" / ("odd.jsonl" if kind == "file-system" else ".runs/odd")
    make = {
        "a link to itself": lambda: place.symlink_to(place.name),
        "a link to nothing": lambda: place.symlink_to(project / "nothing"),
        "a pipe": lambda: os.mkfifo(place),
        "a folder": place.mkdir,
    }
    make[what]()
    listing = commands("runs", "--json", "-c", "c.yaml", cwd=project, env=kept())
    assert listing.returncode == 0, listing.stderr
    status = {run["run_id"]: (run["status"], run["message"]) for run in json.loads(listing.stdout)}
    assert status["good"][0] == "SUCCESS"
    assert status["bad"][0] == "FAIL"
    assert status["odd"][0] == "DAMAGED"
    assert str(place) in status["odd"][1]
    assert "Traceback" not in listing.stderr
    for command in (("show", "odd"), ("retry", "odd"), ("report", "odd"), ("diff", "odd", "good")):
        said = commands(*command, "-c", "c.yaml", cwd=project, env=kept())
        assert said.returncode in {2, 3}, said.stderr
        assert said.stderr.startswith("error: "), said.stderr
