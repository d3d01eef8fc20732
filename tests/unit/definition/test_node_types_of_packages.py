"""Steps of a node type of another package are checked as those of magnus are, when the file is read."""

from importlib.metadata import EntryPoint

import pytest
from acme_magnus.node_type import Repeat

from magnus.app.composition.file_schemas import pipeline_schema
from magnus.definition.loader import load
from magnus.errors import InvalidDefinition, Location

PIPELINE = """\
dag:
  start_at: again
  steps:
    again:
      type: repeat
      {field}
      branch: {{start_at: a, steps: {{a: {{type: stub, next: success}}}}}}
      next: success
"""


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def load_with(field):
        (tmp_path / "p.yaml").write_text(PIPELINE.format(field=field))
        return load("p.yaml", {}, lambda _word: Repeat)

    return load_with


def test_a_step_with_the_right_fields_is_read(loaded):
    assert loaded("times: 3").graph.nodes["again"].written_as == "repeat"


@pytest.mark.parametrize(
    ("field", "message", "fix"),
    [
        ("tmes: 3", "unknown field 'tmes'", "did you mean 'times'?"),
        ("times: 0", "times must be at least 1, not 0", "write at least 1"),
    ],
)
def test_a_wrong_field_is_refused_with_its_place_and_a_near_match(loaded, field, message, fix):
    with pytest.raises(InvalidDefinition) as caught:
        loaded(field)
    [problem] = caught.value.problems
    assert (problem.message, problem.fix, problem.step) == (message, fix, "again")
    assert problem.location == Location("p.yaml", 6, 7)


def test_names_of_steps_inside_are_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inner = "{start_at: a, steps: {a: {type: stub, next: no}, no: {type: stub, next: success}}}"
    (tmp_path / "p.yaml").write_text(PIPELINE.format(field="times: 3").replace("branch: {", f"branch: {inner} #"))
    [graph] = [
        place.node.branches.graph for place in load("p.yaml", {}, lambda _word: Repeat).steps if place.step == "again"
    ]
    assert graph.nodes["a"].next == "no"


def test_the_schema_has_the_fields_of_the_node_type():
    offered = EntryPoint("repeat", "acme_magnus.node_type:Repeat", "magnus.nodes")
    schema = pipeline_schema(entry_points=lambda group: (offered,) if group == "magnus.nodes" else ())
    assert set(schema["$defs"]["repeat step"]["required"]) == {"branch", "times"}
    assert "repeat" in [word.get("const") for word in schema["$defs"]["step"]["properties"]["type"]["anyOf"]]
