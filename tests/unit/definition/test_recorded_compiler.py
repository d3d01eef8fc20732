"""The pipeline of an existing run is the one that was checked when the run was created, with nodes made when they are read."""

import json
from pathlib import Path

import pytest

from magnus.definition.loader import load, load_recorded
from magnus.definition.nodes import unknown_type
from magnus.definition.recorded_compiler import steps_of
from magnus.errors import InvalidDefinition
from magnus.graph.nodes import CompositeNode, TerminalNode, graphs_of

CORPUS = Path(__file__).parents[2] / "corpus"
ENVIRONMENT = {"MAGNUS_VAR_name": "x", "MAGNUS_VAR_command": "c"}


def recorded(pipeline, environment=None):
    dags = json.loads(json.dumps({**pipeline.included, pipeline.file: pipeline.dag}))
    return load_recorded(
        pipeline.file,
        dags,
        environment or {},
        unknown_type,
        dag_hash=pipeline.dag_hash,
        variables=pipeline.variables,
    )


def loaded(folder, text, environment=None):
    file = folder / "p.yaml"
    file.write_text(text)
    return load(str(file), environment or {})


def check_outlines(graph):
    """What an outline says is what the node says."""
    for name, outline in graph.outlines.items():
        node = graph.nodes[name]
        assert (outline.edges, outline.outcome) == (node.edges, node.outcome)
        if isinstance(node, CompositeNode):
            for inner in graphs_of(node):
                check_outlines(inner)
        elif not isinstance(node, TerminalNode):
            assert (outline.command, outline.on_failure) == (node.command, node.on_failure)
            assert outline.secrets == node.secrets


@pytest.mark.parametrize("file", sorted(CORPUS.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_pipeline_of_the_corpus_is_the_same_from_its_record(file, monkeypatch):
    monkeypatch.chdir(CORPUS)
    whole = load(file.name, ENVIRONMENT)
    again = recorded(whole, ENVIRONMENT)
    check_outlines(again.graph)
    assert again.graph == whole.graph
    assert sorted(place.step for place in again.steps) == sorted(place.step for place in whole.steps)
    for name in whole.graph.nodes:
        if f"{name} on failure" in whole.graph.nodes:  # the steps in it have places of their own
            continue
        steps = {place.step: place.node for place in steps_of(whole.steps, name)}
        assert {place.step: place.node for place in steps_of(recorded(whole, ENVIRONMENT).steps, name)} == steps


CHAIN = "dag: {steps: {a: {command: m.a, secrets: key}, b: {command: m.b, on_failure: c}, c: {command: m.c}}}\n"


def test_the_node_that_is_read_is_the_only_one_that_is_made(tmp_path):
    pipeline = recorded(loaded(tmp_path, CHAIN))
    assert [place.step for place in steps_of(pipeline.steps, "b")] == ["b"]
    assert pipeline.graph.nodes["b"] is pipeline.graph.nodes["b"]
    assert pipeline.graph.way_of_successes() == ["a", "b", "c", "success"]
    assert [(task.command, task.secrets) for task in pipeline.graph.task_outlines()] == [
        ("m.a", ("key",)),
        ("m.b", ()),
        ("m.c", ()),
    ]
    assert pipeline.steps._made == list(steps_of(pipeline.steps, "b"))
    assert list(pipeline.graph.nodes) == ["a", "b", "c", "success", "fail"]
    with pytest.raises(KeyError):
        pipeline.graph.nodes["d"]


def test_a_step_that_this_process_cannot_read_is_an_error_when_it_is_read(tmp_path):
    pipeline = loaded(tmp_path, CHAIN)
    pipeline.dag["steps"]["b"]["max_attempts"] = "many"
    again = recorded(pipeline)
    assert again.graph.nodes["a"].command == "m.a"
    with pytest.raises(InvalidDefinition, match="max_attempts"):
        again.graph.nodes["b"]


def test_a_step_of_a_package_that_is_missing_is_an_error_at_once(tmp_path):
    pipeline = loaded(tmp_path, CHAIN)
    pipeline.dag["steps"]["b"]["type"] = "of a package"
    with pytest.raises(InvalidDefinition, match="unknown node type 'of a package'"):
        recorded(pipeline)
