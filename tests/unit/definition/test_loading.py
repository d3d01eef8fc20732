import pytest

from magnus.definition.field_types import seconds
from magnus.definition.loader import load
from magnus.definition.yaml_text import parse
from magnus.errors import InvalidDefinition


def loaded(tmp_path, text, **variables):
    file = tmp_path / "p.yaml"
    file.write_text(text)
    return load(str(file), {f"MAGNUS_VAR_{name}": value for name, value in variables.items()})


def problems(tmp_path, text):
    with pytest.raises(InvalidDefinition) as caught:
        loaded(tmp_path, text)
    return [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]


TASK = "dag:\n  start_at: a\n  steps:\n    a:\n      command: f\n      next: success\n"


def value(text):
    return parse(text, "p.yaml", InvalidDefinition, "the pipeline").value


@pytest.mark.parametrize(
    ("written", "expected"),
    [(5, 5), (0.5, 0.5), ("90", 90), ("90s", 90), ("1h30m", 5400), ("1500ms", 1.5), ("1d 2 h", 93600)],
)
def test_durations(written, expected):
    assert seconds(written) == expected


@pytest.mark.parametrize("written", ["", "soon", "5 parsecs", True, None, "h"])
def test_what_is_no_duration(written):
    with pytest.raises(ValueError, match="must be a number of seconds or text such as 1h30m"):
        seconds(written)


def test_a_task_with_everything(tmp_path):
    pipeline = loaded(
        tmp_path,
        TASK
        + "      command_type: shell\n      strict: true\n      retry: 3\n      retry_delay: 1m\n      timeout: 1h\n"
        + "      returns: [x, {name: y, kind: metric}]\n      secrets: token\n      catalog: {get: a, put: [b, c]}\n",
    )
    node = pipeline.graph.nodes["a"]
    assert (node.max_attempts, node.retry_delay, node.timeout) == (3, 60, 3600)
    assert node.task.options == {"strict": True}
    assert [(item.name, item.kind) for item in node.task.returns] == [("x", "json"), ("y", "metric")]
    assert (node.secrets, node.catalog.get, node.catalog.put) == (("token",), ("a",), ("b", "c"))
    assert list(pipeline.graph.nodes) == ["a", "success", "fail"]


def test_wrong_fields_are_said_in_our_words(tmp_path):
    found = problems(
        tmp_path,
        TASK
        + "      max_attempts: two\n      timeout: soon\n      catalog: {gte: x}\n      returns: [{name: x, kind: y}]\n",
    )
    assert found == [
        "p.yaml:7:7: error: step 'a': max_attempts must be a whole number, not 'two'\n  fix: write a whole number",
        "p.yaml:8:7: error: step 'a': timeout must be a number of seconds or text such as 1h30m, not 'soon'\n  fix: write a number of seconds or text such as 1h30m",
        "p.yaml:9:17: error: step 'a': unknown field 'catalog.gte'\n  fix: did you mean 'get'?",
        "p.yaml:10:27: error: step 'a': returns.0.kind must be 'json', 'object' or 'metric', not 'y'\n  fix: write one of them",
    ]


def test_terminals_have_the_names_that_are_written(tmp_path):
    text = TASK.replace("next: success", "next: done") + "    done: {type: success}\n    broken: {type: fail}\n"
    assert list(loaded(tmp_path, text).graph.nodes) == ["a", "done", "broken"]


def test_the_name_of_a_terminal_may_be_taken(tmp_path):
    text = TASK + "    fail: {type: stub, next: success}\n"
    [problem] = problems(tmp_path, text)
    assert problem == (
        "p.yaml:7:5: error: step 'fail': the pipeline has no step of type fail, and this step has the name it would get\n"
        "  fix: give it another name, or add a step of type fail"
    )


def test_a_step_that_nothing_leads_to_is_a_warning(tmp_path):
    [warning] = loaded(tmp_path, TASK + "    b: {type: stub, next: a}\n").warnings
    assert (warning.severity, warning.step, warning.location.line) == ("warning", "b", 7)


def test_variables_are_replaced_and_the_hash_is_taken_before(tmp_path):
    text = TASK.replace("command: f", 'command: "${m}.f $${m} ${x:-y}"')
    one, other = loaded(tmp_path, text, m="a"), loaded(tmp_path, text, m="b")
    assert one.graph.nodes["a"].task.command == "a.f ${m} ${x:-y}"
    assert one.variables == {"m"}
    assert one.dag_hash == other.dag_hash


def test_the_hash_knows_words_that_mean_the_same(tmp_path):
    one = loaded(tmp_path, TASK + "      retry: 2\n      description: x\n    s: {type: as-is, next: a} # c\n")
    other = loaded(tmp_path, TASK + "      max_attempts: 2\n    s:\n      next: a\n      type: stub\n")
    assert one.dag_hash == other.dag_hash


def test_yaml_values():
    assert value("a: 2024-01-31\nb: on\nc: '1'\n") == {"a": "2024-01-31", "b": True, "c": "1"}
    assert value("true: 1\n1: 2\nnull: 3\n") == {"true": 1, "1": 2, "null": 3}
    assert value("base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\n")["more"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: .nan\n", "p.yaml:1:4: error: .nan is no JSON value\n  fix: put it in quotes to make it text"),
        ("a: [1\n", "p.yaml:2:1: error: this is not YAML: "),
        ("a: &a [*a]\n", "p.yaml:1:4: error: an alias stands inside what it stands for\n  fix: write it out"),
        ("a: 1\na: 2\n", "p.yaml:2:1: error: the key 'a' stands here a second time, the first is in line 1"),
        ("a: !!set {x}\n", "p.yaml:1:4: error: a value of the type 'set' is no JSON value"),
        ("a: !mine x\n", "p.yaml:1:4: error: 'x' is no value of the type 'mine'"),
    ],
)
def test_what_is_no_value(text, message):
    with pytest.raises(InvalidDefinition) as caught:
        value(text)
    assert str(caught.value).startswith(message)


def test_aliases_that_multiply_are_refused():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(InvalidDefinition, match="multiply without end"):
        value("\n".join(lines))
