"""Steps reuse results of earlier runs on every executor and with every store, and never one that is not whole."""

import json
import shutil
import signal
from collections import Counter

import pytest
from safety_net import LONGEST_SECONDS

PIPELINE = """\
dag:
  name: work
  cache: true
  start_at: make
  steps:
    make: {command: work.make, next: model, returns: [xs], catalog: {put: out/made.txt}}
    model: {command: work.model, next: use, returns: [{name: m, kind: object}]}
    use: {command: work.use, next: each, returns: [{name: n, kind: metric}], catalog: {get: out/made.txt}}
    each:
      type: map
      iterate_on: xs
      iterate_as: x
      next: choose
      branch:
        start_at: one
        steps:
          one: {command: work.one, next: success, returns: [y], catalog: {put: out/one-*.txt}}
    choose:
      type: conditional
      parameter: way
      next: repeat
      branches:
        left: {start_at: go, steps: {go: {command: work.left, next: success, returns: [side]}}}
        right: {start_at: go, steps: {go: {command: work.right, next: success, returns: [side]}}}
    repeat:
      type: loop
      max_iterations: 3
      break_on: done
      index_as: i
      next: shell
      branch:
        start_at: round
        steps:
          round: {command: work.round_, next: success, returns: [total, done]}
    shell: {command: "export said=$(cat out/made.txt)", command_type: shell, next: success, returns: [said], catalog: {get: out/made.txt}}
"""
WORK = """\
import os
CALLS = os.path.expanduser("~/calls.txt")
def note(name):
    with open(CALLS, "a") as file: file.write(name + "\\n")
def make(n=3):
    note("make")
    os.makedirs("out", exist_ok=True)
    with open("out/made.txt", "w") as file: file.write("made " + str(n))
    return list(range(n))
class Model:
    def __init__(self, size): self.size = size
    def predict(self): return self.size
def model(xs):
    note("model")
    return Model(len(xs))
def use(m):
    note("use")
    with open("out/made.txt") as file: return m.predict() + len(file.read())
def one(x):
    note(f"one {x}")
    os.makedirs("out", exist_ok=True)
    with open(f"out/one-{x}.txt", "w") as file: file.write(str(x))
    return x * x
def left(): note("left"); return "left"
def right(): note("right"); return "right"
def round_(i, total=0):
    note(f"round {i}")
    return total + i, i >= 1
"""
FIRST = Counter(("make", "model", "use", "one 0", "one 1", "one 2", "left", "round 0", "round 1"))

CONFIGURATIONS = {
    "local": {},
    "workers": {"executor": {"type": "local", "config": {"enable_parallel": True, "max_workers": 2}}},
    "copies": {"executor": {"type": "local", "config": {"isolated": True}}},
    "chunked": {"run_log_store": {"type": "chunked-fs"}},
    "sqlite": {"run_log_store": {"type": "sql", "config": {"url": "sqlite:///.runs/runs.db"}}},
}


class Project:
    def __init__(self, folder):
        self.folder = folder
        self.calls = folder.path.parent / "calls.txt"
        folder.write("pipeline.yaml", PIPELINE)
        folder.write("work.py", WORK)

    @property
    def environment(self):
        return {"HOME": str(self.calls.parent)}

    def run(self, *arguments, way="left", configuration=None):
        """The run, and the calls of functions in it."""
        if configuration is not None:
            self.folder.write("config.json", json.dumps(configuration))
        self.calls.write_text("")
        more = () if configuration is None else ("-c", "config.json")
        result = self.folder.magnus("execute", *more, "--way", way, *arguments, env=self.environment)
        assert result.status == 0, result.err
        return result.log, Counter(self.calls.read_text().splitlines())


@pytest.fixture
def project(folder):
    return Project(folder)


def results(log):
    parameters = {name: value for name, value in log["parameters"].items() if name != "m"}
    return parameters, log["parameters"]["m"]["data_hash"]


def test_nothing_runs_twice_with_any_store_and_executor(project):
    for name, configuration in CONFIGURATIONS.items():
        first, calls = project.run(configuration=configuration)
        shares = name in {"workers", "copies"}
        assert calls == (Counter() if shares else FIRST), name
        shutil.rmtree(project.folder.path / "out", ignore_errors=True)
        second, calls = project.run(configuration=configuration)
        assert calls == Counter(), name
        assert results(second) == results(first)
        if name != "copies":  # there steps leave nothing in the folder of the user
            assert (project.folder.path / "out/made.txt").read_text() == "made 3"
            assert sorted(file.name for file in (project.folder.path / "out").glob("one-*")) == [
                f"one-{number}.txt" for number in range(3)
            ]


