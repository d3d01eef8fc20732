"""Values and names as users write them, by every way there is to give them, through the whole command."""

import json
import subprocess

import pytest

PIPELINE = """
dag:
  start_at: no
  steps:
    no: {type: task, command: work.fit, next: 1}
    1:
      type: parallel
      next: success
      branches:
        on: {start_at: 0x1, steps: {0x1: {type: task, command: work.of_model, next: success}}}
        off: {start_at: a, steps: {a: {type: stub, next: success}}}
"""
WORK = """
def fit(learning_rate: float):
    return {"y": learning_rate * 2}

def of_model(model):
    return {"n": model["test_size"]}
"""
PARAMETERS = {"model": {"test_size": 0.25}, "learning_rate": 1e-05}


@pytest.fixture
def project(folder):
    folder.write("p.yaml", PIPELINE)
    folder.write("work.py", WORK)
    folder.write("parameters.json", json.dumps(PARAMETERS))
    return folder


def test_names_that_yaml_takes_for_something_else_are_names_in_the_run_log(project):
    result = project.magnus("execute", "p.yaml", "-p", "parameters.json")
    assert result.status == 0, result.err
    assert list(result.log["steps"]) == ["no", "1", "success"]
    assert list(result.log["steps"]["1"]["branches"]) == ["on", "off"]
    assert result.log["parameters"] == {**PARAMETERS, "y": 2e-05, "n": 0.25}


def test_what_is_overridden_by_dots_is_there_for_the_steps_and_in_a_resumed_run(project):
    first = project.magnus("execute", "p.yaml", "-p", "parameters.json", "--model.test_size", "0.4", "--run-id", "a")
    assert (first.status, first.log["parameters"]["n"]) == (0, 0.4)
    project.write("more.yaml", "model.test_size: 0.9\n")
    again = project.magnus("retry", "a", "-p", "more.yaml")
    assert (again.status, again.log["parameters"]["model"]) == (0, {"test_size": 0.9})


def test_a_misspelt_option_is_a_warning_of_execute_and_of_check(project):
    options = ("p.yaml", "-p", "parameters.json", "--lerning_rate", "3", "--learning-rate", "1")
    said = [
        "warning: --learning-rate fills the parameter 'learning_rate'; there is none called 'learning-rate'\n"
        "  fix: write --learning_rate\n",
        "warning: no step uses the parameter 'lerning_rate'\n  fix: did you mean 'learning_rate'?\n",
    ]
    executed = project.magnus("execute", *options)
    assert (executed.status, executed.log["parameters"]["y"]) == (0, 2.0)
    assert [text for text in said if text in executed.err] == said
    checked = project.magnus("check", *options)
    assert checked.status == 0
    assert [text for text in said if text in checked.out + checked.err] == said


def test_nothing_is_said_of_parameters_where_steps_are_mocked(project):
    project.write("c.yaml", "executor: {type: mocked}\n")
    result = project.magnus("execute", "p.yaml", "-p", "parameters.json", "-c", "c.yaml", "--whatever", "3")
    assert result.status == 0
    assert "no step uses" not in result.err


@pytest.mark.parametrize(
    ("text", "reason"),
    [("1e400", "is too large for a number"), ("9" * 5000, "is an integer of more than 4300 digits")],
    ids=["number", "integer"],
)
def test_a_value_that_nothing_can_hold_is_one_error_by_each_way(project, text, reason):
    project.write("wrong.yaml", f"learning_rate: {text}\n")
    ways = [
        (("-p", "wrong.yaml"), {}),
        (("-p", "parameters.json", "--learning_rate", text), {}),
        (("-p", "parameters.json"), {"MAGNUS_PRM_learning_rate": text}),
    ]
    for options, environment in ways:
        result = project.magnus("execute", "p.yaml", *options, env=environment)
        assert result.status == 2
        assert result.err.count("error: ") == 1
        assert reason in result.err
        assert "Traceback" not in result.err


def test_a_shell_that_exports_such_a_value_fails_its_step(folder):
    steps = {"a": {"type": "task", "command_type": "shell", "command": "export MAGNUS_PRM_x=1e400", "next": "success"}}
    folder.write("p.json", json.dumps({"dag": {"start_at": "a", "steps": steps}}))
    result = folder.magnus("execute", "p.json")
    assert result.status == 1
    message = result.log["steps"]["a"]["message"]
    assert message == "the value of the exported variable MAGNUS_PRM_x is too large for a number"


