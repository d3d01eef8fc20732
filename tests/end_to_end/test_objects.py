"""Objects from step to step: kept once, by content, handed on as themselves, in one process and in many."""

import json
import os
import pickle
import subprocess
import sys

import pytest
from safety_net import LONGEST_SECONDS

from magnus import Dag, Map, Parallel, Pipeline, PythonTask, ShellTask, Task, pickled
from magnus.errors import RunFailed

WORKERS = "executor: {type: local, config: {enable_parallel: true, max_workers: 2}}\n"
PROGRAM = """\
import sys
from magnus import Map, Pipeline, PythonTask, pickled

class Model:
    def __init__(self, depth): self.depth = depth
    def __eq__(self, other): return type(self) is type(other) and self.depth == other.depth

def make(): return Model(3), [1, 2, 3]
def grow(model, n):
    assert isinstance(model, Model), type(model)
    return Model(model.depth + n)
def total(models):
    assert all(isinstance(model, Model) for model in models)
    return sum(model.depth for model in models)

each = PythonTask(grow, returns=[pickled("models")]).as_pipeline()
pipeline = Pipeline([
    PythonTask(make, returns=[pickled("model"), "ns"]),
    Map("each", each, "ns", "n"),
    PythonTask(total, returns=["total"]),
])
if __name__ == "__main__":
    print(pipeline.execute(*sys.argv[1:]).parameters["total"])
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "workers.yaml").write_text(WORKERS)
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path


def python(*arguments, status=0):
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=LONGEST_SECONDS)
    assert done.returncode == status, done.stderr
    return done.stdout


def make_set():
    return {1, 2}


def size(things, more=0):
    return len(things) + more


def in_order(s):
    return sorted(s)


def length_of(row):
    return len(row)


def run(*steps, configuration="", **parameters):
    return Pipeline(list(steps)).execute(configuration, parameters=parameters)


def test_an_object_is_handed_on_and_kept_as_a_pickle(folder):
    made = PythonTask(make_set, returns=[pickled("things")])
    ran = run(
        made, PythonTask(size, returns=["n"]), ShellTask("shell", "export seen=$MAGNUS_PRM_things", returns=["seen"])
    )
    reference = ran.parameters["things"]
    assert ran.parameters == {"things": reference, "n": 2, "seen": reference}
    assert set(reference) == {"object", "data_hash"}
    artifact = ran.steps["make_set"].artifacts[".objects/things.pickle"]
    assert artifact.data_hash == reference["data_hash"]
    assert pickle.loads(artifact.path().read_bytes()) == {1, 2}
    assert ran.steps["size"].attempts[0].parameters == {"things": reference}


def test_globs_do_not_see_objects(folder):
    made = PythonTask(make_set, returns=[pickled("things")])
    with pytest.raises(RunFailed, match=r"nothing in the catalog matches"):
        Pipeline([made, Task("get", "true", "shell", catalog={"get": "**/*"})]).execute()


@pytest.mark.parametrize("configuration", [[], ["workers.yaml"]])
def test_objects_of_the_script_that_is_run(folder, configuration):
    assert python("program.py", *configuration) == "15\n"


def test_objects_of_a_script_in_processes_of_other_programs(folder):
    log = json.loads(python("-m", "magnus", "execute", "program.py", "-c", "workers.yaml"))
    assert log["parameters"]["total"] == 15
    for step in (
        "make",
        "each",
        *(f"each/{n}/{name}" for n in range(3) for name in ("grow", "success")),
        "each",
        "total",
    ):
        verb = ["fan", "mine", step, "-m", "in" if (folder / "begun").exists() else "out"]
        begun = step == "each"
        python("-m", "magnus", *(verb if begun else ["execute_single_node", "mine", step]), "-f", "program.py")
        if begun:
            (folder / "begun").touch()
    assert json.loads(python("-m", "magnus", "show", "mine", "--json"))["parameters"]["total"] == 15


def test_objects_made_elsewhere_are_read_by_the_script(folder):
    python("-m", "magnus", "execute_single_node", "mine", "make", "-f", "program.py")
    [file] = (folder / ".catalog" / "mine" / ".objects").iterdir()
    program = f"import pickle, program as p\nimport sys\nsys.modules['__mp_main__'] = p\nprint(pickle.load(open({str(file)!r}, 'rb')).depth)"
    assert python("-c", program) == "3\n"


def test_a_map_over_objects_and_maps_in_maps(folder):
    inner = PythonTask(lambda x, y: {x, y}, "pair", returns=[pickled("pairs")]).as_pipeline()
    ran = run(
        Map("outer", Pipeline([Map("inner", inner, "xs", "y")]), "xs", "x"),
        PythonTask(lambda pairs: [[sorted(pair) for pair in row] for row in pairs], "all", returns=["all"]),
        Map("again", PythonTask(length_of, "len", returns=["lengths"]).as_pipeline(), "pairs", "row"),
        xs=[1, 2, 3],
    )  # fmt: skip
    assert ran.parameters["all"] == [[[1], [1, 2], [1, 3]], [[1, 2], [2], [2, 3]], [[1, 3], [2, 3], [3]]]
    assert ran.parameters["lengths"] == [3, 3, 3]


def test_branches_that_set_no_object(folder):
    branch = Pipeline([Task("try", "lambda x: 1 // x", "python-lambda", returns=[pickled("o")], on_failure="success")])
    ran = run(Map("m", branch, "xs", "x"), PythonTask(lambda o: o, "all", returns=["all"]), xs=[0, 1])
    assert ran.parameters["all"] == [None, 1]


@pytest.mark.parametrize("reducer", ["lambda *s: set().union(*s)", "lambda *s: sorted(set().union(*s))"])
def test_reducers_get_objects(folder, reducer):
    branch = Task("one", "lambda x: {x}", "python-lambda", returns=[pickled("s")]).as_pipeline()
    ran = run(Map("m", branch, "xs", "x", reducer=reducer), PythonTask(in_order, "all", returns=["all"]), xs=[2, 1])
    assert ran.parameters["all"] == [1, 2]


def test_branches_keep_objects_of_one_name_apart(folder):
    one = Task("one", "lambda: {1}", "python-lambda", returns=[pickled("s")]).as_pipeline()
    two = Task("two", "lambda: {2}", "python-lambda", returns=[pickled("s")]).as_pipeline()
    ran = run(Parallel("p", {"a": one, "b": two}), Dag("d", PythonTask(in_order, returns=["n"]).as_pipeline()))
    assert ran.parameters["n"] == [2]


def test_a_step_with_a_timeout_keeps_and_gets_objects(folder):
    (folder / "work.py").write_text("def make(): return {1, 2}\ndef size(things): return len(things)\n")
    ran = run(
        Task("m", "work.make", returns=[pickled("things")], timeout=1000),
        Task("s", "work.size", returns=["n"], timeout=1000),
    )
    assert ran.parameters["n"] == 2
    assert list(ran.steps["m"].artifacts) == [".objects/things.pickle"]


def test_what_cannot_be_pickled_fails_its_step(folder):
    with pytest.raises(RunFailed, match=r"'f', a value of type builtins\.function, cannot be kept as an object"):
        run(PythonTask(lambda: lambda: 1, "make", returns=[pickled("f")]))
    assert not list((folder / ".catalog").glob("**/*.pickle"))


def test_an_object_whose_content_is_gone(folder):
    ran = run(PythonTask(make_set, returns=[pickled("things")]))
    for file in (folder / ".catalog" / ".store").glob("??/*"):
        os.unlink(file)
    (folder / "p.yaml").write_text(json.dumps({"dag": {"start_at": "a", "steps": {
        "a": {"type": "task", "command_type": "python-lambda", "command": "lambda: {1, 2}", "returns": [{"name": "o", "kind": "object"}], "next": "b"},
        "b": {"type": "task", "command_type": "shell", "command": "rm -r .catalog/.store/??", "next": "c"},
        "c": {"type": "task", "command_type": "python-lambda", "command": "lambda o: None", "next": "success"},
    }}}))  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "magnus", "execute", "p.yaml"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "the content of '.objects/o.pickle' is not in the catalog" in done.stderr
    assert ran.status == "SUCCESS"


def test_a_catalog_that_keeps_nothing_says_so(folder):
    (folder / "none.yaml").write_text("catalog: {type: do-nothing}\n")
    with pytest.raises(RunFailed, match=r"the catalog of type 'do-nothing' cannot keep '\.objects/things\.pickle'"):
        run(PythonTask(make_set, returns=[pickled("things")]), configuration="none.yaml")


def test_an_object_that_is_loaded_is_an_entry_of_the_step_once(folder):
    two = PythonTask(size, name="two", returns=["n"], max_attempts=2)
    untouched = Task(name="untouched", command="true", command_type="shell")
    run = Pipeline([PythonTask(make_set, name="make", returns=[pickled("things")]), two, untouched]).execute()
    log = run.document()["steps"]
    [put] = log["make"]["data_catalog"]
    assert log["two"]["data_catalog"] == [{**put, "stage": "get"}]
    assert log["untouched"]["data_catalog"] == []