def test_only_new_elements_another_way_and_what_follows_run(project):
    project.run()
    log, calls = project.run("--n", "5")
    assert calls == Counter(("make", "model", "use", "one 3", "one 4"))
    assert log["parameters"]["y"] == [0, 1, 4, 9, 16]
    log, calls = project.run(way="right")
    assert calls == Counter(("right",))
    assert log["parameters"]["side"] == "right"
    assert project.run()[1] == Counter()


def test_a_reused_step_names_the_step_that_computed_it(project):
    first, _ = project.run("--run-id", "first")
    assert first["steps"]["make"]["cache"]["reason"] == "no earlier result"
    project.run("--run-id", "second")
    third, _ = project.run("--run-id", "third")
    step = third["steps"]["make"]
    assert (step["status"], step["attempts"], step["mock"]) == ("SUCCESS", [], False)
    assert step["cached_from"] == {"run_id": "first", "step": "make"}
    fourth, _ = project.run("--n", "4")
    assert fourth["steps"]["make"]["cache"]["reason"] == "parameter 'n' is new"


def test_a_result_is_found_by_way_of_later_runs_when_the_first_is_gone(project):
    project.run("--run-id", "first")
    index = project.folder.path / ".run_log_store/.results"
    for file in index.rglob("*"):  # as if it were put two hours ago
        if file.is_file():
            lines = [json.loads(line) for line in file.read_text().splitlines()]
            old = [[run, step, "2020-01-01T00:00:00+00:00"] for run, step, _ in lines]
            file.write_text("".join(json.dumps(line) + "\n" for line in old))
    project.run("--run-id", "second")
    assert project.folder.magnus("gc", "--keep-last", "1", "--run-logs", "--recent", "--yes").status == 0
    assert project.folder.runs() == ["second"]
    assert project.run()[1] == Counter()


@pytest.mark.parametrize("fault", ["removed", "changed"])
def test_content_that_is_gone_or_damaged_is_computed_again(project, fault):
    log, _ = project.run()
    [entry] = [entry for entry in log["steps"]["make"]["data_catalog"] if entry["name"] == "out/made.txt"]
    [stored] = {
        file for file in (project.folder.path / ".catalog/.store").rglob("*") if entry["data_hash"][4:20] in file.name
    }
    shutil.rmtree(project.folder.path / "out")
    stored.chmod(0o600)
    stored.unlink() if fault == "removed" else stored.write_text("made 4")
    log, calls = project.run()
    assert calls["make"] == 1
    assert "one 0" not in calls
    assert "out/made.txt" in log["steps"]["make"]["cache"]["reason"]
    assert (project.folder.path / "out/made.txt").read_text() == "made 3"


