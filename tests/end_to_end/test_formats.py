"""Objects in formats that other programs read, and results of a run as they were."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import joblib  # sets a variable of the environment when it is imported
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from safety_net import LONGEST_SECONDS

import magnus
from magnus import Catalog, Map, NotebookTask, Pipeline, PythonTask, ShellTask, pickled
from magnus.errors import DamagedContent, InvalidInput, RunFailed

WORKERS = "executor: {type: local, config: {enable_parallel: true, max_workers: 2}}\n"
TABLE = pd.DataFrame({"a b": [1, 2], "ü": ["x", None], "t": pd.to_datetime(["2024-05-06", "2024-05-07"])}, index=[5, 7])
VALUES = {
    "parquet": (TABLE, pd.read_parquet),
    "npy": (np.arange(6, dtype="float32").reshape(2, 3), np.load),
    "joblib": ({"weights": np.ones(1000), "name": "m"}, joblib.load),
    "json": ({"k": [1, 2.5, None, "ü😀"]}, lambda file: json.loads(Path(file).read_text())),
    "text": ("ü\r\nend", lambda file: Path(file).read_bytes().decode()),
    "pickle": ({1, 2}, lambda file: pickle.loads(Path(file).read_bytes())),
}
WORK = """
import pickle
def make():
    with open("value.pickle", "rb") as file:
        return pickle.load(file)
def kind_of(**all):
    return type(all["a.b value"]).__name__
"""
EXTENSIONS = {"text": ".txt"} | {name: f".{name}" for name in VALUES if name != "text"}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "workers.yaml").write_text(WORKERS)


def make(form):
    return VALUES[form][0]


def seen(value):
    return f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"


def equal(one, other):
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)
    elif isinstance(one, dict) and "weights" in one:
        assert np.array_equal(one["weights"], other["weights"])
    else:
        assert one == other


@pytest.mark.parametrize("configuration", ["", "workers.yaml"])
@pytest.mark.parametrize("form", VALUES)
def test_an_object_in_a_format_is_read_with_and_without_magnus(form, configuration):
    value, read = VALUES[form]
    steps = [
        PythonTask("work.make", returns=[pickled("a.b value", form)]),
        ShellTask("shell", "export reference=${MAGNUS_PRM_x:-none}"),
        PythonTask("work.kind_of", returns=["kind"]),
    ]
    Path("work.py").write_text(WORK)
    Path("value.pickle").write_bytes(pickle.dumps(value))
    run = Pipeline(steps).execute(configuration)
    assert run.parameters["kind"] == type(value).__name__
    [artifact] = run.steps["make"].artifacts.values()
    assert artifact.name == f".objects/a.b%20value{EXTENSIONS[form]}"
    place = artifact.path()
    copy = Path(f"copy{EXTENSIONS[form]}")
    copy.write_bytes(place.read_bytes())
    equal(read(copy), value)
    for result in (artifact.load(), run.load("a.b value"), run.steps["make"].load("a.b value")):
        equal(result, value)
    equal(magnus.run(run.run_id, configuration).load("a.b value"), value)
    equal(run.steps["kind_of"].inputs["a.b value"], value)


def test_a_table_comes_back_as_one_of_its_package():
    run = Pipeline([PythonTask(lambda: pa.table({"x": [1, 2]}), "arrow", returns=[pickled("t", "parquet")])]).execute()
    assert isinstance(run.load("t"), pa.Table)
    assert run.load("t").equals(pa.table({"x": [1, 2]}))


@pytest.mark.parametrize(
    ("form", "value", "message"),
    [
        ("parquet", {"a": [1]}, "the format 'parquet' holds a table of pandas, polars or pyarrow, not a value of type dict"),
        ("parquet", pd.DataFrame({"x": [1, "a", object()]}), "cannot be kept as an object in the format 'parquet': Arrow"),
        ("npy", [1, 2], "the format 'npy' holds an array of numpy, not a value of type list"),
        ("npy", np.array([{}]), "cannot be kept as an object in the format 'npy': ValueError"),
        ("json", {1: 2}, "JSON would give back another value"),
        ("json", (1, 2), "JSON would give back another value"),
        ("json", float("nan"), "cannot be kept as an object in the format 'json': ValueError"),
        ("json", {1, 2}, "cannot be kept as an object in the format 'json': TypeError"),
        ("text", b"x", "the format 'text' holds text, not a value of type bytes"),
        ("text", "\ud800", "cannot be kept as an object in the format 'text': UnicodeEncodeError"),
    ],
)  # fmt: skip
def test_a_value_that_the_format_does_not_hold_fails_the_step(form, value, message):
    with pytest.raises(RunFailed) as caught:
        Pipeline([PythonTask(lambda: value, "make", returns=[pickled("x", form)])]).execute()
    assert message in caught.value.run.steps["make"].message


@pytest.mark.parametrize(
    ("item", "at", "message"),
    [
        ("{name: x, kind: object, format: parket}", 24, "unknown pickler 'parket'"),
        ("{name: x, format: parquet}", 10, "returns.0.format is the format of an object, and 'x' is of kind json"),
        ("{name: x, kind: object, format: 3}", 24, "returns.0.format must be text, not 3"),
        ('"x: object"', 0, "returns.0 is the text 'x: object', which is no name with its kind"),
        ("x:object:parquet", 0, "returns.0 is the text 'x:object:parquet', which is no name with its kind"),
    ],
)  # fmt: skip
def test_a_wrong_format_is_named_where_it_is_written(item, at, message):
    Path("work.py").write_text("def f():\n    return 1\n")
    text = f"dag:\n  steps:\n    # a\n    a: {{command: work.f, returns: [{item}]}}\n"
    Path("p.yaml").write_text(text)
    for verb in ("check", "execute"):
        done = subprocess.run(
            [sys.executable, "-m", "magnus", verb, "p.yaml"], capture_output=True, text=True, timeout=LONGEST_SECONDS
        )
        assert done.returncode in {1, 2}
        said = done.stdout + done.stderr
        assert f"p.yaml:4:{text.splitlines()[3].index(item) + at + 1}: error: step 'a': {message}\n" in said


def test_a_format_without_its_package_is_an_error_before_the_run(monkeypatch):
    from magnus.app.composition import picklers
    from magnus.picklers import packages

    picklers.of_type.cache_clear()
    monkeypatch.setattr(packages, "find_spec", lambda _name: None)
    with pytest.raises(InvalidInput, match=r"pickler 'parquet' needs the package 'pyarrow', which is not installed"):
        Pipeline([PythonTask(make, returns=[pickled("x", "parquet")])]).execute(parameters={"form": "text"})
    picklers.of_type.cache_clear()
    assert not list(magnus.runs())


def test_objects_of_a_map_are_lists():
    Path("work.py").write_text("def count(rows):\n    return len(rows)\n")
    one = PythonTask(lambda n: np.full(2, n), "one", returns=[pickled("rows", "npy")])
    run = Pipeline([Map("each", one, "ns", "n"), PythonTask("work.count", "count", returns=["k"])]).execute(
        parameters={"ns": [3, 4]}
    )
    assert [list(row) for row in run.load("rows")] == [[3, 3], [4, 4]]
    assert [list(row) for row in run.steps["count"].inputs["rows"]] == [[3, 3], [4, 4]]
    assert list(run.steps["each"].branches["1"].load("rows")) == [4, 4]


def test_a_notebook_returns_a_format():
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None,
            "source": "import pandas\ntable = pandas.DataFrame({'x': [1]})"}  # fmt: skip
    Path("n.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    run = Pipeline([NotebookTask("n.ipynb", returns=[pickled("table", "parquet")])]).execute()
    assert ".objects/table.parquet" in run.steps["n"].artifacts
    assert run.load("table")["x"].tolist() == [1]


def test_files_come_back_by_their_extension_or_as_bytes():
    command = 'echo \'{"k": 1}\' > "a b.json"; printf "x\\ny" > t.txt; printf "1,2" > d.csv'
    run = Pipeline([ShellTask("s", command, catalog=Catalog(put=["*.json", "*.txt", "*.csv"]))]).execute()
    assert run.load("a b.json") == {"k": 1}
    assert (run.load("t.txt"), run.artifacts["d.csv"].load()) == ("x\ny", b"1,2")
    with pytest.raises(KeyError, match=r"no parameter or artifact 'd\.cvs'; did you mean 'd\.csv'"):
        run.load("d.cvs")


def test_damaged_content_is_no_result():
    run = Pipeline([PythonTask(lambda: {1}, "make", returns=[pickled("x", "pickle")])]).execute()
    [artifact] = run.artifacts.values()
    place = artifact.path()
    place.chmod(0o600)
    place.write_bytes(b"\0" * artifact.size)
    with pytest.raises(DamagedContent):
        run.load("x")


def test_the_configured_format_is_of_all_objects():
    Path("c.yaml").write_text("pickler: {type: json}\n")
    run = Pipeline([PythonTask(lambda: [1], "make", returns=[pickled("x")])]).execute("c.yaml")
    assert [*run.artifacts] == [".objects/x.json"]
    assert run.load("x") == [1]


PUTTING = """
import subprocess, sys
import magnus
OTHER = "import magnus; magnus.put_object({'k': 2}, 'other', format='json')"
def put():
    magnus.put_object([1], "both")
    magnus.put_object([2], "both", format="json")
    magnus.put_object({"k": 1}, "own", format="json")
    subprocess.run([sys.executable, "-c", OTHER], check=True)
    assert magnus.get_object("both") == [2]
