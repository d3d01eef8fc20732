"""Tests of the steps and of the pipeline. Run them in the folder of the project: python -m pytest."""

from pathlib import Path

import pytest
import steps

from magnus.testing import run_pipeline, run_step

PIPELINE = Path(__file__).parents[1] / "pipeline.yaml"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_sales_that_never_change_are_forecast_without_an_error() -> None:
    assert steps.evaluate([5.0, 5.0, 5.0, 5.0], window=2) == 0


def test_a_step_puts_the_report_into_the_catalog(tmp_path: Path) -> None:
    inputs = {"windows": [2, 5], "error": [0.5, 1.5], "best_window": 2}
    step = run_step(PIPELINE, "report", tmp_path, parameters=inputs)
    assert step.status == "SUCCESS"
    assert "| 5 | 1.5 |" in step.artifacts["report.md"].path().read_text()


def test_the_pipeline_chooses_the_window_with_the_smallest_error(tmp_path: Path) -> None:
    patches = {
        "load": {"returns": {"sales": [1.0, 2.0, 4.0, 8.0, 16.0]}},  # in place of the function
        "evaluate": steps.evaluate,
        "choose": steps.choose,
    }
    run = run_pipeline(PIPELINE, tmp_path, parameters={"windows": [1, 2, 3]}, patches=patches)
    assert run.status == "SUCCESS"
    assert run.parameters["best_window"] == 1
