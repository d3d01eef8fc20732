"""Runs that tests of the report look at: as pipelines, and as records where running them would take long."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from magnus.app.report.write_report import report_html
from magnus.catalogs.do_nothing import DoNothingCatalog, DoNothingOptions
from magnus.engine.processes import liveness
from magnus.graph.path import BranchPath
from magnus.run_log.parameters import JsonParameter
from magnus.run_log.records import AttemptRecord, Branching, RunRecord, Status, StepRecord
from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore

BEGAN = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)

NESTED = """
dag:
  name: Nightly training
  description: Trains a model for every region and season.
  start_at: load
  steps:
    load: {type: task, command_type: python-lambda, command: "lambda: {'regions': ['north', 'south'], 'rate': 0.1}", next: regions}
    regions:
      type: map
      iterate_on: regions
      iterate_as: region
      next: keep
      branch:
        start_at: seasons
        steps:
          seasons: {type: task, command_type: python-lambda, command: "lambda: {'seasons': [1, 2]}", next: each season}
          each season:
            type: map
            iterate_on: seasons
            iterate_as: season
            next: success
            branch:
              start_at: fit
              steps:
                fit:
                  type: task
                  command_type: shell
                  command: echo fitting $region $season; test $MAGNUS_STEP_ATTEMPT -ge 1
                  max_attempts: 2
                  next: success
    keep: {type: task, command_type: shell, command: "echo kept > kept.txt", catalog: {put: [kept.txt]}, next: score}
    score: {type: task, command_type: shell, command: "echo looking; echo the score is too low >&2; exit 3", next: publish}
    publish: {type: task, command_type: shell, command: "true", next: success}
"""

SMALL = """
dag:
  start_at: one
  steps:
    one: {type: task, command_type: python-lambda, command: "lambda x: {'y': x + 1}", next: two}
    two: {type: task, command_type: shell, command: echo done, next: success}
"""

GOING_ON = """
dag:
  start_at: before
  steps:
    before: {type: stub, next: look}
    look: {type: task, command_type: shell, command: "$python -m magnus report $MAGNUS_RUN_ID", next: success}
"""

KILLED = """
dag:
  start_at: before
  steps:
    before: {type: stub, next: killer}
    killer: {type: task, command_type: shell, command: "kill -9 $PPID", next: success}
"""

FITS_CODE = '''\
"""The tasks of FITS."""

import struct
import zlib

from magnus import track_this


def grid():
    return [{"rate": rate, "depth": depth, "seed": 7} for rate in (0.1, 0.01) for depth in (2, 4)]


def fit(setting):
    for epoch in range(20):
        loss = setting["rate"] * 10 / (epoch + setting["depth"])
        track_this(step=epoch, train_loss=loss, val_loss=loss * 1.2)
    track_this(accuracy=1 - loss, text="fine")
    _picture(f"curve_{setting['rate']}_{setting['depth']}.png", 40 + 20 * setting["depth"])


def score():
    track_this(auc=0.93)
    with open("chart.svg", "w") as file:
        file.write("<svg xmlns='http://www.w3.org/2000/svg' width='60' height='40'><rect width='60' height='40' fill='teal'/></svg>")
    with open("fake.png", "w") as file:
        file.write("no picture")


def _picture(name, side):
    row = b"\\0" + b"\\x20\\x80\\xc0" * side
    chunks = (b"IHDR", struct.pack(">2I5B", side, side, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(row * side)), (b"IEND", b"")
    with open(name, "wb") as file:
        file.write(b"\\x89PNG\\r\\n\\x1a\\n")
        for kind, data in chunks:
            file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
'''

FITS = """
dag:
  name: Search
  start_at: grid
  steps:
    grid: {type: task, command: fits.grid, returns: [settings], next: each setting}
    each setting:
      type: map
      iterate_on: settings
      iterate_as: setting
      next: score
      branch:
        start_at: fit
        steps:
          fit: {type: task, command: fits.fit, catalog: {put: ["curve_*.png"]}, next: success}
    score: {type: task, command: fits.score, catalog: {put: [chart.svg, fake.png]}, next: success}
"""

HOSTILE_NAME = "<img src=x onerror=alert(1)>"
HOSTILE_VALUE = "</script><script>window.hacked = 1; alert(2)</script><!-- <script> ${x} @@data@@"
HOSTILE = f"""
dag:
  name: "<svg onload=alert(3)>"
  start_at: "{HOSTILE_NAME}"
  steps:
    "{HOSTILE_NAME}": {{type: task, command_type: shell, command: "echo \\"$value\\" | tee /dev/stderr; exit 1", next: "javascript:alert(4)"}}
    "javascript:alert(4)": {{type: stub, next: success}}
"""


def large(branches: int, failed: int, *, compiles: bool = True) -> str:
    """The report of a run of a map of so many branches with two steps each, of which one branch failed.

    Its pipeline can be compiled, or not any more.
    """
    steps = {
        "make": {"type": "task", "command": "work.make", "next": "each"},
        "each": {"type": "map", "iterate_on": "xs", "iterate_as": "x", "next": "success", "branch": {
            "start_at": "fit",
            "steps": {
                "fit": {"type": "task", "command": "work.fit", "next": "score"},
                "score": {"type": "task", "command": "work.score", "next": "success"},
            },
        }},
    }  # fmt: skip
    run = RunRecord(
        run_id="large", status=Status.FAIL, dag_hash="", start_time=BEGAN, owner=liveness.this_process(),
        end_time=BEGAN + timedelta(seconds=branches), message="step 'each' failed",
        run_config={"dag": {"start_at": "make" if compiles else "gone", "steps": steps}, "pipeline_file": "large.yaml"},
    )  # fmt: skip
    store = BufferedRunLogStore(BufferedOptions(), Path.cwd())
    store.create_run(run)
    root = BranchPath()
    store.put_step(run.run_id, _step(root, "make", 0, 0, Status.SUCCESS))
    inside = root.step("each")
    branching = Branching(count=branches, values=tuple(range(branches)))
    store.put_step(run.run_id, StepRecord(inside, 1, Status.FAIL, "map", "a branch failed", branching=branching))
    for number in range(branches):
        branch = inside.into(str(number))
        status = Status.FAIL if number == failed else Status.SUCCESS
        store.put_step(run.run_id, _step(branch, "fit", 0, number, status))
        if status is Status.SUCCESS:
            store.put_step(run.run_id, _step(branch, "score", 1, number + 0.5, status))
        end = "success" if status is Status.SUCCESS else "fail"
        store.put_step(run.run_id, StepRecord(branch.step(end), 2, status, end))
    store.put_step(run.run_id, StepRecord(root.step("fail"), 2, Status.FAIL, "fail"))
    return report_html(store.get_run(run.run_id), store, DoNothingCatalog(DoNothingOptions(), Path.cwd()), BEGAN)


def _step(branch: BranchPath, name: str, position: int, second: float, status: Status) -> StepRecord:
    start = BEGAN + timedelta(seconds=second)
    message = "" if status is Status.SUCCESS else "ValueError: no label"
    attempt = AttemptRecord(0, start, start + timedelta(seconds=0.4), 0.4, status, message, {"x": second})
    sets = {"row": JsonParameter({"x": second, "file": os.fspath(Path("data") / f"{second}.csv")})}
    return StepRecord(branch.step(name), position, status, "task", message, attempts=(attempt,), parameters=sets)