def use(own, other, both):
    return own["k"] + other["k"] + both[0]
def wrong():
    magnus.put_object(1, "x", format="jsn")
def unfit():
    magnus.put_object({1}, "x", format="json")
def wrong_elsewhere():
    code = "import magnus; magnus.put_object(1, 'x', format='jsn')"
    print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr)
    raise SystemExit(9)
"""


@pytest.mark.parametrize("configuration", ["", "workers.yaml"])
def test_a_task_puts_objects_in_formats(configuration):
    Path("work.py").write_text(PUTTING)
    run = Pipeline([PythonTask("work.put"), PythonTask("work.use", returns=["sum"])]).execute(configuration)
    assert run.parameters["sum"] == 5
    assert {"own.json", "other.json", "both.json"} <= {Path(name).name for name in run.steps["put"].artifacts}


def test_a_task_cannot_put_an_object_in_a_format_that_is_none():
    Path("work.py").write_text(PUTTING)
    for function, words in (("wrong", "'jsn'"), ("unfit", "cannot be kept as an object in the format 'json'")):
        with pytest.raises(RunFailed) as failed:
            PythonTask(f"work.{function}").as_pipeline().execute()
        assert words in str(failed.value.run.steps[f"{function}"].attempts[0].message)
    run = PythonTask("work.wrong_elsewhere").as_pipeline().execute(raise_on_failure=False)
    assert "unknown pickler 'jsn'" in run.steps["wrong_elsewhere"].log()


def test_the_short_form_of_a_format_in_python():
    Path("work.py").write_text("def make(): return [1], [2]")
    for returns in ({"a": "object:json", "b": "object"}, [{"a": "object:json"}, {"b": "object"}]):
        run = PythonTask("work.make", returns=returns).as_pipeline().execute()
        assert [Path(name).name for name in run.steps["make"].artifacts] == ["a.json", "b.pickle"]
