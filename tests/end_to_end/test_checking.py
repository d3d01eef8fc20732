"""`magnus check` says everything that is wrong, with the lines and the fixes, and runs nothing."""

import json
import shutil
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
ARGUMENTS = {
    "argo/pipeline.yaml": ["-p", "parameters.yaml"],
    "getting-started.yaml": ["--x", "3"],
    "python/pipeline.yaml": ["-p", "parameters.yaml"],
    "stub.yaml": ["-c", "configured.yaml"],
}
NO_PIPELINES = {
    "configured.yaml",
    "parallel.yaml",
    "parameters.yaml",
    "sales.py",
    "functions.py",
    "argo.yaml",
    "cluster.yaml",
    "magnus-config.yaml",
    "aws.yaml",
    "slurm.yaml",
}
PIPELINE = """\
dag:
  start_at: fetch
  steps:
    fetch:
      command: work.fetch
      returns: [orders]
      next: sum up
      on_failure: none today
    none today: {type: stub, next: sum up}
    sum up:
      command: work.sum_up
      next: report
    report:
      command_type: shell
      command: if true; then cat orders.csv
      catalog: {get: orders.csv}
      next: success
"""
WORK = """\
def fetch() -> list[str]:
    return ["a"]


def sum_up(orders: dict, rate: float):
    print(orders, rate)
"""


def test_everything_that_is_wrong_is_said_at_once(folder):
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("work.py", WORK)
    result = folder.magnus("check")
    assert result.status == 2
    assert (
        result.out
        == """\
pipeline.yaml:11:7: warning: step 'sum up': the argument 'orders' of work.sum_up() may be missing: it is not set when 'fetch' fails
  11 |       command: work.sum_up
     |       ^~~~~~~
  fix: set 'orders' there too, or do not depend on it here
pipeline.yaml:11:7: warning: step 'sum up': the argument 'orders' of work.sum_up() must be dict, but where it is set it is list[str]
  11 |       command: work.sum_up
     |       ^~~~~~~
  fix: change the type of 'orders' on one side
pipeline.yaml:11:7: error: step 'sum up': the argument 'rate' of work.sum_up() is set by no step before, and is no initial parameter
  11 |       command: work.sum_up
     |       ^~~~~~~
  fix: set 'rate' in a step before, or give it: --rate VALUE, or a parameters file
pipeline.yaml:15:7: error: step 'report': the shell does not understand the command: line 2: syntax error: unexpected end of file
  15 |       command: if true; then cat orders.csv
     |       ^~~~~~~
  fix: correct the command
pipeline.yaml:16:17: error: step 'report': no step before puts 'orders.csv' into the catalog
  16 |       catalog: {get: orders.csv}
     |                 ^~~
  fix: put it in an earlier step
pipeline.yaml: 3 errors, 2 warnings (4 steps)
"""
    )
    assert result.err == ""
    assert sorted(file.name for file in folder.path.iterdir() if file.name != "__pycache__") == [
        "pipeline.yaml",
        "work.py",
    ]


@pytest.mark.parametrize("command", ["check", "execute"])
def test_a_module_that_several_steps_miss_is_said_once(folder, command):
    folder.write("src/churn/__init__.py", "")
    folder.write("src/churn/steps.py", "def f(): pass\n")
    names = [f"s{number}" for number in range(12)]
    following = [*names[1:], "success"]
    steps = {
        name: {"type": "task", "command": "churn.steps.f", "next": after}
        for name, after in zip(names, following, strict=True)
    }
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "s0", "steps": steps}}))
    said = folder.magnus(command, "p.yaml")
    assert said.status == 2
    text = said.out + said.err
    shown = ", ".join(f"'{name}'" for name in names[:10])
    assert text.count("there is no module 'churn'") == 1
    assert f"there is src/churn; the steps {shown} and 2 more need it\n" in text
    assert "  fix: PYTHONPATH=src\n" in text


