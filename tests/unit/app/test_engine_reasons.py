"""What an engine says of what failed, as the end of a run reads it: quoted, cut, and with names of its own."""

import json

import pytest

from magnus.app.reentry.end_run import engine_reasons

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


@pytest.mark.parametrize("text", [TEXT, QUOTED], ids=["plain", "quoted"])
def test_reasons_are_found_by_the_names_of_steps(text):
    reasons = engine_reasons(text)
    assert reasons.of("A step") == REJECTED
    assert reasons.of("each") == "OOMKilled (exit code 137)"
    assert reasons.of("pipeline") == reasons.of("no-message") == reasons.of("other") == ""
    assert reasons.text == f"{REJECTED}; OOMKilled (exit code 137)"
    assert not reasons.is_stop


@pytest.mark.parametrize("text", [TEXT, QUOTED], ids=["plain", "quoted"])
def test_what_is_cut_anywhere_gives_what_is_whole(text):
    whole = [message for _, message in engine_reasons(text).messages]
    seen = set()
    for length in range(len(text)):
        messages = [message for _, message in engine_reasons(text[:length]).messages]
        assert messages == whole[: len(messages)]
        seen.add(len(messages))
    assert seen == {0, 1, 2}


@pytest.mark.parametrize(
    "text", ["", '""', "null", "[]", '"[]"', "{{workflow.failures}}", "[1, 2]", '[{"message": 3}]']
)
def test_what_says_nothing_is_no_error(text):
    reasons = engine_reasons(text)
    assert (reasons.text, reasons.is_stop) == ("3" if "3" in text else "", False)


def test_a_stop_by_the_user_is_told_from_a_failure():
    said = [{"displayName": "a", "message": "workflow shutdown with strategy:  Stop"}]
    assert engine_reasons(json.dumps(said)).is_stop


def test_few_of_many_reasons_are_shown_and_missing_rights_explained():
    said = [{"displayName": str(n), "message": f"reason {n}"} for n in range(5)]
    assert engine_reasons(json.dumps(said)).text == "reason 0; reason 1; reason 2; and 2 more"
    forbidden = "Error (exit code 64): workflowtaskresults.argoproj.io is forbidden: cannot create resource"
    text = engine_reasons(json.dumps([{"displayName": "a", "message": forbidden}])).text
    assert text.startswith(
        f"{forbidden}; the account of the workflow may not report results to the engine: give it the role"
    )
