"""One function or command without a pipeline, tracked as a step is."""

import nbformat
import pytest

from magnus import Catalog, NotebookJob, PythonJob, ShellJob
from magnus.errors import RunFailed


def test_a_function_from_the_command_line(folder):
    folder.write(
        "work.py", "def f(x: int, y=2):\n    open('data/out.txt', 'w').write('kept')\n    return {'z': x + y}\n"
    )
    folder.write("p.yaml", "y: 5\n")
    (folder.path / "data").mkdir()
    done = folder.magnus(
        *("execute_function", "work.f", "--x", "3", "-p", "p.yaml", "--tag", "t", "--run-id", "mine"),
        *("-d", "data", "-put", "*.txt"),
    )
    assert done.status == 0, done.err
    assert (done.log["run_id"], done.log["tag"], list(done.log["steps"])) == ("mine", "t", ["f", "success"])
    assert done.log["parameters"] == {"x": 3, "y": 5, "z": 8}
    assert [entry["name"] for entry in done.log["steps"]["f"]["data_catalog"]] == ["data/out.txt"]
    assert folder.magnus("execute_function", "work.py:f", "--x", "3").log["parameters"]["z"] == 5
    folder.write("work.py", "def fail(): return {'x': 1}\n")
    assert list(folder.magnus("execute_function", "work.fail").log["steps"]) == ["fail()", "success"]


def test_a_result_gets_a_name(folder):
    folder.write("work.py", "def f(): return 1, [2]\n")
    assert folder.magnus("execute_function", "work.f", "--returns", "a", "--returns", "b").log["parameters"] == {
        "a": 1,
        "b": [2],
    }


@pytest.mark.parametrize("text", ["loss:metrc", ":metric", "loss:", "a:object:", ":object:json"])
def test_a_result_of_a_kind_that_is_none(folder, text):
    folder.write("work.py", "def f(): raise SystemExit(9)\n")
    done = folder.magnus("execute_function", "work.f", "--returns", text)
    message = f"'{text}' is not NAME, NAME:KIND or NAME:object:FORMAT, where KIND is one of json, metric, object"
    assert (done.status, done.err.rpartition("Invalid value for --returns: ")[2]) == (2, f"{message}\n")


def test_a_result_may_be_a_metric_or_an_object(folder):
    folder.write("work.py", "def f(): return 0.5, {1}\n")
    log = folder.magnus("execute_function", "work.f", "--returns", "loss:metric", "--returns", "a:b:object").log
    assert log["steps"]["f"]["user_defined_metrics"] == {"loss": 0.5}
    assert log["parameters"]["a:b"]["object"] == ".objects/a%3Ab.pickle"


def test_an_object_may_have_a_format(folder):
    folder.write("work.py", "def f(): return [1], {'k': 2}\n")
    arguments = ("--returns", "a:b:object:json", "--returns", "object:object:json")
    log = folder.magnus("execute_function", "work.f", *arguments).log
    assert [log["parameters"][name]["object"] for name in ("a:b", "object")] == [
        ".objects/a%3Ab.json",
        ".objects/object.json",
    ]


def test_a_format_that_is_none(folder):
    folder.write("work.py", "def f(): raise SystemExit(9)\n")
    done = folder.magnus("execute_function", "work.f", "--returns", "a:object:jsn")
    assert done.status == 2
    assert "'jsn'" in done.err
    assert "did you mean 'json'?" in done.err


def test_more_names_than_results_are_found_before_the_function_is_called(folder):
    folder.write("work.py", "def f():\n    open('called', 'w')\n    return 1, [2]\n")
    done = folder.magnus("execute_function", "work.f", *("--returns", "a") * 3)
    assert (done.status, done.out, (folder.path / "called").exists()) == (2, "", False)
    assert done.err == (
        "error: work.f() returns 2 values; 'returns' declares a tuple of 3: a, a, a\n"
        "  fix: give --returns NAME once for each value that it returns, in order\n"
    )


def test_a_result_without_a_name_is_pointed_out_before_the_run_with_the_option(folder):
    folder.write("work.py", "def f() -> int: return 1\n")
    done = folder.magnus("execute_function", "work.f")
    assert (done.status, done.log["parameters"]) == (0, {})
    assert done.err.startswith(
        "warning: work.f() returns a value of type int, which has no name\n"
        "  fix: the value is dropped; to keep it, give it a name: --returns NAME\n"
    )


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("work.g", "there is no function 'g' in the module 'work'"),
        ("f", "'f' names no module"),
        ("nothing.f", "there is no module 'nothing'"),
    ],
)
def test_a_function_that_is_not_there(folder, function, said):
    folder.write("work.py", "def f(): ...\n")
    done = folder.magnus("execute_function", function)
    assert (done.status, said in done.err) == (2, True)


def test_jobs_in_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = PythonJob(lambda x: x + 1, "add", returns=["y"]).execute(parameters={"x": 1})
    assert (run.status, run.parameters) == ("SUCCESS", {"x": 1, "y": 2})
    run = ShellJob("say", "echo hello > said.txt", catalog=Catalog(put="said.txt")).execute(tag="t")
    assert run.artifacts["said.txt"].path().read_text() == "hello\n"
    with pytest.raises(RunFailed, match="exit status 3"):
        ShellJob("exits", "exit 3").execute()


def test_a_notebook_from_the_command_line_and_in_python(folder, monkeypatch):
    cells = [nbformat.v4.new_code_cell("y = x + 1", metadata={"tags": []})]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder.path / "work.ipynb")
    done = folder.magnus("execute_notebook", "work.ipynb", "--x", "3", "--notebook-output-path", "done.ipynb")
    assert done.status == 0, done.err
    assert list(done.log["steps"]) == ["work", "success"]
    assert "x = 3" in (folder.path / "done.ipynb").read_text()
    monkeypatch.chdir(folder.path)
    assert NotebookJob("work.ipynb", returns=["y"]).execute(parameters={"x": 1}).parameters == {"x": 1, "y": 2}