def test_warnings_are_no_errors(folder):
    folder.write("pipeline.yaml", PIPELINE.replace("next: report", "next: success"))
    folder.write(
        "work.py", WORK.replace("orders: dict", "orders: list[str]").replace(", rate: float", ", rate: float = 1")
    )
    result = folder.magnus("check", "--json")
    assert (result.status, result.err) == (2, "")
    folder.write("pipeline.yaml", PIPELINE.partition("    report:")[0].replace("next: report", "next: success"))
    result = folder.magnus("check", "--output", "json", "--rate", "2")
    assert result.status == 0
    assert result.log == {
        "pipeline": "pipeline.yaml",
        "steps": 3,
        "errors": 0,
        "warnings": 1,
        "problems": [
            {
                "severity": "warning",
                "message": "the argument 'orders' of work.sum_up() may be missing: it is not set when 'fetch' fails",
                "fix": "set 'orders' there too, or do not depend on it here",
                "step": "sum up",
                "file": "pipeline.yaml",
                "line": 11,
                "column": 7,
            }
        ],
    }


def test_options_and_parameters_are_those_of_execute(folder):
    folder.write("pipeline.yaml", PIPELINE.partition("    report:")[0].replace("next: report", "next: success"))
    folder.write("work.py", WORK)
    folder.write("c.yaml", "catalog: {type: do-nothing}\nsecrets: {type: dotenv, config: {loction: x}}\n")
    folder.write("p.json", '{"rate": [1]}')
    result = folder.magnus(
        "check", "pipeline.yaml", "-c", "c.yaml", "-p", "p.json", "--orders", "{}", "--tag", "x", "--run-id", "a/b"
    )
    assert result.status == 2
    lines = [line for line in result.out.splitlines() if not line.startswith("  ")]
    assert lines == [
        "error: 'a/b' cannot be a run id: it holds a path separator",
        "c.yaml:2:34: error: secrets 'dotenv': unknown field 'loction'",
        "pipeline.yaml:11:7: warning: step 'sum up': the argument 'orders' of work.sum_up() must be dict, "
        "and it is a list or a mapping, which does not always fit",
        "pipeline.yaml:11:7: error: step 'sum up': the argument 'rate' of work.sum_up() must be float, "
        "but it is [1]: Input should be a valid number",
        "pipeline.yaml: 3 errors, 1 warning (3 steps)",
    ]


def test_nothing_is_run(folder):
    folder.write(
        "pipeline.yaml",
        PIPELINE.partition("    none today:")[0].replace("next: sum up\n      on_failure: none today", "next: success"),
    )
    folder.write("work.py", "print('imported')\ndef fetch():\n    open('made', 'w')\n    return 1\n")
    result = folder.magnus("check")
    assert (result.status, result.out) == (0, "pipeline.yaml: nothing is wrong (1 step)\n"), result.out
    assert result.err == "imported\n"
    result = folder.magnus("check", "--no-import")
    assert (result.status, result.out, result.err) == (0, "pipeline.yaml: nothing is wrong (1 step)\n", "")
    assert not (folder.path / "made").exists()
    assert not (folder.path / ".run_log_store").exists()


def test_a_pipeline_in_python(folder):
    folder.write(
        "pipeline.py",
        "from magnus import Pipeline, PythonTask\n\n\ndef use(x: int):\n    return x\n\n\npipeline = Pipeline(\n    [\n        PythonTask(use, returns=['y']),\n    ]\n)\n",
    )
    result = folder.magnus("check", "pipeline.py")
    assert result.status == 2
    assert (
        result.out
        == """\
pipeline.py:10: error: step 'use': the argument 'x' of pipeline.py:use() is set by no step before, and is no initial parameter
  10 |         PythonTask(use, returns=['y']),
     |         ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
  fix: set 'x' in a step before, or give it: --x VALUE, or a parameters file
pipeline.py: 1 error (1 step)
"""
    )
    assert folder.magnus("check", "pipeline.py", "--x", "3").status == 0
    result = folder.magnus("check", "pipeline.py", "--no-import")
    assert result.status == 2
    assert result.out == (
        "error: what 'pipeline.py' builds is known only when the file is run, and nothing is to be imported\n"
        "  fix: leave out --no-import\n"
        "pipeline.py: 1 error (0 steps)\n"
    )


def test_a_run_that_is_gone_on_with_has_its_parameters(folder):
    folder.write("pipeline.yaml", PIPELINE.partition("    report:")[0].replace("next: report", "next: success"))
    folder.write(
        "work.py",
        WORK.replace("orders: dict", "orders: list[str]")
        .replace('return ["a"]', "raise ValueError")
        .replace("print(orders, rate)", "raise ValueError"),
    )
    assert folder.magnus("execute", "--run-id", "first", "--rate", "1").status == 1
    assert folder.magnus("check", "--use-cached", "first").status == 0
    assert folder.magnus("check", "--run-id", "first", "--rate", "1").status == 2
    result = folder.magnus("check", "--use-cached", "other", "--rate", "1")
    assert result.status == 2
    assert result.out.startswith("error: there is no run 'other'\n")


