"""The `mlflow` tracker and a real MLflow server: one for all of it, 10 to 20 seconds to start, and a minute to run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS

from magnus.experiment_trackers.mlflow import MlflowOptions, MlflowTracker
from magnus.run_log.records import Status
from magnus.testing.experiment_tracker_contract import FIT, KeepingExperimentTrackerContract, Kept, a_run, a_step

pytestmark = pytest.mark.xdist_group("mlflow")

STATUS = {"RUNNING": None, "FINISHED": Status.SUCCESS, "FAILED": Status.FAIL, "KILLED": Status.FAIL}


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.fixture
def client(mlflow_server):
    from mlflow import MlflowClient  # once loaded with telemetry, it changes the environment

    return MlflowClient(mlflow_server)


def runs(client, condition, experiment="Default"):
    found = client.get_experiment_by_name(experiment)
    return client.search_runs([found.experiment_id], condition)


def run_of(client, run_id, experiment="Default"):
    [run] = runs(client, f"tags.`magnus.run_id` = '{run_id}'", experiment)
    return run


def points(client, run):
    return {
        name: [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, name)]
        for name in run.data.metrics
    }


class TestFlat(KeepingExperimentTrackerContract):
    @pytest.fixture(autouse=True)
    def _server(self, mlflow_server, client):
        self.server, self.client = mlflow_server, client

    def open_tracker(self):
        return MlflowTracker(MlflowOptions(server_url=self.server), Path.cwd())

    def kept(self, run_id, path):
        run = run_of(self.client, run_id)
        own = "/".join(path.parts) + "/"
        metrics = points(self.client, run)
        if len(path.parts) > 1:
            metrics = {name: found for name, found in metrics.items() if name.startswith(own)}
        return Kept(STATUS[run.info.status], run.data.params, metrics)


class TestNested(KeepingExperimentTrackerContract):
    @pytest.fixture(autouse=True)
    def _server(self, mlflow_server, client):
        self.server, self.client = mlflow_server, client

    def open_tracker(self):
        return MlflowTracker(MlflowOptions(server_url=self.server, experiment_name="nested", nested=True), Path.cwd())

    def kept(self, run_id, path):
        parent = run_of(self.client, run_id, "nested")
        condition = f"tags.`magnus.step_of` = '{run_id}' and tags.`magnus.step` = '{path}'"
        [step] = runs(self.client, condition, "nested") or [parent]
        return Kept(STATUS[parent.info.status], step.data.params, points(self.client, step))


def test_a_step_is_a_child_run_with_its_own_times(mlflow_server, client):
    tracker = MlflowTracker(MlflowOptions(server_url=mlflow_server, nested=True), Path.cwd())
    run, step = a_run(), a_step(status=Status.FAIL)
    tracker.begin_run(run, {})
    tracker.end_step(run, step)
    [child] = runs(client, f"tags.`magnus.step_of` = '{run.run_id}'")
    assert child.data.tags["mlflow.parentRunId"] == run_of(client, run.run_id).info.run_id
    assert (child.info.run_name, child.info.status) == ("fit", "FAILED")
    assert child.info.end_time - child.info.start_time == 2000


def test_the_run_has_name_tags_and_the_place_of_its_files(mlflow_server, client):
    tracker, run = MlflowTracker(MlflowOptions(server_url=mlflow_server), Path.cwd()), a_run()
    tracker.end_run(run, Status.FAIL, "interrupted")
    made = run_of(client, run.run_id)
    assert (made.info.run_name, made.info.status) == (run.run_id, "KILLED")
    assert (
        made.data.tags.items()
        >= {
            "magnus.tag": "nightly",
            "magnus.pipeline": "training",
            "magnus.artifacts": "/somewhere/a-run",
            "magnus.message": "interrupted",
        }.items()
    )


def test_texts_become_tags_and_what_is_in_mappings_gets_longer_names(mlflow_server, client):
    tracker, run = MlflowTracker(MlflowOptions(server_url=mlflow_server), Path.cwd()), a_run()
    tracker.end_step(run, a_step(metrics={"verdict": "good", "score": {"train": 1, "test": {"0": 0.5, "1": 0.75}}}))
    made = run_of(client, run.run_id)
    assert made.data.tags["verdict"] == "good"
    assert points(client, made) == {
        "score/train": [(0, 1.0)], "score/test/0": [(0, 0.5)], "score/test/1": [(0, 0.75)],
    }  # fmt: skip


def test_a_long_parameter_is_cut(mlflow_server, client):
    tracker, run = MlflowTracker(MlflowOptions(server_url=mlflow_server), Path.cwd()), a_run()
    tracker.begin_run(run, {"long": "x" * 7000})
    text = run_of(client, run.run_id).data.params["long"]
    assert (len(text), text[-2:]) == (6000, "x…")


def test_of_two_that_make_the_run_at_once_the_first_stays(mlflow_server, client):
    first, second = (MlflowTracker(MlflowOptions(server_url=mlflow_server), Path.cwd()) for _ in range(2))
    run = a_run()
    second._first = lambda known_by: second.__dict__.pop("_first") and ""  # as if it had looked before the first came
    first.begin_run(run, {})
    second.end_step(run, a_step(metrics={"loss": 1}))
    assert points(client, run_of(client, run.run_id)) == {"loss": [(0, 1.0)]}


def test_the_functions_of_mlflow_concern_the_run_inside_the_context(mlflow_server, client, capsys):
    import mlflow

    tracker, run = MlflowTracker(MlflowOptions(server_url=mlflow_server, autolog=True), Path.cwd()), a_run()
    with tracker.context(run, FIT) as active:
        mlflow.log_metric("inside", 3.0)
        assert mlflow.get_tracking_uri() == mlflow_server
    assert not mlflow.is_tracking_uri_set()
    assert mlflow.active_run() is None
    made = run_of(client, run.run_id)
    assert active.info.run_id == made.info.run_id
    assert points(client, made) == {"inside": [(0, 3.0)]}
    assert capsys.readouterr().out == ""


WORK = """\
from magnus import get_experiment_tracker_context, track_this

