"""The failures that Argo reports of a workflow: quoted, cut, and with names of its own."""

import json

import pytest

from magnus.graph.path import BranchPath
from magnus.interfaces.transpiler import ExplainsFailures
from magnus.transpilers.argo import ArgoTranspiler
from magnus.transpilers.argo.failures import failure_reasons

FAILURES = [
    {"displayName": "a step(0)", "message": 'Pod was "rejected":\n\ttoo bäd 😀', "phase": "Failed"},
    {"displayName": "a step", "message": "No more retries left", "phase": "Failed"},
    {"displayName": 'each(2:{"x":1})', "message": "OOMKilled (exit code 137)", "phase": "Failed"},
    {"displayName": "pipeline", "message": "child 'x-123' failed", "phase": "Failed"},
    {"displayName": "no-message", "message": "", "phase": "Error"},
]
TEXT = json.dumps(FAILURES, ensure_ascii=False)
QUOTED = json.dumps(TEXT, ensure_ascii=False)
REJECTED = 'Pod was "rejected":\n\ttoo bäd 😀'
KILLED = "OOMKilled (exit code 137)"
STEPS = [BranchPath().step(name) for name in ("A step", "each", "pipeline", "no-message", "other")]


def test_the_transpiler_explains_failures():
    assert issubclass(ArgoTranspiler, ExplainsFailures)


@pytest.mark.parametrize("text", [TEXT, QUOTED], ids=["plain", "quoted"])
def test_reasons_are_found_by_the_names_of_steps(text):
    reasons = failure_reasons(text, STEPS)
    assert reasons.steps == {STEPS[0]: REJECTED, STEPS[1]: KILLED}
    assert reasons.messages == (REJECTED, KILLED)
    assert reasons.advice == ""
    assert not reasons.is_stop


@pytest.mark.parametrize("text", [TEXT, QUOTED], ids=["plain", "quoted"])
def test_a_text_cut_anywhere_gives_the_reasons_that_are_whole(text):
    whole = failure_reasons(text, STEPS).messages
    lengths = set()
    for length in range(len(text)):
        messages = failure_reasons(text[:length], STEPS).messages
        assert messages == whole[: len(messages)]
        lengths.add(len(messages))
    assert lengths == {0, 1, 2}


@pytest.mark.parametrize(
    "text", ["", '""', "null", "[]", '"[]"', "{{workflow.failures}}", "[1, 2]", '[{"message": 3}]']
)
def test_a_text_without_reasons_is_no_error(text):
    reasons = failure_reasons(text, STEPS)
    assert (reasons.messages, reasons.is_stop) == (("3",) if "3" in text else (), False)


def test_a_stop_by_the_user_is_no_failure():
    failures = [{"displayName": "a", "message": "workflow shutdown with strategy:  Stop"}]
    assert failure_reasons(json.dumps(failures), []).is_stop


def test_a_missing_role_is_explained():
    forbidden = "Error (exit code 64): workflowtaskresults.argoproj.io is forbidden: cannot create resource"
    reasons = failure_reasons(json.dumps([{"displayName": "a", "message": forbidden}]), [])
    assert reasons.messages == (forbidden,)
    assert reasons.advice.startswith("the account of the workflow may not report results to the engine: give it the")