def test_faults_in_one_step_do_not_hide_those_of_another(folder):
    folder.write(
        "pipeline.yaml",
        PIPELINE.replace("command: work.sum_up", "command: work.sum").replace("next: report", "nxt: report"),
    )
    folder.write("work.py", WORK)
    said = [line for line in folder.magnus("check").out.splitlines() if not line.startswith("  ")]
    assert said == [
        "pipeline.yaml:11:7: error: step 'sum up': there is no function 'sum' in the module 'work'",
        "pipeline.yaml:12:7: error: step 'sum up': unknown field 'nxt'",
        "pipeline.yaml:15:7: error: step 'report': the shell does not understand the command: line 2: syntax error: unexpected end of file",
        "pipeline.yaml: 3 errors (4 steps)",
    ]


def said(result):
    return [line for line in result.out.splitlines() if not line.startswith("  ")]


def test_faults_in_the_structure_do_not_hide_those_of_the_data_flow(folder):
    folder.write("pipeline.yaml", PIPELINE.replace("next: sum up\n      on_failure", "next: sum\n      on_failure"))
    folder.write("work.py", WORK.replace("orders: dict", "orders: list[str]"))
    assert said(folder.magnus("check")) == [
        "pipeline.yaml:7:7: error: step 'fetch': next names 'sum', which is not a step",
        "pipeline.yaml:11:7: warning: step 'sum up': the argument 'orders' of work.sum_up() may be missing: "
        "it is not set when 'fetch' fails",
        "pipeline.yaml:11:7: error: step 'sum up': the argument 'rate' of work.sum_up() is set by no step before, "
        "and is no initial parameter",
        "pipeline.yaml:15:7: error: step 'report': the shell does not understand the command: line 2: syntax error: "
        "unexpected end of file",
        "pipeline.yaml:16:17: error: step 'report': no step before puts 'orders.csv' into the catalog",
        "pipeline.yaml: 4 errors, 1 warning (4 steps)",
    ]


@pytest.mark.parametrize(
    "fault", ["returns: [orders], max_attempts: soon", "retruns: [orders]", "returns: {orders: 1}"]
)
def test_what_a_step_sets_that_cannot_be_read_is_unknown_and_no_fault_of_others(folder, fault):
    folder.write(
        "pipeline.yaml",
        "dag:\n  start_at: a\n  steps:\n"
        f"    a: {{command: work.fetch, {fault}, next: b}}\n"
        "    b: {command: work.sum_up, next: success}\n",
    )
    folder.write("work.py", WORK.replace(" -> list[str]", "").replace("orders: dict", "orders: list"))
    found = folder.magnus("check", "--rate", "1").out
    assert "'orders' of work.sum_up()" not in found
    assert ": error: step 'a': " in found


@pytest.mark.parametrize("imports", [[], ["--no-import"]], ids=["importing", "not importing"])
@pytest.mark.parametrize(
    "name",
    sorted(str(file.relative_to(EXAMPLES)) for file in EXAMPLES.rglob("*.yaml") if file.name not in NO_PIPELINES),
)
def test_an_example(folder, name, imports):
    shutil.copytree((EXAMPLES / name).parent, folder.path, dirs_exist_ok=True)
    result = folder.magnus("check", Path(name).name, *ARGUMENTS.get(name, []), *imports)
    assert (result.status, result.out.partition(": ")[2].partition(" (")[0]) == (0, "nothing is wrong"), result.out


def test_the_program_among_the_examples(folder):
    shutil.copytree(EXAMPLES / "program", folder.path, dirs_exist_ok=True)
    assert folder.magnus("check", "pipeline.py").out == "pipeline.py: nothing is wrong (8 steps)\n"


def test_a_file_without_anything_in_it(folder):
    folder.write("pipeline.yaml", "")
    result = folder.magnus("check")
    assert (result.status, result.err) == (2, "")
    assert result.out == (
        "pipeline.yaml: error: the pipeline is empty\n"
        "  fix: write dag: {start_at: a, steps: {a: {command: module.function, next: success}}}\n"
        "pipeline.yaml: 1 error (0 steps)\n"
    )