def fit(rate):
    for epoch in range(3):
        track_this(step=epoch, loss=rate / (epoch + 1))
    with get_experiment_tracker_context():
        import mlflow
        mlflow.log_metric("own", 7)
    return 0.75, [1, 2]

def square(x):
    track_this(squared=x * x)

def inside():
    import mlflow
    with get_experiment_tracker_context() as run:
        mlflow.log_metric("from a child", 1)
"""
STEPS = {
    "fit": {
        "type": "task",
        "command": "work.fit",
        "returns": [{"name": "accuracy", "kind": "metric"}, "xs"],
        "next": "each",
    },
    "each": {
        "type": "map",
        "iterate_on": "xs",
        "iterate_as": "x",
        "branch": {"start_at": "square", "steps": {"square": {
            "type": "task", "command": "work.square", "next": "success",
        }}},
        "next": "child",
    },
    "child": {"type": "task", "command": "work.inside", "timeout": 60, "next": "success"},
    "success": {"type": "success"},
}  # fmt: skip


@pytest.fixture
def project(tmp_path, mlflow_server):
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "p.yaml").write_text(json.dumps({"dag": {"name": "training", "start_at": "fit", "steps": STEPS}}))
    return tmp_path


def configured(project, server, **executor):
    services = {
        "experiment_tracker": {"type": "mlflow", "config": {"server_url": server}},
        "executor": {"type": "local", "config": executor},
    }
    (project / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))


def told(client, run_id):
    run = run_of(client, run_id)
    found = {name: sorted(measured) for name, measured in points(client, run).items()}
    return run.info.status, run.data.params, found, run.data.tags["magnus.tag"]


EXPECTED = (
    "FINISHED",
    {"rate": "0.5", "accuracy": "0.75", "xs": "[1, 2]"},
    {
        "loss": [(0, 0.5), (1, 0.25), (2, 0.5 / 3)],
        "accuracy": [(0, 0.75)],
        "own": [(0, 7.0)],
        "each/1/square/squared": [(0, 1.0)],
        "each/2/square/squared": [(0, 4.0)],
        "from a child": [(0, 1.0)],
    },
    "nightly",
)


def magnus(project, *arguments):
    command = [sys.executable, "-m", "magnus", *arguments]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=LONGEST_SECONDS)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize("executor", [{}, {"enable_parallel": True, "max_workers": 2}], ids=["here", "in workers"])
def test_a_pipeline_is_tracked(project, mlflow_server, client, executor):
    configured(project, mlflow_server, **executor)
    log = json.loads(magnus(project, "execute", "p.yaml", "--tag", "nightly", "--rate", "0.5"))
    assert log["status"] == "SUCCESS"
    assert told(client, log["run_id"]) == EXPECTED
    place = Path(run_of(client, log["run_id"]).data.tags["magnus.artifacts"])
    assert place == project / ".catalog" / log["run_id"]


def test_steps_in_processes_of_their_own_are_tracked_as_one_run(project, mlflow_server, client):
    configured(project, mlflow_server)
    run_id = a_run().run_id
    single = ["execute_single_node", run_id]
    files = ["-f", "p.yaml", "--tag", "nightly"]
    magnus(project, *single, "fit", *files, "--rate", "0.5")
    magnus(project, "fan", run_id, "each", "-m", "out", *files)
    for branch in "01":
        magnus(project, *single, f"each/{branch}/square", *files)
        magnus(project, *single, f"each/{branch}/success", *files)
    magnus(project, "fan", run_id, "each", "-m", "in", *files)
    magnus(project, *single, "child", *files)
    magnus(project, *single, "success", *files)
    assert told(client, run_id) == EXPECTED


FILES = """\
import json, os
from pathlib import Path

