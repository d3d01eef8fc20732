"""One fault hides no other, and is said once."""

import pytest

from magnus.definition.loader import examine
from magnus.errors import in_order


def said(tmp_path, text):
    file = tmp_path / "p.yaml"
    file.write_text(text)
    found = examine(str(file), {})
    assert found.pipeline is None
    return [str(problem).partition("\n")[0].replace(f"{tmp_path}/", "") for problem in in_order(found.problems)]


TWO = """\
dag:
  start_at: a
  steps:
    a: {command: w.f, next: b}
    b: {command: w.g, next: success}
"""


@pytest.mark.parametrize(
    ("old", "new", "messages"),
    [
        ("start_at: a", "start: a", ["p.yaml:2:3: error: unknown field 'start'"]),
        ("steps:", "stps:", ["p.yaml:3:3: error: unknown field 'stps'"]),
        ("dag:", "dga:", ["p.yaml:1:1: error: unknown field 'dga'"]),
        ("start_at: a", "start_at: [a]", ["p.yaml:2:3: error: start_at must be the name of a step"]),
        ("next: b", "next: bb", ["p.yaml:4:23: error: step 'a': next names 'bb', which is not a step"]),
        ("next: b", "nxt: b", ["p.yaml:4:23: error: step 'a': unknown field 'nxt'"]),
        ("next: b", "next: .nan", ["p.yaml:4:29: error: .nan is no JSON value"]),
        ("next: b", 'next: "${b}"', ["p.yaml:4:29: error: step 'a': the variable 'b' is not set"]),
        ("w.f", '"${f}"', ["p.yaml:4:18: error: step 'a': the variable 'f' is not set"]),
        ("command: w.f", "command: w.f, command: w.h", [
            "p.yaml:4:23: error: the key 'command' stands here a second time, the first is in line 4",
        ]),
        ("{command: w.f, next: b}", "", ["p.yaml:4:5: error: step 'a' has no fields"]),
        ("{command: w.f,", "{type: tsk, command: w.f,", ["p.yaml:4:9: error: step 'a': unknown node type 'tsk'"]),
        ("{command: w.f,", "{timeout: soon, command: w.f,", [
            "p.yaml:4:9: error: step 'a': timeout must be a number of seconds or text such as 1h30m, not 'soon'",
        ]),
        ("{command: w.f,", "{type: dag, dag_definition: gone.yaml,", [
            "p.yaml:4:20: error: step 'a': the pipeline 'gone.yaml' does not exist",
        ]),
    ],
)  # fmt: skip
def test_a_fault_is_said_once_and_hides_none(tmp_path, old, new, messages):
    other = "p.yaml:5:23: error: step 'b': unknown field 'nexxt'"
    assert said(tmp_path, TWO.replace(old, new).replace("next: success", "nexxt: success")) == [*messages, other]


def test_faults_in_a_file_that_is_included(tmp_path):
    (tmp_path / "other.yaml").write_text("dag:\n  start_at: x\n  steps:\n    x: {command: w.f, next: .inf}\n")
    text = TWO.replace("{command: w.f,", "{type: dag, dag_definition: other.yaml,").replace("success", "sucess")
    assert said(tmp_path, text) == [
        "other.yaml:4:29: error: .inf is no JSON value",
        "p.yaml:5:23: error: step 'b': next names 'sucess', which is not a step",
    ]


def test_without_dag_the_pipeline_is_looked_at_all_the_same(tmp_path):
    text = "\n".join(line[2:] for line in TWO.splitlines()[1:]).replace("next: b", "next: bb")
    assert said(tmp_path, text) == [
        "p.yaml:1:1: error: 'dag' is missing",
        "p.yaml:3:21: error: step 'a': next names 'bb', which is not a step",
    ]


INNER = """\
dag:
  start_at: each
  steps:
    each:
      type: map
      iterate_onn: xs
      iterate_as: x
      branch:
        start_at: q
        steps:
          q: {command: w.f, on_failure: r, next: q}
          r: {command: w.f, max_attempts: two, next: succes}
      next: success
"""


def test_pipelines_in_a_step_that_cannot_be_read(tmp_path):
    assert said(tmp_path, INNER) == [
        "p.yaml:6:7: error: step 'each': unknown field 'iterate_onn'",
        "p.yaml:11:44: error: step 'each/q': the steps form a cycle: q -> q",
        "p.yaml:12:29: error: step 'each/r': max_attempts must be a whole number, not 'two'",
        "p.yaml:12:48: error: step 'each/r': next names 'succes', which is not a step",
    ]


@pytest.mark.parametrize(
    "step",
    [
        "{type: fail, name: x}",
        "{type: dag, name: x, dag_definition: p.yaml, next: success}",
        "{type: map, name: x, iterate_on: a, iterate_as: b, branch: {}, next: success}",
    ],
)
def test_the_name_of_a_step_is_its_key_and_no_field(tmp_path, step):
    message = "p.yaml:5:{}: error: step 'b': unknown field 'name'"
    column = 9 + step[1:].index("name")
    assert message.format(column) in said(tmp_path, TWO.replace("{command: w.g, next: success}", step))
