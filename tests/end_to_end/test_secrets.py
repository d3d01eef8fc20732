"""Secrets as a user has them: variables of a task, `get_secret`, and what is said when there are none."""

import json

import pytest


def executed(folder, steps, *, secrets=None, env=None):
    dag = {"start_at": next(iter(steps)), "steps": steps}
    folder.write("p.yaml", json.dumps({"dag": dag}, indent=1))
    folder.write("magnus-config.yaml", json.dumps({"defaults": {"secrets": secrets or {"type": "dotenv"}}}))
    return folder.magnus("execute", "p.yaml", env=env or {})


def shell(command, following, **more):
    return {"type": "task", "command_type": "shell", "command": command, "next": following, **more}


def test_a_secret_is_a_variable_of_the_tasks_that_name_it_and_of_no_other(folder):
    folder.write(".env", "A=value of a\nB=value of b\n")
    tell = "export MAGNUS_PRM_{}=$(printf %s-%s ${{#A}} ${{#B}})"
    steps = {
        "none": shell(tell.format("none"), "one"),
        "one": shell(tell.format("one"), "both", secrets="A"),
        "both": shell(tell.format("both"), "python", secrets=["A", "B"]),
        "python": {"type": "task", "command": "work.f", "next": "after", "secrets": ["A"]},
        "after": shell(tell.format("after"), "success"),
    }
    folder.write(
        "work.py",
        "import os\nfrom magnus import get_secret\n"
        "def f(): return {'python': f\"{len(os.environ['A'])}-{'B' in os.environ}-{len(get_secret('B'))}\"}\n",
    )
    done = executed(folder, steps, env={"A": "mine"})
    assert done.status == 0, done.err
    assert done.log["parameters"] == {
        "none": "4-0", "one": "10-0", "both": "10-10", "python": "10-False-10", "after": "4-0"
    }  # fmt: skip


def test_a_python_task_leaves_the_environment_as_it_was(folder):
    folder.write(".env", "A=value of a\nB=value of b\n")
    folder.write(
        "work.py",
        "import os\ndef change(): os.environ['A'] = 'changed'\n"
        "def look(): return {'a': os.environ.get('A', 'none'), 'b': os.environ.get('B', 'none')}\n",
    )
    steps = {
        "change": {"type": "task", "command": "work.change", "next": "look", "secrets": ["A", "B"]},
        "look": {"type": "task", "command": "work.look", "next": "success"},
    }
    assert executed(folder, steps, env={"A": "mine"}).log["parameters"] == {"a": "mine", "b": "none"}


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        (
            {"type": "dotenv"},
            "the file '.env' of the secrets provider 'dotenv' does not exist; "
            "write it, or set `location` of the secrets provider",
        ),
        (
            {"type": "dotenv", "config": {"location": "other.env"}},
            "the secrets provider 'dotenv' has no secret 'API_KEI' in 'other.env'; "
            "did you mean 'API_KEY'? else add a line API_KEI=<value>",
        ),
        (
            {"type": "env-secrets-manager", "config": {"prefix": "ACME_"}},
            "the secrets provider 'env-secrets-manager' has no secret 'API_KEI' in the environment; "
            "set the variable 'ACME_API_KEI'",
        ),
    ],
)
def test_a_missing_secret_fails_the_step_and_takes_on_failure(folder, secrets, message):
    folder.write("other.env", "API_KEY=never-to-be-seen")
    steps = {
        "a": shell("true", "success", secrets=["API_KEI"], on_failure="b"),
        "b": shell("true", "success"),
    }
    done = executed(folder, steps, secrets=secrets)
    assert done.status == 0, done.err
    assert (done.log["steps"]["a"]["status"], done.log["steps"]["a"]["message"]) == ("FAIL", message)
    assert "never-to-be-seen" not in done.out + done.err


def test_names_that_are_no_variables_are_refused_before_the_run(folder):
    folder.write(".env", "")
    done = executed(folder, {"a": shell("true", "success", secrets=["FINE", "not-fine", "MAGNUS_PRM_x", "1st"])})
    assert done.status == 2
    fix = "  fix: take it out of 'secrets:' and call get_secret('{}') in the task, or give it another name\n"
    cannot = "cannot be an environment variable; a name has letters, digits and '_' alone\n"
    assert done.err == (
        f"p.yaml:12:6: error: step 'a': the secret 'not-fine' {cannot}" + fix.format("not-fine")
        + "p.yaml:13:6: error: step 'a': the secret 'MAGNUS_PRM_x' has the name of a variable that magnus sets itself\n"
        + fix.format("MAGNUS_PRM_x")
        + f"p.yaml:14:6: error: step 'a': the secret '1st' {cannot}" + fix.format("1st")
    )  # fmt: skip
    assert folder.runs() == []


def test_a_short_secret_is_a_warning_and_seen(folder):
    folder.write(".env", "PIN=123")
    done = executed(folder, {"a": shell("echo pin $PIN", "success", secrets=["PIN"])})
    assert "warning: secret 'PIN' has fewer than 4 characters and cannot be masked\n" in done.err
    assert "pin 123" in done.err


def test_a_secret_no_variable_can_hold_fails_the_step(folder):
    (folder.path / ".env").write_bytes(b"A='with\0zero'")
    done = executed(folder, {"a": shell("true", "success", secrets=["A"])})
    assert done.status == 1
    assert "the secret 'A' holds characters that no environment variable can hold" in done.log["steps"]["a"]["message"]