class Model:
    weight = 2

def fit():
    draw("plots", 1)
    Path("notes.txt").write_text("nothing")
    Path("leak.html").write_text(os.environ.get("TOKEN", ""))
    return Model()

def fit_each(x):
    draw("own", x)

def draw(folder, x):
    Path(folder).mkdir(exist_ok=True)
    Path(f"{folder}/curve {x}.svg").write_text(f"<svg>{x}</svg>")
"""
FOR_MLFLOW = """
from mlflow.pyfunc import PythonModel

class Model(PythonModel):
    def predict(self, context, model_input: list[str]) -> list[str]:
        return model_input
"""


@pytest.fixture
def project_with_files(tmp_path, mlflow_server):
    (tmp_path / "work.py").write_text(FILES)
    (tmp_path / "secrets.env").write_text("TOKEN=hunter2-hunter2\n")
    task = {
        "type": "task",
        "command": "work.fit",
        "returns": [{"name": "best", "kind": "object"}],
        "catalog": {"put": ["plots/*", "notes.txt", "leak.html"]},
        "secrets": ["TOKEN"],
    }
    branch = {"steps": {"fit": {"command": "work.fit_each", "catalog": {"put": ["own/*"]}}}}
    steps = {"alone": {**task, "next": "each"}, "each": {
        "type": "map", "iterate_on": "xs", "iterate_as": "x", "branch": branch, "next": "success",
    }, "success": {"type": "success"}}  # fmt: skip
    (tmp_path / "p.yaml").write_text(json.dumps({"dag": {"start_at": "alone", "steps": steps}}))
    return tmp_path


def with_files(project, server, **more):
    options = {
        "server_url": server,
        "artifacts": ["*/*.svg", "*.html", "best"],
        **more,
    }
    services = {
        "experiment_tracker": {"type": "mlflow", "config": options},
        "secrets": {"type": "dotenv", "config": {"location": "secrets.env"}},
    }
    (project / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))


def artifacts(client, run, folder=""):
    return {
        name
        for entry in client.list_artifacts(run.info.run_id, folder)
        for name in (artifacts(client, run, entry.path) if entry.is_dir else {entry.path})
    }


EXPECTED_FILES = {"best.pickle", "plots/curve 1.svg", "each/3/fit/own/curve 3.svg", "each/4/fit/own/curve 4.svg"}


def test_files_of_the_configuration_become_artifacts(project_with_files, mlflow_server, client):
    with_files(project_with_files, mlflow_server)
    command = [sys.executable, "-m", "magnus", "execute", "p.yaml", "--xs", "[3, 4]"]
    ran = subprocess.run(command, cwd=project_with_files, capture_output=True, text=True, timeout=LONGEST_SECONDS)
    assert ran.returncode == 0, ran.stderr
    assert "the file 'leak.html' contains a secret, and is not sent" in ran.stderr
    run = run_of(client, json.loads(ran.stdout)["run_id"])
    assert artifacts(client, run) == EXPECTED_FILES


def test_a_finished_run_is_sent_with_its_files(project_with_files, mlflow_server, client):
    run_id = a_run().run_id
    with_files(project_with_files, mlflow_server, artifacts=["plots/*", "own", "best"])
    services = json.loads((project_with_files / "magnus-config.yaml").read_text())["defaults"]
    (project_with_files / "plain.yaml").write_text(json.dumps({"secrets": services["secrets"]}))
    magnus(project_with_files, "execute", "p.yaml", "-c", "plain.yaml", "--xs", "[3, 4]", "--run-id", run_id)
    for _ in range(2):  # twice is as good as once
        magnus(project_with_files, "track", run_id)
        assert artifacts(client, run_of(client, run_id)) == EXPECTED_FILES


@pytest.mark.slow
def test_an_object_becomes_a_model_once(project_with_files, mlflow_server, client):
    run_id = a_run().run_id
    with_files(project_with_files, mlflow_server, artifacts=[], models={"best": "pyfunc"})
    (project_with_files / "work.py").write_text(FILES.replace("class Model", "class Other") + FOR_MLFLOW)
    magnus(project_with_files, "execute", "p.yaml", "--xs", "[]", "--run-id", run_id)
    magnus(project_with_files, "track", run_id)
    run = run_of(client, run_id)
    models = client.search_logged_models([run.info.experiment_id], filter_string=f"source_run_id = '{run.info.run_id}'")
    assert [model.name for model in models] == ["best"]
