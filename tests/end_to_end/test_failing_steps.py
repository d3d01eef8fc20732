"""Whatever goes wrong in a step is one clear message, in the run log and on standard error, and exit status 1 or 2."""

import json

import pytest

WORK = """\
value = 3

def needs(x: int): ...
def gives_object(): return {"x": object()}
def gives_one(): return 1
def gives_number(): return {1: "text"}
def broken(): raise KeyError("gone")
def leaves():
    import sys
    sys.exit(4)
"""


def run(folder, arguments=(), **fields):
    folder.write("work.py", WORK)
    folder.write(
        "p.yaml", json.dumps({"dag": {"start_at": "a", "steps": {"a": {"next": "success", **fields}}}}, indent=1)
    )
    return folder.magnus("execute", "p.yaml", *arguments)


@pytest.mark.parametrize(
    ("fields", "arguments", "message"),
    [
        ({"command": "work.needs"}, (), "work.needs() needs the argument 'x', and there is no such parameter; the parameters are: none"),
        ({"command": "work.needs"}, ("--x", "word"), 'the argument \'x\' of work.needs() must be int, but is "word": Input should be a valid integer, unable to parse string as an integer'),
        ({"command": "work.gives_object"}, (), "x is a value of type object, which JSON cannot hold; to keep it as it is, declare returns: [{name: x, kind: object}]"),
        ({"command": "work.gives_one", "returns": ["a", "b"]}, (), "work.gives_one() returned a value of type int; 'returns' declares a tuple of 2: a, b"),
        ({"command": "work.gives_number"}, (), "work.gives_number() returned a mapping with the key 1; the names of parameters must be text"),
        ({"command": "work.broken"}, (), "KeyError: 'gone' (work.py:7 in broken)"),
        ({"command": "work.leaves"}, (), "sys.exit(4) was called"),
        ({"command_type": "shell", "command": "echo before; exit 7"}, (), "exit status 7\n  before"),
        ({"command_type": "shell", "command": "true", "catalog": {"get": "*.csv"}}, (), "catalog get: nothing in the catalog matches '*.csv'; it holds no files that this step can see"),
        ({"command_type": "shell", "command": "sleep 3600", "timeout": 0.2}, (), "timed out after 0.2 s"),
    ],
)  # fmt: skip
def test_a_step_that_fails_says_why(folder, fields, arguments, message):
    result = run(folder, arguments, **fields)
    assert result.status == 1
    step = result.log["steps"]["a"]
    assert (result.log["status"], step["status"]) == ("FAIL", "FAIL")
    assert step["message"].startswith(message) or message in step["message"]
    assert result.log["message"].startswith("step 'a' failed: ")
    assert message.splitlines()[0] in result.err
    assert "magnus/" not in result.err


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"command": "work.neds"}, "there is no function 'neds' in the module 'work'\n  fix: did you mean 'needs'?\n"),
        ({"command": "wrok.needs"}, "there is no module 'wrok' in the working directory"),
        ({"command": "work.value"}, "'work.value' is not callable: line 1 of 'work.py' makes it a constant\n  fix: name a function\n"),
        ({"command": "needs"}, "'needs' "),
        ({"command_type": "shel", "command": "true"}, "unknown command_type 'shel'\n  fix: did you mean 'shell'?\n"),
        ({"command_type": "python-lambda", "command": "lambda x:"}, "the lambda is not python: "),
        ({"command_type": "shell", "command": "true", "strct": True}, "unknown field 'strct'\n  fix: did you mean 'strict'?\n"),
    ],
)  # fmt: skip
def test_a_command_that_cannot_be_run_is_refused_before_anything_runs(folder, fields, message):
    result = run(folder, **fields)
    assert (result.status, result.out) == (2, "")
    assert message in result.err
    assert result.err.startswith("p.yaml:")
    assert folder.runs() == []


def test_what_is_no_yaml(folder):
    folder.write("p.yaml", "dag:\n  steps: [a\n")
    result = folder.magnus("execute", "p.yaml")
    assert result.status == 2
    assert result.err == (
        "p.yaml:3:1: error: this is not YAML: did not find expected ',' or ']' while parsing a flow sequence\n"
        "  fix: close every bracket, put commas between, and texts with brackets in quotes\n"
    )


def test_a_run_id_in_use_is_refused_and_the_run_is_left_as_it_was(folder):
    first = run(folder, ("--run-id", "mine"), type="stub")
    assert first.status == 0
    again = run(folder, ("--run-id", "mine"), type="stub")
    assert again.status == 2
    assert again.err.startswith("error: there is a run 'mine' already")
    assert again.err.count("\n") == 2
    assert json.loads(folder.magnus("show", "mine", "--json").out) == first.log