@pytest.mark.parametrize(("more", "status"), [({}, 2), ({"on_failure": "success"}, 0)])
def test_a_secret_that_is_not_there(folder, more, status):
    step = {"command_type": "shell", "command": "true", "secrets": ["KEY"], "next": "success", **more}
    folder.write("pipeline.yaml", json.dumps({"dag": {"start_at": "a", "steps": {"a": step}}}, indent=1))
    folder.write(".env", "KEYS=value of a secret\n")
    folder.write("c.yaml", "secrets: {type: dotenv}\n")
    result = folder.magnus("check", "-c", "c.yaml")
    assert result.status == status
    assert "the secrets provider 'dotenv' has no secret 'KEY' in '.env'\n" in result.out
    assert "value of a secret" not in result.out + result.err


SEPARATE = """\
dag:
  start_at: make
  steps:
    make: {command: work.make, catalog: {put: [out/*]}, next: use}
    use: {command: work.use, next: got}
    got: {command: work.use, catalog: {get: [out/a.json]}, next: own}
    own: {command_type: shell, command: "cat ./out/a.json > out/b.json; wc -l < out/b.json", next: note}
    note: {command_type: notebook, command: n.ipynb, next: success}
"""


def test_a_file_that_an_earlier_step_put_and_that_is_not_brought(folder):
    cell = {"cell_type": "code", "metadata": {}, "source": "open('out/a.json')", "outputs": [], "execution_count": None}
    folder.write("n.ipynb", json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    folder.write(
        "work.py", "def make(): open('out/a.json', 'w')\ndef use():\n    open('out/a.json'); print('out of b.c')\n"
    )
    folder.write("pipeline.yaml", SEPARATE)
    volume = {"name": "v", "mount_path": str(folder.path / "v")}
    services = {
        "executor": {"type": "argo", "config": {"image": "i", "persistent_volumes": [volume]}},
        "run_log_store": {"type": "chunked-fs", "config": {"log_folder": str(folder.path / "v/runs")}},
        "catalog": {"type": "file-system", "config": {"catalog_location": str(folder.path / "v/catalog")}},
    }
    folder.write("argo.yaml", json.dumps(services))
    found = json.loads(folder.magnus("check", "-c", "argo.yaml", "--json").out)["problems"]
    warned = [
        (p["step"], p["severity"], p["message"].split("'")[1], p["line"])
        for p in found
        if "which a step before puts" in p["message"]
    ]
    assert warned == [
        ("use", "warning", "out/a.json", 5),
        ("own", "warning", "out/a.json", 7),
        ("note", "warning", "out/a.json", 8),
    ]
    assert "which a step before puts" not in folder.magnus("check").err


@pytest.mark.parametrize("provider", ["files", "dotenv"])
def test_a_file_of_secrets_that_only_pods_need_is_a_warning(folder, provider):
    step = {"type": "task", "command_type": "shell", "command": "true", "secrets": ["KEY"], "next": "success"}
    folder.write("pipeline.yaml", json.dumps({"dag": {"start_at": "a", "steps": {"a": step}}}))
    volume = {"name": "v", "mount_path": str(folder.path / "v")}
    services = {
        "executor": {"type": "argo", "config": {"image": "i", "persistent_volumes": [volume]}},
        "run_log_store": {"type": "chunked-fs", "config": {"log_folder": str(folder.path / "v/runs")}},
        "catalog": {"type": "do-nothing"},
        "secrets": {"type": provider, "config": {"folder": str(folder.path / "v/s")} if provider == "files" else {}},
    }
    folder.write("argo.yaml", json.dumps(services))
    checked = folder.magnus("check", "pipeline.yaml", "-c", "argo.yaml", "--json")
    [problem] = [each for each in json.loads(checked.out)["problems"] if "secrets provider" in each["message"]]
    assert (checked.status, problem["severity"]) == (0, "warning")
    assert problem["fix"] == "see that the machines of the steps have it, in the image or in a volume"
    del services["executor"], services["run_log_store"]
    folder.write("local.yaml", json.dumps(services))
    assert folder.magnus("check", "pipeline.yaml", "-c", "local.yaml").status == 2


@pytest.mark.parametrize("command", ["check", "execute"])
@pytest.mark.parametrize(
    ("family", "kind", "option"),
    [
        ("run_log_store", "file-system", "log_folder"), ("catalog", "file-system", "catalog_location"),
        ("secrets", "dotenv", "location"), ("secrets", "files", "folder"), ("run_log_store", "sql", "url"),
    ],
)  # fmt: skip
def test_an_option_with_a_zero_byte(folder, command, family, kind, option):
    folder.write("pipeline.yaml", '{"dag": {"start_at": "a", "steps": {"a": {"type": "stub", "next": "success"}}}}')
    folder.write("c.yaml", json.dumps({family: {"type": kind, "config": {option: "a\0b"}}}))
    result = folder.magnus(command, "pipeline.yaml", "-c", "c.yaml")
    assert result.status == 2
    assert f"error: {family} '{kind}': {option} holds a zero byte\n" in result.out + result.err


def test_a_wrong_store_does_not_make_another_error_of_the_default_in_its_place(folder):
    folder.write("pipeline.yaml", '{"dag": {"start_at": "a", "steps": {"a": {"type": "stub", "next": "success"}}}}')
    volume = {"name": "data", "mount_path": str(folder.path / "volume")}
    services = {
        "executor": {"type": "argo", "config": {"image": "i", "persistent_volumes": [volume]}},
        "run_log_store": {"type": "sql", "config": {"url": "postgresql://u:${DB_PASSWORD}@h/d"}},
        "catalog": {"type": "do-nothing"},
    }
    folder.write("argo.yaml", json.dumps(services))
    found = json.loads(folder.magnus("check", "pipeline.yaml", "-c", "argo.yaml", "--json").out)["problems"]
    assert [problem["message"] for problem in found] == ["the variable 'DB_PASSWORD' is not set"]


@pytest.mark.parametrize("command", ["check", "execute"])
def test_a_glob_that_leads_out(folder, command):
    step = {"command_type": "shell", "command": "true", "next": "success", "catalog": {"put": ["a", "../b"]}}
    folder.write("pipeline.yaml", json.dumps({"dag": {"start_at": "a", "steps": {"a": step}}}, indent=1))
    result = folder.magnus(command)
    assert result.status == 2
    assert (
        "pipeline.yaml:12:7: error: step 'a': the catalog pattern '../b' leads out of the data folder"
        in result.out + result.err
    )
    assert not (folder.path / ".run_log_store").exists()


def test_a_file_that_is_not_there(folder):
    result = folder.magnus("check", "gone.yaml", "--output", "json")
    assert result.status == 2
    assert json.loads(result.out)["problems"][0]["message"] == "the pipeline 'gone.yaml' does not exist"


@pytest.mark.parametrize(("name", "service"), [(".run_log_store", "run log store"), (".catalog", "catalog")])
def test_a_file_in_the_place_of_a_folder(folder, name, service):
    step = {"command_type": "shell", "command": "echo a > a", "next": "success", "catalog": {"put": "a"}}
    folder.write("pipeline.yaml", json.dumps({"dag": {"start_at": "a", "steps": {"a": step}}}, indent=1))
    folder.write(name, "")
    result = folder.magnus("check")
    assert result.status == 2
    assert (
        f"error: the {service} cannot write to '{folder.path / name}': a file is in the way\n  fix: remove it"
        in result.out
    )


def test_a_catalog_that_cannot_be_used_is_a_warning_where_nothing_is_kept(folder):
    step = {"command_type": "shell", "command": "true", "next": "success"}
    folder.write("pipeline.yaml", json.dumps({"dag": {"start_at": "a", "steps": {"a": step}}}, indent=1))
    folder.write("c.yaml", "catalog:\n  type: file-system\n  config:\n    catalog_location: c.yaml/there\n")
    result = folder.magnus("check", "-c", "c.yaml")
    assert (result.status, said(result)) == (
        0,
        [
            f"c.yaml:4:5: warning: the catalog cannot write to '{folder.path}/c.yaml/there': '{folder.path}/c.yaml' is a file",
            "pipeline.yaml: 1 warning (1 step)",
        ],
    )


ONLY_FAILS = {"start_at": "x", "steps": {"x": {"type": "stub", "next": "fail"}}}
MAY_SUCCEED = {"start_at": "x", "steps": {"x": {"type": "stub", "next": "success"}}}


@pytest.mark.parametrize(
    ("step", "line"),
    [
        ({"type": "stub", "next": "fail"}, 7),
        ({"type": "parallel", "branches": {"a": MAY_SUCCEED, "b": ONLY_FAILS}, "next": "success"}, 0),
        ({"type": "loop", "max_iterations": 2, "branch": ONLY_FAILS, "next": "success"}, 0),
        (
            {
                "type": "conditional",
                "parameter": "p",
                "branches": {"a": MAY_SUCCEED, "b": ONLY_FAILS},
                "next": "success",
            },
            None,
        ),
        ({"type": "dag", "dag": ONLY_FAILS, "next": "success", "on_failure": "success"}, None),
        ({"type": "map", "iterate_on": "p", "iterate_as": "i", "branch": ONLY_FAILS, "next": "success"}, None),
    ],
    ids=["next", "parallel", "loop", "conditional", "caught", "map"],
)
def test_a_pipeline_that_can_only_fail(folder, step, line):
    folder.write("pipeline.yaml", json.dumps({"dag": {"start_at": "a", "steps": {"a": step}}}, indent=1))
    found = said(folder.magnus("check", "--p", '["a"]' if step["type"] == "map" else "a"))
    message = "every path of the pipeline ends in its fail step, so no run succeeds"
    place = {7: "pipeline.yaml:7:5: warning: step 'a': ", 0: "pipeline.yaml: warning: "}
    assert [text for text in found if message in text] == ([] if line is None else [f"{place[line]}{message}"])


@pytest.mark.parametrize("command", ["check", "execute"])
def test_options_of_a_run_that_goes_on_with_another_one_need_that_one(folder, command):
    folder.write("pipeline.yaml", json.dumps({"dag": MAY_SUCCEED}))
    result = folder.magnus(command, "--strict")
    assert (result.status, result.out) == (2, "")
    assert "--strict " in result.err
    assert "name it with --use-cached RUN" in result.err


def test_a_plan_is_about_results_that_can_be_reused(folder):
    folder.write("pipeline.yaml", json.dumps({"dag": MAY_SUCCEED}))
    result = folder.magnus("execute", "--dry-run")
    assert (result.status, result.out) == (2, "")
    assert "--dry-run shows which results are reused, and no step of the pipeline has a cache" in result.err
    assert "write cache: true in a step, or name a run to resume with --use-cached RUN" in result.err
    assert folder.magnus("check", "--dry-run").status == 0  # it runs nothing in any case


def test_strict_is_about_what_changed_since(folder):
    folder.write("pipeline.yaml", json.dumps({"dag": MAY_SUCCEED}))
    assert folder.magnus("execute", "--run-id", "first").status == 0
    assert folder.magnus("check", "--use-cached", "first", "--strict").status == 0
    folder.write(
        "pipeline.yaml", json.dumps({"dag": {"start_at": "y", "steps": {"y": {"type": "stub", "next": "success"}}}})
    )
    found = folder.magnus("check", "--use-cached", "first", "--strict", "pipeline.yaml")
    assert (found.status, said(found)[:2]) == (
        2,
        [
            "error: the run 'first' cannot be resumed as it was: step 'y' is new",
            "error: the run 'first' cannot be resumed as it was: step 'x' is gone",
        ],
    )
    assert folder.magnus("check", "--use-cached", "first", "pipeline.yaml").status == 0


def test_the_help_names_what_has_an_effect(folder):
    text = folder.magnus("check", "--help").out
    assert [option in text for option in ("--json", "--strict", "--log-level", "--no-import")] == [True] * 4
    assert [option in text for option in ("--quiet", "--dry-run", "--tag", "--show-output", "--output")] == [False] * 5
    folder.write("pipeline.yaml", json.dumps({"dag": MAY_SUCCEED}))
    assert folder.magnus("check", "-q", "--tag", "x", "--show-output", "none").status == 0


@pytest.mark.parametrize("call", ["sys.exit", "os._exit"])
def test_a_module_that_ends_the_program(folder, call):
    folder.write("work.py", f"import os, sys\n\n{call}(3)\n\n\ndef f():\n    return 1\n")
    steps = {"a": {"command": "work.f", "next": "b"}, "b": {"command": "gone.f", "next": "success"}}
    folder.write("pipeline.yaml", json.dumps({"dag": {"start_at": "a", "steps": steps}}))
    result = folder.magnus("check")
    assert (result.status, result.err) == (2, "")
    assert f"step 'a': 'work' cannot be imported: it ends the program with {call}(3) (work.py:3)\n" in result.out
    assert "step 'b': there is no module 'gone'" in result.out