def test_a_pipeline_that_json_wrote_is_read_as_json(folder):
    steps = {"\U0001f600": {"type": "stub", "next": "success"}}
    folder.write("p.json", json.dumps({"dag": {"start_at": "\U0001f600", "steps": steps}}))
    result = folder.magnus("execute", "p.json")
    assert (result.status, list(result.log["steps"])) == (0, ["\U0001f600", "success"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"dag": {"steps": {"a": {}, "a": {}}}}', "p.json:1:29: error: the key 'a' stands here a second time"),
        ('{"dag":\n {"steps": NaN}}', "p.json:2:12: error: NaN is no JSON value"),
        ('{"dag":\n {"steps": 1,}}', "p.json:2:14: error: this is not JSON: "),
        ("[" * 100_000, "p.json:"),
        ('{"a": ' * 300 + "1" + "}" * 300, "p.json:1:1201: error: this value has more than 200 lists and mappings"),
    ],
    ids=["twice", "nan", "comma", "open", "deep"],
)
def test_what_is_wrong_with_a_json_file_has_a_place(folder, text, message):
    folder.write("p.json", text)
    result = folder.magnus("check", "p.json")
    assert result.status == 2
    assert (result.out + result.err).startswith(message)


def bomb(depth=40):
    """Merge keys three times each, again and again: 3 ** depth values."""
    lines = ["dag: &b0 {type: stub}"]
    lines += [f"x{n}: &b{n}\n  <<: [*b{n - 1}, *b{n - 1}, *b{n - 1}]\n  k{n}: 1" for n in range(1, depth)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "bomb.yaml"),
        ("execute", "p.yaml", "-p", "bomb.yaml"),
        ("execute", "p.yaml", "-c", "bomb.yaml"),
        ("simulate", "bomb.yaml"),
        ("graph", "bomb.yaml"),
    ],
    ids=lambda arguments: arguments[0] + arguments[-2],
)
def test_aliases_that_multiply_are_one_error_in_every_reader(project, arguments):
    project.write("bomb.yaml", bomb())
    result = project.magnus(*arguments)
    assert result.status == 2
    assert "the aliases of this file multiply without end" in result.out + result.err
    assert "Traceback" not in result.err


def test_runs_leave_nothing_for_git_to_see(project):
    subprocess.run(["git", "init", "-q", "."], cwd=project.path, check=True)
    project.write("c.yaml", "run_log_store: {type: chunked-fs, config: {log_folder: .logs}}\n")
    before = sorted(path.name for path in project.path.iterdir())
    for more in ((), ("-c", "c.yaml")):
        assert project.magnus("execute", "p.yaml", "-p", "parameters.json", *more).status == 0
    status = subprocess.run(
        ["git", "status", "--short", "--untracked-files=all"],
        cwd=project.path,
        check=True,
        capture_output=True,
        text=True,
    )
    seen = {line.split()[-1] for line in status.stdout.splitlines()}
    assert not [name for name in seen if name.startswith((".run_log_store", ".catalog", ".logs"))]
    assert {".run_log_store", ".logs"} <= {path.name for path in project.path.iterdir()} - set(before)
    assert (project.path / ".run_log_store" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("run_id", ["latest", "a\x1b[2Jb", "..", "-x", "a/b"])
def test_a_run_id_that_cannot_be_one_is_refused_without_steering_the_terminal(project, run_id):
    result = project.magnus("execute", "p.yaml", "-p", "parameters.json", f"--run-id={run_id}")
    assert result.status == 2
    assert result.err.startswith("error: '")
    assert "\x1b" not in result.err
    assert project.runs() == []


def test_words_of_other_generations_in_a_configuration_are_understood_with_a_warning(project):
    text = "pipeline-executor: {type: local, config: {overrides: {}}}\nrun-log-store: {type: buffered}\n"
    project.write("c.yaml", text)
    result = project.magnus("execute", "p.yaml", "-p", "parameters.json", "-c", "c.yaml", "--log-level", "FATAL")
    assert result.status == 0
    assert "c.yaml:1:1: warning: 'pipeline-executor' is called 'executor' here\n  fix: write executor:\n" in result.err
    assert "c.yaml:2:1: warning: 'run-log-store' is called 'run_log_store' here\n" in result.err
    assert project.runs() == []


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_an_empty_configuration_configures_nothing(project, text):
    project.write("c.yaml", text)
    assert project.magnus("execute", "p.yaml", "-p", "parameters.json", "-c", "c.yaml").status == 0


def test_the_parameters_file_of_the_defaults_is_for_runs_that_name_no_other(project):
    project.write("magnus-config.yaml", "defaults: {parameters_file: parameters.json}\n")
    first = project.magnus("execute", "p.yaml", "--run-id", "first")
    assert first.status == 0, first.err
    log = json.loads(first.out)
    assert log["parameters"]["y"] == 2e-05
    assert log["run_config"]["parameters_file"] == "parameters.json"
    project.write("other.json", json.dumps({**PARAMETERS, "learning_rate": 2}))
    assert json.loads(project.magnus("execute", "p.yaml", "-p", "other.json").out)["parameters"]["y"] == 4
    assert project.magnus("check", "p.yaml").status == 0
    project.write("parameters.json", json.dumps({**PARAMETERS, "learning_rate": 3}))
    again = project.magnus("retry", "first", "--from", "no")
    assert again.status == 0, again.err
    assert json.loads(again.out)["parameters"]["y"] == 2e-05  # a resumed run keeps its parameters
