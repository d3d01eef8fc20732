"""Names of steps and branches are text as written, whatever YAML makes of them, and so are the fields that name them."""

import json

import pytest

from magnus.definition.loader import load
from magnus.errors import InvalidDefinition

WORDS = ["no", "on", "yes", "Off", "1", "007", "0x1F", "1_000", "12:30", "null", "~", "2020-01-01", "true", "=", "<<"]


def loaded(tmp_path, text, name="p.yaml"):
    (tmp_path / name).write_text(text)
    return load(str(tmp_path / name), {})


def quoted(word):
    return "'<<'" if word == "<<" else word


@pytest.mark.parametrize("word", WORDS)
def test_a_step_is_called_as_it_is_written_wherever_it_is_named(tmp_path, word):
    word_as_key = quoted(word)
    text = f"""
dag:
  start_at: {word}
  steps:
    {word_as_key}: {{type: stub, next: p}}
    p:
      type: parallel
      next: t
      on_failure: {word}x
      overrides: {{argo: {word}x}}
      branches:
        {word_as_key}: {{start_at: {word}, steps: {{{word_as_key}: {{type: stub, next: success}}}}}}
    {word}x: {{command: w.f, next: success, on_failure: {word}y}}
    {word}y: {{type: stub, next: success}}
    t: {{type: dag, next: success, dag: {{start_at: {word}, steps: {{{word_as_key}: {{type: stub, next: success}}}}}}}}
"""
    pipeline = loaded(tmp_path, text)
    assert pipeline.graph.start_at == word
    assert list(pipeline.graph.nodes)[:2] == [word, "p"]
    parallel = pipeline.graph.nodes["p"]
    assert parallel.overrides == {"argo": f"{word}x"}
    assert [(key, graph.start_at) for key, graph in parallel.branches.graphs.items()] == [(word, word)]
    assert [step.step for step in pipeline.steps] == [word, f"p/{word}/{word}", "p", f"{word}x", f"{word}y", f"t/{word}", "t"]  # fmt: skip
    assert pipeline.dag["start_at"] == word


@pytest.mark.parametrize("word", ["on", "1", "2020-01-01"])
def test_overrides_are_named_as_they_are_written(tmp_path, word):
    text = (
        f"dag: {{start_at: a, steps: {{a: {{type: task, command: w.f, next: success, overrides: {{argo: {word}}}}}}}}}"
    )
    assert loaded(tmp_path, text).graph.nodes["a"].overrides == {"argo": word}


def test_next_that_is_nothing_is_missing_unless_a_step_is_called_so(tmp_path):
    with pytest.raises(InvalidDefinition, match="step 'a': next must be text, not nothing"):
        loaded(tmp_path, "dag: {start_at: a, steps: {a: {type: stub, next: null}}}")
    text = "dag: {start_at: a, steps: {a: {type: stub, next: null}, null: {type: stub, next: success}}}"
    assert loaded(tmp_path, text).graph.nodes["a"].next == "null"


def test_a_json_file_names_steps_by_its_own_words(tmp_path):
    steps = {"1": {"type": "stub", "next": True}, "true": {"type": "stub", "next": "success"}}
    graph = loaded(tmp_path, json.dumps({"dag": {"start_at": 1, "steps": steps}}), "p.json").graph
    assert (graph.start_at, graph.nodes["1"].next) == ("1", "true")


def test_yaml_and_json_of_one_pipeline_have_one_hash(tmp_path):
    steps = {"no": {"type": "stub", "next": "on"}, "on": {"type": "stub", "next": "success"}}
    as_json = loaded(tmp_path, json.dumps({"dag": {"start_at": "no", "steps": steps}}), "p.json")
    text = "dag:\n  start_at: no\n  steps:\n    no: {type: stub, next: on}\n    on: {type: stub, next: success}\n"
    assert loaded(tmp_path, text).dag_hash == as_json.dag_hash