def test_what_a_task_was_handed_is_masked_too(folder):
    folder.write(".env", "A=value of a")
    dag = {"start_at": "a", "steps": {"a": shell("true", "success", secrets=["A"])}}
    folder.write("p.yaml", json.dumps({"dag": dag}))
    folder.write("magnus-config.yaml", json.dumps({"defaults": {"secrets": {"type": "dotenv"}}}))
    done = folder.magnus("execute", "p.yaml", "--x", '["the value of a"]')
    assert done.log["steps"]["a"]["attempts"][0]["parameters"] == {"x": ["the *****"]}


def test_an_initial_parameter_that_is_a_secret_is_masked_and_said(folder):
    folder.write(".env", "TOKEN=never-to-be-seen\n")
    steps = {"a": shell("exit $fails", "success", secrets="TOKEN")}
    executed(folder, {"a": shell("true", "success")})
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "a", "steps": steps}}))
    given = ("--fails", "1", "--mine", "<never-to-be-seen>", "--nested", '{"a": ["never-to-be-seen"]}', "--other", "x")
    done = folder.magnus("execute", "p.yaml", "--run-id", "mine", *given)
    assert done.log["parameters"] == {"fails": 1, "mine": "<*****>", "nested": {"a": ["*****"]}, "other": "x"}
    assert "never-to-be-seen" not in done.out + done.err
    assert "the initial parameters 'mine', 'nested' hold a secret" in done.err
    assert "never-to-be-seen" not in folder.magnus("show", "mine", "--json").out
    assert "never-to-be-seen" not in (folder.path / ".run_log_store" / "mine.json").read_text()
    refused = folder.magnus("retry", "mine")
    assert refused.status == 2
    assert "the initial parameter 'mine' of the run 'mine' held a secret, and is not in its run log" in refused.err
    retried = folder.magnus("retry", "mine", "--mine", "y", "--nested", "z", "--fails", "0")
    assert (retried.status, retried.log["parameters"]["mine"]) == (0, "y")


def test_a_report_and_a_diff_show_nothing_of_an_initial_parameter_that_is_a_secret(folder):
    folder.write(".env", "TOKEN=never-to-be-seen\n")
    folder.write(
        "work.py",
        "from magnus import get_secret\ndef a(x, big): print('x is', x, flush=True)\ndef each(i): print(i)\n"
        "def b(n: int): get_secret('TOKEN')\n",
    )
    inner = {"start_at": "in", "steps": {"in": {"type": "task", "command": "work.each", "next": "success"}}}
    steps = {
        "a": {"type": "task", "command": "work.a", "next": "m"},
        "m": {"type": "map", "iterate_on": "l", "iterate_as": "i", "branch": inner, "next": "b"},
        "b": {"type": "task", "command": "work.b", "next": "success"},
    }
    secret = "never-to-be-seen"
    given = {"x": secret, "l": [secret, "other"], "big": [secret] * 30_000}
    for run_id, n in (("r1", 1), ("r2", 2)):
        folder.write("parameters.json", json.dumps({**given, "n": n}))
        folder.write("p.yaml", json.dumps({"dag": {"start_at": "a", "steps": steps}}))
        folder.write("magnus-config.yaml", json.dumps({"defaults": {"secrets": {"type": "dotenv"}}}))
        done = folder.magnus("execute", "p.yaml", "-p", "parameters.json", "--run-id", run_id)
        assert done.status == 0, done.err
        assert "nor does the catalog, which keeps the value of 'big'" in done.err
        given["x"] = f"{secret} again"
    page = folder.magnus("report", "r1", "-o", "-").out
    assert secret not in page
    assert "*****" in page
    assert "Not shown: an initial parameter of the run held a secret" in page
    for form in ((), ("--json",)):
        said = folder.magnus("diff", "r1", "r2", *form)
        assert (said.status, secret in said.out + said.err) == (0, False)


def test_a_secret_of_an_earlier_step_is_masked_in_a_process_of_a_later_one(folder):
    folder.write(".env", "TOKEN=never-to-be-seen\nUNUSED=not-asked-for\n")
    inner = {"start_at": "in", "steps": {"in": shell("true", "success", secrets="TOKEN")}}
    steps = {
        "d": {"type": "dag", "dag": inner, "next": "b"},
        "b": shell("cat .env; exit 3", "success", on_failure="c"),
        "c": shell("true", "success", secrets="UNUSED"),
    }
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "d", "steps": steps}}))
    folder.write("magnus-config.yaml", json.dumps({"defaults": {"secrets": {"type": "dotenv"}}}))
    for command in (
        ("fan", "mine", "d", "-m", "out", "--given", "never-to-be-seen"),
        ("execute_single_node", "mine", "d/dag/in"),
        ("execute_single_node", "mine", "d/dag/success"),
        ("fan", "mine", "d", "-m", "in"),
        ("execute_single_node", "mine", "b"),
        ("execute_single_node", "mine", "c"),
        ("execute_single_node", "mine", "success"),
    ):
        done = folder.magnus(*command, "-f", "p.yaml")
        assert "never-to-be-seen" not in done.out + done.err
    log = folder.magnus("show", "mine", "--json").log
    assert log["parameters"]["given"] == "*****"
    assert log["status"] == "SUCCESS"
    assert "TOKEN=*****" in log["steps"]["b"]["message"]
    assert "UNUSED=not-asked-for" in log["steps"]["b"]["message"]
    assert "never-to-be-seen" not in (folder.path / ".catalog/mine/.logs/b.log").read_text()