def test_a_damaged_index_only_runs_steps_again(project):
    project.run()
    for number, file in enumerate(sorted((project.folder.path / ".run_log_store/.results").rglob("*"))):
        if file.is_file():
            content = file.read_bytes()
            file.write_bytes(
                (b"", b"\xff\x00{", content[: len(content) // 2], b'["x", "make", "2020-01-01"]\n')[number % 4]
            )
    log, calls = project.run()
    assert calls == FIRST
    assert log["status"] == "SUCCESS"


def test_a_key_that_leads_to_another_step_is_no_hit(project):
    """The index is never trusted: the record of the step has to have the key."""
    project.run("--run-id", "first")
    for file in (project.folder.path / ".run_log_store/.results").rglob("*"):
        if file.is_file():
            file.write_text('["first", "choose/left/go", "2020-01-01T00:00:00+00:00"]\n')
    log, calls = project.run()
    assert calls["make"] == 1
    assert log["parameters"]["n"] == 9


def test_failures_are_not_cached(project):
    project.folder.write(
        "pipeline.yaml", "dag: {cache: true, start_at: a, steps: {a: {command: work.a, next: success}}}"
    )
    project.folder.write(
        "work.py", "import os\ndef a():\n    assert not os.path.exists('broken')\n    return {'x': 1}\n"
    )
    project.folder.write("broken", "")
    assert project.folder.magnus("execute").status == 1
    (project.folder.path / "broken").unlink()
    result = project.folder.magnus("execute")
    assert result.status == 0
    assert result.log["parameters"] == {"x": 1}


def test_code_that_changes_while_its_step_runs_is_not_cached_under_either_version(project):
    project.folder.write(
        "pipeline.yaml", "dag: {cache: true, start_at: a, steps: {a: {command: work.a, next: success, returns: [x]}}}"
    )
    text = "import pathlib\ndef a():\n    f = pathlib.Path('work.py')\n    f.write_text(f.read_text().replace('return 1', 'return 2'))\n    return 1\n"
    project.folder.write("work.py", text)
    first = project.folder.magnus("execute")
    assert first.log["parameters"] == {"x": 1}
    assert "changed since it was read" in first.err
    second = project.folder.magnus("execute")
    assert second.log["parameters"] == {"x": 2}
    project.folder.write("work.py", text)
    assert "cached_from" not in project.folder.magnus("execute").log["steps"]["a"]


def test_a_secret_among_the_inputs_is_never_cached(project):
    project.folder.write("config.yaml", "secrets: {type: dotenv}")
    project.folder.write(".env", "password=very-secret-word\n")
    project.folder.write("work.py", "def a(p='', password=''): return {'x': len(p)}\n")
    step = "{command: work.a, next: b, secrets: [password]}"
    project.folder.write(
        "pipeline.yaml",
        f"dag: {{cache: true, start_at: a, steps: {{a: {step}, b: {{command: work.a, next: success}}}}}}",
    )
    for _ in range(2):
        result = project.folder.magnus("execute", "-c", "config.yaml", "--p", "very-secret-word")
        assert result.status == 0, result.err
    assert result.log["steps"]["b"]["cache"]["reason"] == "an input holds a secret"
    for file in (project.folder.path / ".run_log_store").glob("*.jsonl"):
        steps = [line for line in file.read_text().splitlines() if '"step":' in line]
        assert len(steps) > 2
        assert "very-secret-word" not in "".join(steps)


def test_two_runs_at_once_are_both_complete_and_the_next_reuses_one(project):
    waiting = "import os, time, pathlib\ndef a():\n    pathlib.Path(f'ready-{os.getpid()}').touch()\n    while len(list(pathlib.Path().glob('ready-*'))) < 2: time.sleep(0.01)\n    return os.getpid()\n"
    project.folder.write("work.py", waiting)
    project.folder.write(
        "pipeline.yaml", "dag: {cache: true, start_at: a, steps: {a: {command: work.a, next: success, returns: [x]}}}"
    )
    processes = [project.folder.start("execute") for _ in range(2)]
    outputs = [process.communicate(timeout=LONGEST_SECONDS) for process in processes]
    values = [json.loads(out)["parameters"]["x"] for out, _ in outputs]
    assert len(set(values)) == 2
    again = project.folder.magnus("execute").log
    assert again["parameters"]["x"] in values
    assert "cached_from" in again["steps"]["a"]


def test_what_a_killed_run_had_computed_is_reused(project):
    killing = WORK.replace(
        'def left(): note("left")', 'def left(): note("left"); os.path.exists("kill") and os.kill(os.getpid(), 9)'
    )
    project.folder.write("work.py", killing)
    project.folder.write("kill", "")
    project.calls.write_text("")
    process = project.folder.start("execute", "--way", "left", env=project.environment)
    process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == -signal.SIGKILL
    (project.folder.path / "kill").unlink()
    log, calls = project.run()
    assert log["status"] == "SUCCESS"
    assert calls == Counter(("left", "round 0", "round 1"))


def test_a_run_that_resumes_another_also_reuses_results_of_any_run(project):
    project.run("--n", "4")
    failing = WORK.replace('note("use")', 'note("use"); assert not os.path.exists("broken")')
    project.folder.write("work.py", failing)
    project.folder.write("broken", "")
    project.calls.write_text("")
    assert project.folder.magnus("execute", "--way", "left", "--n", "3", env=project.environment).status == 1
    (project.folder.path / "broken").unlink()
    project.calls.write_text("")
    result = project.folder.magnus("retry", "latest", env=project.environment)
    assert result.status == 0, result.err
    assert Counter(project.calls.read_text().splitlines()) == Counter(("use",))
    assert result.log["steps"]["make"]["mock"] is True
    assert "cached_from" in result.log["steps"]["each"]["branches"]["0"]["steps"]["one"]


def test_a_program_that_loaded_old_code_caches_nothing_under_new_code(project):
    """A notebook of a user imports a module, the user edits it and runs the pipeline without a new kernel."""
    project.folder.write("helpers.py", "def value(): return 1\n")
    project.folder.write("work.py", "import helpers\ndef a(): return helpers.value()\n")
    program = """\
import pathlib, time, helpers
from magnus import Pipeline, PythonTask
import work
if __name__ == "__main__":
    old = pathlib.Path("helpers.py").stat().st_ctime_ns
    while pathlib.Path("helpers.py").stat().st_ctime_ns == old:
        pathlib.Path("helpers.py").write_text("def value(): return 22\\n")
    run = Pipeline([PythonTask(work.a, returns=["x"], cache=True)]).execute()
    print(run.parameters["x"])
"""
    project.folder.write("program.py", program)
    assert project.folder.python("program.py").stdout.strip().splitlines()[-1] == "1"
    project.folder.write(
        "pipeline.yaml", "dag: {cache: true, start_at: a, steps: {a: {command: work.a, next: success, returns: [x]}}}"
    )
    assert project.folder.magnus("execute").log["parameters"] == {"x": 22}


def test_results_are_reused_for_as_long_as_max_age_and_version_say(project):
    project.folder.write("work.py", WORK)
    step = "{{command: work.left, next: success, returns: [side], cache: {}}}"

    def run(cache):
        project.folder.write("pipeline.yaml", f"dag: {{start_at: a, steps: {{a: {step.format(cache)}}}}}")
        return project.run()[1]["left"]

    assert [run("true"), run("{max_age: 1h}"), run("{max_age: 1ms}")] == [1, 0, 1]
    assert [run("{version: 2}"), run("{version: 2}"), run("false"), run("true")] == [1, 0, 1, 0]


def test_stores_that_keep_nothing_always_run_and_say_why(project):
    for configuration, why in (
        ({"run_log_store": {"type": "buffered"}}, "the run log store keeps no results"),
        ({"catalog": {"type": "do-nothing"}}, "the catalog keeps no files"),
    ):
        project.folder.write(
            "pipeline.yaml",
            "dag: {cache: true, start_at: a, steps: {a: {command: work.left, next: success, returns: [side], catalog: {put: x}}}}",
        )
        for _ in range(2):
            log, calls = project.run(configuration=configuration)
            assert calls == Counter(("left",))
            assert log["steps"]["a"]["cache"]["reason"] == why


def test_large_values_are_adopted_and_read(project):
    project.folder.write("work.py", "import os\ndef a(): return ['x' * 100] * 20000\ndef b(big): return len(big)\n")
    project.folder.write(
        "pipeline.yaml",
        "dag: {cache: true, start_at: a, steps: {a: {command: work.a, next: b, returns: [big]}, b: {command: work.b, next: success, returns: [n]}}}",
    )
    project.run()
    log, _ = project.run()
    assert all("cached_from" in log["steps"][name] for name in "ab")
    project.folder.write("work.py", "import os\ndef a(): return ['x' * 100] * 20000\ndef b(big): return len(big) + 1\n")
    log, _ = project.run()
    assert ("cached_from" in log["steps"]["a"], log["parameters"]["n"]) == (True, 20001)


def test_a_notebook_is_reused_whatever_it_printed(project):
    pytest.importorskip("ipykernel")
    cell = {
        "cell_type": "code",
        "source": "x = 1\nprint(x)",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
        "id": "a",
    }

    def write(**more):
        notebook = {"cells": [{**cell, **more}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        project.folder.write("n.ipynb", json.dumps(notebook))

    project.folder.write(
        "pipeline.yaml",
        "dag: {cache: true, start_at: a, steps: {a: {command: n.ipynb, command_type: notebook, next: success, returns: [x]}}}",
    )
    write()
    project.run()
    write(outputs=[{"output_type": "stream", "name": "stdout", "text": "7"}], execution_count=7)
    (project.folder.path / "n_out.ipynb").unlink()
    log, _ = project.run()
    assert "cached_from" in log["steps"]["a"]
    assert (project.folder.path / "n_out.ipynb").is_file()
    write(source="x = 2\nprint(x)")
    assert project.run()[0]["parameters"]["x"] == 2


def test_engines_that_start_a_process_for_each_step_reuse_results(project):
    project.folder.write("pipeline.yaml", PIPELINE)
    project.folder.write("config.json", json.dumps({"run_log_store": {"type": "chunked-fs"}}))
    project.run(configuration={"run_log_store": {"type": "chunked-fs"}})
    project.calls.write_text("")
    for step in ("make", "model", "use"):
        more = ("--way", "left") if step == "make" else ()
        result = project.folder.magnus(
            "execute_single_node",
            "engine",
            step,
            "-f",
            "pipeline.yaml",
            "-c",
            "config.json",
            *more,
            env=project.environment,
        )
        assert result.status == 0, result.err
    assert project.calls.read_text() == ""
    shown = json.loads(project.folder.magnus("show", "engine", "--json", "-c", "config.json").out)
    assert all("cached_from" in shown["steps"][step] for step in ("make", "model", "use"))


def test_a_run_without_the_cache_runs_all_and_its_results_are_the_newest(project):
    project.run("--run-id", "first")
    log, calls = project.run("--no-cache", "--run-id", "second")
    assert calls == FIRST
    assert log["steps"]["make"]["cache"]["reason"] == "--no-cache"
    log, calls = project.run()
    assert calls == Counter()
    assert log["steps"]["make"]["cached_from"]["run_id"] == "second"


def test_a_run_that_reuses_nothing_shows_no_plan(folder):
    folder.write("p.yaml", "dag: {steps: {a: {command: 'true', command_type: shell, cache: true}}}")
    assert "steps: 1 to run" in folder.magnus("execute", "p.yaml").err
    assert "steps: " not in folder.magnus("execute", "p.yaml", "--no-cache").err


def test_refresh_runs_a_step_and_the_steps_in_it(project):
    project.run()
    log, calls = project.run("--refresh", "each", "--refresh", "model")
    assert calls == Counter(("model", "one 0", "one 1", "one 2"))
    assert log["steps"]["model"]["cache"]["reason"] == "--refresh"
    refused = project.folder.magnus("execute", "--refresh", "modle", "--way", "left", env=project.environment)
    assert refused.status == 2
    assert "--refresh modle: the pipeline has no step of this name" in refused.err
    assert "did you mean 'model'?" in refused.err


def test_a_run_until_a_step_ends_there_and_can_be_continued(project):
    log, calls = project.run("--until", "use", "--run-id", "short")
    assert calls == Counter(("make", "model", "use"))
    assert log["status"] == "SUCCESS"
    assert log["message"] == "it stopped after 'use', as --until says"
    assert list(log["steps"]) == ["make", "model", "use", "success"]
    refused = project.folder.magnus("execute", "--until", "each/one", "--way", "left", env=project.environment)
    assert refused.status == 2
    assert "outside branches" in refused.err
    assert project.run()[1] == FIRST - Counter(("make", "model", "use"))
    result = project.folder.magnus("retry", "short", env=project.environment)
    assert result.status == 0, result.err
    assert result.log["steps"]["use"]["mock"] is True
    assert "shell" in result.log["steps"]


def test_explain_says_why_each_step_ran_down_to_the_leaf(project):
    project.folder.write("work.py", "def a(model): return model['layers'][1]['size']\ndef b(x): return x\n")
    steps = "{a: {command: work.a, next: b, returns: [x]}, b: {command: work.b, next: c, returns: [y]}, c: {command: work.b, next: success, cache: false, returns: [z]}}"
    project.folder.write("pipeline.yaml", f"dag: {{cache: true, start_at: a, steps: {steps}}}")
    project.folder.write("p.yaml", "model: {layers: [{size: 1}, {size: 32}], name: m}")
    project.run("-p", "p.yaml", "--run-id", "first")
    project.folder.write("p.yaml", "model: {layers: [{size: 2}, {size: 32}], name: m}")
    project.run("-p", "p.yaml", "--run-id", "second")
    text = project.folder.magnus("explain", "second").out
    assert text == (
        "second: 2 ran, 1 reused\n"
        "  a  ran: parameter 'model.layers[0].size' 1 -> 2\n"
        "  b  reused from first: same code, parameters and files\n"
        "  c  ran: it has no cache\n"
    )
    detail = project.folder.magnus("explain", "latest", "a").out
    assert "differences from run first:\n      parameter 'model.layers[0].size' 1 -> 2\n    inputs:\n" in detail
    assert "      parameter model.layers[1].size: 32\n" in detail
    shown = json.loads(project.folder.magnus("explain", "second", "--json").out)
    assert [step["verdict"] for step in shown["steps"]] == ["ran", "reused", "ran"]
    assert shown["steps"][1]["cached_from"] == {"run_id": "first", "step": "b"}
    logs = project.folder.magnus("logs", "second", "b")
    assert "magnus logs first b" in logs.err
    shown = project.folder.magnus("show", "second").out
    assert "b  SUCCESS  reused" in shown
    assert "c  SUCCESS  reused" not in shown
    detail = project.folder.magnus("show", "second", "--step", "b").out
    assert "from run first" in detail
    assert "parameter 'model.layers[0].size' 1 -> 2" in project.folder.magnus("show", "second", "--step", "a").out
    page = project.folder.magnus("report", "second", "-o", "-").out
    assert '"source":"first"' in page
    assert project.folder.magnus("explain", "third").status == 2
    project.run("-p", "p.yaml", "--run-id", "third", "--use-cached", "second")
    assert "a  reused from second: it succeeded there" in project.folder.magnus("explain", "third").out


def test_a_run_says_at_its_start_what_it_reuses_and_what_changed(project):
    steps = "{a: {command: work.a, returns: [x]}, b: {command: work.b, returns: [y]}, c: {command: work.c, returns: [z]}, d: {command: work.c, returns: [z], cache: false}}"
    work = "def a(lr): return lr\ndef b(x): return x\ndef c(): return 1\n"
    project.folder.write("work.py", work)
    project.folder.write("pipeline.yaml", f"dag: {{cache: true, steps: {steps}}}")

    def plan(*arguments):
        result = project.folder.magnus("execute", *arguments)
        assert result.status == 0, result.err
        lines = [line.partition(" ")[2] for line in result.err.splitlines()]
        start = next(number for number, line in enumerate(lines) if line.startswith("steps: "))
        end = next(number for number, line in enumerate(lines) if line.startswith("  a: "))
        return lines[start:end]

    assert plan("--lr", "1") == ["steps: 3 to run, 1 that may run"]
    assert plan("--lr", "1") == ["steps: 3 reused, 1 to run"]
    assert plan("--lr", "2") == ["steps: 1 reused, 2 to run, 1 that may run", "  runs 'a': parameter 'lr' 1 -> 2"]
    assert plan("--lr", "2", "--refresh", "c")[1:] == ["  runs 'c': --refresh"]
    project.folder.write("work.py", work.replace("return 1", "return 2"))
    assert plan("--lr", "2")[1:] == ["  runs 'c': code work.py: c changed"]


def test_a_step_that_always_reused_another_one_is_compared_with_its_last_run(project):
    project.folder.write("work.py", "def a(): return 1\n")
    project.folder.write("pipeline.yaml", "dag: {cache: true, steps: {a: {command: work.a, returns: [x]}}}")
    project.folder.magnus("execute")
    project.folder.write("pipeline.yaml", "dag: {cache: true, steps: {other: {command: work.a, returns: [x]}}}")
    assert "cached_from" in project.run("--run-id", "second")[0]["steps"]["other"]
    project.folder.write("work.py", "def a(): return 2\n")
    assert project.run()[0]["steps"]["other"]["cache"]["reason"] == "code work.py: a changed"


def test_diff_says_why_a_cached_step_ran_again(project):
    project.folder.write("work.py", "def a(model): return model['size']\ndef b(x): return x\ndef c(): return 1\n")
    steps = (
        "{a: {command: work.a, returns: [x]}, b: {command: work.b, returns: [y]}, c: {command: work.c, returns: [z]}}"
    )
    project.folder.write("pipeline.yaml", f"dag: {{cache: true, steps: {steps}}}")
    project.folder.write("p.yaml", "model: {size: 1, name: m}")
    project.run("-p", "p.yaml", "--run-id", "first")
    project.run("-p", "p.yaml", "--run-id", "reused")
    project.folder.write("p.yaml", "model: {size: 2, name: m}")
    project.folder.write("work.py", "def a(model): return model['size']\ndef b(x): return -x\ndef c(): return 1\n")
    project.run("-p", "p.yaml", "--refresh", "c", "--run-id", "changed")
    for first in ("first", "reused"):
        text = project.folder.magnus("diff", first, "changed").out
        assert (
            "\ncached steps that ran again in B\n"
            "  a: parameter 'model.size' 1 -> 2\n"
            "  b: code work.py: b changed, parameter 'x' 1 -> 2\n"
            "  c: --refresh\n"
        ) in text
        difference = json.loads(project.folder.magnus("diff", first, "changed", "--json").out)
        assert [(each["step"], each["compared_with"]) for each in difference["reruns"]] == [(s, first) for s in "abc"]
        assert difference["reruns"][0]["differences"] == ["parameter 'model.size' 1 -> 2"]
        assert "differences" not in difference["reruns"][2]
    assert json.loads(project.folder.magnus("diff", "changed", "changed", "--json").out)["reruns"] == []
    assert "ran again" not in project.folder.magnus("diff", "first", "reused").out


def test_pods_of_a_workflow_reuse_results_of_pods_of_another(project):
    folder = project.folder.path
    services = {
        "executor": {"type": "argo", "config": {"image": "i", "persistent_volumes": [{"name": "data", "mount_path": str(folder / "volume")}]}},
        "run_log_store": {"type": "chunked-fs", "config": {"log_folder": str(folder / "volume/logs")}},
        "catalog": {"type": "file-system", "config": {"catalog_location": str(folder / "volume/catalog")}},
    }  # fmt: skip
    (folder / "volume").mkdir()
    steps = "{a: {command: work.left, next: m, returns: [side]}, m: {type: map, iterate_on: xs, iterate_as: x, next: success, branch: {start_at: o, steps: {o: {command: work.one, next: success, returns: [y], catalog: {put: out/one-*.txt}}}}}}"
    project.folder.write("pipeline.yaml", f"dag: {{cache: true, start_at: a, steps: {steps}}}")
    project.folder.write("config.json", json.dumps(services))
    written = project.folder.magnus("execute", "-c", "config.json", "--xs", "[1, 2]", env=project.environment)
    assert written.status == 0, written.err
    for calls in (Counter(("left", "one 1", "one 2")), Counter()):
        project.calls.write_text("")
        result = project.folder.magnus("simulate", env=project.environment)
        assert result.status == 0, result.err
        assert Counter(project.calls.read_text().splitlines()) == calls
    refused = project.folder.magnus("execute", "-c", "config.json", "--no-cache", env=project.environment)
    assert (refused.status, "--no-cache is for runs that start here" in refused.err) == (2, True)


def plan(project, *arguments):
    result = project.folder.magnus("execute", "--dry-run", *arguments, env=project.environment)
    assert result.status == 0, result.err
    return [line.partition("Z ")[2] if line[:2] == "20" else line for line in result.err.splitlines()]


def test_the_plan_says_what_will_run_and_why_and_changes_nothing(project):
    assert plan(project, "--way", "left")[0] == "steps: 3 to run, 4 that may run"
    project.run()
    before = sorted(file for file in project.folder.path.rglob("*") if "__pycache__" not in file.parts)
    assert plan(project, "--way", "left") == ["steps: 10 reused"]
    assert plan(project, "--way", "right") == [
        "steps: 8 reused, 1 to run, 1 that may run",
        "  runs 'choose/right/go': no earlier result",
        "  may run 'shell': it may use a result of 'choose'",
    ]
    assert plan(project, "--way", "left", "--refresh", "each")[:2] == [
        "steps: 6 reused, 3 to run, 1 that may run",
        "  runs 'each/0/one': --refresh",
    ]
    lines = plan(project, "--way", "left", "--n", "4")
    assert lines[:3] == [
        "steps: 3 reused, 1 to run, 4 that may run",
        "  runs 'make': parameter 'n' is new",
        "  may run 'model': it may use a result of 'make'",
    ]
    assert sorted(file for file in project.folder.path.rglob("*") if "__pycache__" not in file.parts) == before
    assert project.run()[1] == Counter()
    project.folder.write("pipeline.yaml", "dag: {start_at: a, steps: {a: {command: work.left, next: success}}}")
    refused = project.folder.magnus("execute", "--dry-run")
    assert (refused.status, "no step of the pipeline has a cache" in refused.err) == (2, True)
