"""How large a report may become: its budgets hold together."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest

from magnus.app.report.html_page import page
from magnus.app.report.run_report import run_report
from magnus.graph.path import BranchPath
from magnus.run_log.parameters import CountedMetric, JsonParameter
from magnus.run_log.records import AttemptRecord, CatalogRecord, Owner, RunRecord, Status, StepRecord
from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
STEPS = 100
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100_000)


class _Catalog:
    """One in which every step printed much, and put a picture."""

    def read_log(self, _run_id, _path):
        return BytesIO(b"a <warning> that every step repeats\n" * 10_000)

    def open(self, _name, _data_hash, _size):
        return BytesIO(PNG)


def _step(number):
    name = f"step {number}"
    start = BEGAN + timedelta(seconds=number)
    attempt = AttemptRecord(0, start, start, 0.5, Status.SUCCESS, "", {f"p{n}": list(range(50)) for n in range(5)})
    return StepRecord(
        BranchPath().step(name), number, Status.SUCCESS, "task", attempts=(attempt,),
        parameters={f"p{number}": JsonParameter(list(range(number, number + 500)))},
        metrics={"loss": CountedMetric({epoch: 1 / (epoch + 1) for epoch in range(5_000)}), "auc": 0.5},
        catalog=tuple(CatalogRecord(f"{name}/{n}.png", f"{number}{n}", "x", "catalog", "put", len(PNG)) for n in range(5)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("most_pictures", "least", "most"), [(0, 500_000, 1_000_000), (4_000_000, 5_000_000, 6_400_000)]
)
def test_a_report_of_a_hundred_steps_that_say_much(most_pictures, least, most):
    names = [f"step {number}" for number in range(STEPS)]
    steps = {
        name: {"command": "m.f", "next": following}
        for name, following in zip(names, [*names[1:], "success"], strict=True)
    }
    run = RunRecord(
        "large", Status.SUCCESS, "", BEGAN, Owner("h", 1), run_config={"dag": {"start_at": names[0], "steps": steps}}
    )
    store = BufferedRunLogStore(BufferedOptions(), Path.cwd())
    store.create_run(run)
    for number in range(STEPS):
        store.put_step("large", _step(number))
    report = run_report(run, store, _Catalog(), BEGAN, most_pictures=most_pictures)
    assert least < len(page(report).encode()) < most
