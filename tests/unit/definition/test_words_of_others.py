"""Words that other tools have for a thing, or that are easily taken for another, and what is said of them."""

import pytest

from magnus.definition.loader import examine

PIPELINE = "dag:\n  start_at: a\n  steps:\n    a: {STEP, next: success}\n"


def fixes(tmp_path, text):
    (tmp_path / "p.yaml").write_text(text)
    return {problem.message: problem.fix for problem in examine(str(tmp_path / "p.yaml"), {}).problems}


@pytest.mark.parametrize(
    ("step", "message", "fix"),
    [
        ("type: python, command: w.f", "unknown node type 'python'", "write command_type: python; the type is task, or is left out"),
        ("type: map, over: xs, iterate_as: x, branch: {}", "unknown field 'over'", "did you mean 'iterate_on'?"),
        ("type: map, iterate_on: [1], iterate_as: x, branch: {}", "iterate_on must be text, not [1]", "name a parameter, and give it that list in a parameters file"),
        ("type: parallel, branches: [1]", "branches must be a mapping, not [1]", "write each branch as '<name>:', with its pipeline indented below it"),
        ("command: w.f, returns: x", "returns must be a list, not 'x'", "write it as [x], or as lines that start with '- '"),
    ],
)  # fmt: skip
def test_fields(tmp_path, step, message, fix):
    assert fixes(tmp_path, PIPELINE.replace("STEP", step)).get(message) == fix


def test_a_step_of_a_command_type_is_read_as_a_task(tmp_path):
    text = PIPELINE.replace("STEP", "type: shell, command: ls, max_attempts: 0")
    assert list(fixes(tmp_path, text)) == ["unknown node type 'shell'", "max_attempts must be at least 1, not 0"]


def test_what_stands_beside_dag(tmp_path):
    found = fixes(tmp_path, "name: mine\nversion: 1\n" + PIPELINE.replace("STEP", "type: stub"))
    assert found == {"unknown field 'name'": "write it under dag:", "unknown field 'version'": "there is 'dag'"}


def test_a_branch_that_is_no_pipeline_is_said_though_the_step_is_wrong_too(tmp_path):
    text = PIPELINE.replace("STEP", "type: map, iterate_on: [1], iterate_as: x, branch: {one: {command: w.f}}")
    assert {"'steps' is missing", "unknown field 'one'"} < set(fixes(tmp_path, text))
