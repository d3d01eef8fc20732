"""`--from STEP`: a step that succeeded runs again, and so does what follows; everything before is reused."""

import pytest

WORK = """
from pathlib import Path


def _ran(name):
    with Path("ran.txt").open("a") as file:
        file.write(f"{name} ")


def first():
    _ran("first")
    return {"xs": ["north", "south"]}


def item(x):
    _ran(f"item-{x}")
    return {"y": x}


def after(x):
    _ran(f"after-{x}")


def last():
    _ran("last")
"""
PIPELINE = """
dag:
  start_at: first
  steps:
    first: {type: task, command: work.first, next: each}
    each:
      type: map
      iterate_on: xs
      iterate_as: x
      next: last
      branch:
        start_at: item
        steps:
          item: {type: task, command: work.item, next: after}
          after: {type: task, command: work.after, next: success}
    last: {type: task, command: work.last, next: success}
"""
EVERY_ITEM = "item-north after-north item-south after-south"


@pytest.fixture
def ran(folder):
    folder.write("work.py", WORK)
    folder.write("p.yaml", PIPELINE)
    assert folder.magnus("execute", "p.yaml", "--run-id", "it").status == 0
    (folder.path / "ran.txt").unlink()
    return folder


@pytest.mark.parametrize(
    ("step", "again"),
    [
        ("first", f"first {EVERY_ITEM} last"),
        ("each", f"{EVERY_ITEM} last"),
        ("each/south/item", "item-south after-south last"),
        ("each/0/after", "after-north last"),
        ("last", "last"),
    ],
)
@pytest.mark.parametrize("workers", [False, True])
def test_the_step_and_what_follows_run_again(ran, step, again, workers):
    ran.write(
        "c.yaml", f"executor: {{type: local, config: {{enable_parallel: {str(workers).lower()}, max_workers: 1}}}}\n"
    )
    done = ran.magnus("retry", "it", "-c", "c.yaml", "--from", step, "--run-id", "new")
    assert done.status == 0, done.err
    assert sorted((ran.path / "ran.txt").read_text().split()) == sorted(again.split())
    assert done.log["parameters"] == {"xs": ["north", "south"], "y": ["north", "south"]}
    assert done.log["steps"]["first"]["mock"] is (step != "first")
    assert not done.log["steps"]["last"]["mock"]


def test_the_plan_says_so(ran):
    done = ran.magnus("execute", "p.yaml", "--use-cached", "it", "--from", "each/south/after", "--dry-run")
    assert (done.status, done.err) == (
        0,
        "resumes it: 4 steps are reused\n  runs 'each/south/after' and what follows: it is named with --from\n",
    )
    assert not (ran.path / "ran.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("retry", "it", "--from", "lst"), "no step 'lst' started in the run 'it'\n  fix: did you mean 'last'?\n"),
        (("execute", "p.yaml", "--from", "last"), "name the run with --use-cached RUN\n"),
    ],
)
def test_what_is_wrong_is_said(ran, arguments, message):
    done = ran.magnus(*arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.endswith(message)
