"""What of the `mlflow` tracker needs no server: how things are written, and what is said when there is none."""

import subprocess
import sys
from pathlib import Path

import pytest

from magnus.app.composition.load_configuration import load_configuration
from magnus.app.composition.services import services
from magnus.errors import ExperimentTrackerError, InvalidConfiguration, TrackerUnreachable
from magnus.experiment_trackers.mlflow import MlflowOptions, MlflowTracker
from magnus.experiment_trackers.mlflow_calls import tracker_error
from magnus.experiment_trackers.mlflow_values import cut, leaves, measurements_of, name_of
from magnus.interfaces.experiment_tracker import TrackedFile
from magnus.run_log.parameters import CountedMetric
from magnus.testing.experiment_tracker_contract import a_run


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (["loss"], "loss"),
        (["each", "0", "fit", "loss"], "each/0/fit/loss"),
        (["train: loss (%)"], "train_ loss ___"),
        (["a//b/"], "a/b"),
        (["../up", "."], "_/up/_"),
        ([""], "_"),
        (["x" * 300], "x" * 250),
        (["größe"], "größe"),
    ],
)
def test_names_are_such_that_mlflow_takes_them(parts, name):
    assert name_of(parts) == name


def test_numbers_are_metrics_and_everything_else_is_text():
    counted = CountedMetric({0: 0.5, -2: 1, 3: {"x": 4}})
    found = measurements_of({"a": 1, "b": True, "c": counted, "d": {"x": 2}, "e": "good", "f": [1], "g": 10**400})
    assert found.numbers == [
        ("a", 1.0, 0), ("b", 1.0, 0), ("c", 0.5, 0), ("c", 1.0, -2), ("c/x", 4.0, 3), ("d/x", 2.0, 0),
    ]  # fmt: skip
    assert found.texts == {"e": "good", "f": "[1]", "g": str(10**400)}


def test_a_mapping_with_numbers_as_keys_is_not_counted_by_step():
    assert measurements_of({"scores": {"0": 0.5, "1": 1}}).numbers == [("scores/0", 0.5, 0), ("scores/1", 1.0, 0)]


def test_a_step_that_mlflow_cannot_hold_is_part_of_the_name():
    assert measurements_of({"loss": CountedMetric({2**63: 1})}).numbers == [(f"loss/{2**63}", 1.0, 0)]


def test_mappings_are_parameters_by_dotted_names():
    values = {"a": 1, "model": {"test_size": 0.25, "deep": {"x": None}, "none": {}}, "list": [{"b": 1}]}
    assert dict(leaves(values)) == {
        "a": 1,
        "model.test_size": 0.25,
        "model.deep.x": None,
        "model.none": {},
        "list": [{"b": 1}],
    }


def test_what_is_too_long_ends_with_an_ellipsis():
    assert (cut("abcd", 4), cut("abcde", 4)) == ("abcd", "abc…")


def test_messages_have_no_credentials_and_no_http_library_in_them():
    said = (
        "API request to http://user:secret@host:5000/api/2.0/mlflow/runs/search failed with exception HTTPConnectionPool("
        "host='host', port=5000): Max retries exceeded with url: /api (Caused by NewConnectionError('no route'))"
    )
    assert str(tracker_error(said, 500)) == "error: http://host:5000 cannot be reached: 'no route'"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ExperimentTrackerError),
        (403, ExperimentTrackerError),
        (429, TrackerUnreachable),
        (503, TrackerUnreachable),
    ],
)
def test_what_the_server_refuses_is_not_tried_again(status, kind):
    assert type(tracker_error("no", status)) is kind


def test_a_store_that_the_client_does_not_know_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    tracker = MlflowTracker(MlflowOptions(server_url="gopher://somewhere"), tmp_path)
    with pytest.raises(ExperimentTrackerError, match="gopher"):
        tracker.begin_run(a_run(), {})


def test_choosing_it_loads_no_client(tmp_path):
    (tmp_path / "c.yaml").write_text("experiment_tracker: {type: mlflow, config: {server_url: 'http://nowhere'}}")
    program = (
        "import sys; from pathlib import Path; from magnus.app.composition.load_configuration import load_configuration;"
        "from magnus.app.composition.services import services; print(services(load_configuration('c.yaml', {}, Path()), Path())"
        ".experiment_tracker.options.__name__, 'mlflow' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout == "MlflowOptions False\n"


def test_a_client_that_is_not_installed_is_said_before_anything_runs(tmp_path, monkeypatch):
    (tmp_path / "c.yaml").write_text("experiment_tracker: {type: mlflow}")
    monkeypatch.delitem(sys.modules, "magnus.experiment_trackers.mlflow")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InvalidConfiguration, match="needs the package 'mlflow', which is not installed") as caught:
        services(load_configuration("c.yaml", {}, tmp_path), Path())
    assert caught.value.problems[0].fix == "pip install 'magnus[mlflow]'"


def test_an_unknown_option_is_refused_with_its_place(tmp_path):
    (tmp_path / "c.yaml").write_text("experiment_tracker:\n  type: mlflow\n  config: {server: 'http://nowhere'}")
    with pytest.raises(InvalidConfiguration, match=r"c\.yaml:3:12: error: .*'server'"):
        services(load_configuration("c.yaml", {}, tmp_path), Path())


@pytest.mark.parametrize(
    ("name", "object_name", "expected"),
    [
        ("plots/a.png", "", True),
        ("plots/deep/a.png", "", False),
        ("report.html", "", True),
        ("out/x/y.txt", "", True),
        ("scores.parquet", "scores", True),
        ("best.pickle", "best", True),
        ("best.pickle", "", False),
        ("other.csv", "", False),
    ],
)
def test_the_configuration_names_files_and_objects(name, object_name, expected):
    options = MlflowOptions(artifacts=("plots/*.png", "report.html", "out", "scores"), models={"best": "sklearn"})
    file = TrackedFile(name, object_name, "ab", copy=lambda _path: None, load=lambda: None)
    assert MlflowTracker(options, Path.cwd()).takes(file) is expected


def test_globs_that_lead_nowhere_are_refused():
    with pytest.raises(
        InvalidConfiguration, match=r"(?s)leads out of the data folder.*under 'artifacts' of the tracker"
    ):
        MlflowTracker(MlflowOptions(artifacts=("../*",)), Path.cwd())
