"""How runs go: retries, timeouts, failures, interruptions, and runs beside one another."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS, growing


def pipeline(*steps: str, start_at="a") -> str:
    return json.dumps(
        {"dag": {"start_at": start_at, "steps": {k: v for step in steps for k, v in json.loads(step).items()}}}
    )


def task(name: str, command: str, next_="success", kind="shell", **fields) -> str:
    return json.dumps({name: {"type": "task", "command_type": kind, "command": command, "next": next_, **fields}})


def wait_for(condition):
    end = time.monotonic() + LONGEST_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_attempts_are_made_until_one_succeeds(folder):
    folder.write("p.yaml", pipeline(task("a", "echo x >> tries; [ $(wc -l < tries) -ge 3 ]", retry=5)))
    result = folder.magnus("execute", "p.yaml")
    assert result.status == 0
    attempts = result.log["steps"]["a"]["attempts"]
    assert [(a["attempt_number"], a["status"]) for a in attempts] == [(0, "FAIL"), (1, "FAIL"), (2, "SUCCESS")]
    assert attempts[0]["message"] == "exit status 1"
    assert result.log["steps"]["a"]["message"] == ""


def test_a_failed_step_ends_the_run_with_status_1_and_says_why(folder):
    folder.write("p.yaml", pipeline(task("a", "echo what happened >&2; exit 7")))
    result = folder.magnus("execute", "p.yaml")
    assert result.status == 1
    assert result.log["status"] == "FAIL"
    assert result.log["steps"]["a"]["message"] == "exit status 7\n  what happened"
    assert list(result.log["steps"]) == ["a", "fail"]
    log = folder.path / ".catalog" / result.log["run_id"] / ".logs" / "a.log"
    assert log.read_text() == "what happened\n"


def test_on_failure_leads_on_and_the_run_succeeds(folder):
    folder.write(
        "p.yaml",
        pipeline(task("a", "export MAGNUS_PRM_lost=1; exit 1", on_failure="b"), task("b", "export MAGNUS_PRM_kept=2")),
    )
    result = folder.magnus("execute", "p.yaml")
    assert result.status == 0
    assert list(result.log["steps"]) == ["a", "b", "success"]
    assert result.log["parameters"] == {"kept": 2}


@pytest.mark.parametrize("kind", ["shell", "python"])
def test_a_timeout_kills_the_step_and_its_children(folder, kind):
    folder.write(
        "work.py", "import subprocess\ndef f():\n    subprocess.run('echo $$ > child; exec sleep 3600', shell=True)\n"
    )
    command = "work.f" if kind == "python" else "sh -c 'echo $$ > child; exec sleep 3600'"
    for seconds in growing(1.5):
        folder.write("p.yaml", pipeline(task("a", command, kind=kind, timeout=f"{seconds * 1000:g}ms")))
        result = folder.magnus("execute", "p.yaml")
        assert result.status == 1
        assert result.log["steps"]["a"]["message"] == f"timed out after {seconds:g} s"
        if (folder.path / "child").exists() and (folder.path / "child").read_text():
            break
    child = int((folder.path / "child").read_text())
    wait_for(lambda: not Path(f"/proc/{child}").exists() or "Z (zombie)" in Path(f"/proc/{child}/status").read_text())


def test_parameters_travel_through_a_child_process_and_the_channel(folder):
    folder.write(
        "work.py",
        "import subprocess, sys\nfrom magnus import set_parameter, track_this, get_parameter\n"
        "def f(x):\n    set_parameter(y=get_parameter('x') + 1)\n    track_this(step=1, loss=0.5)\n"
        "    subprocess.run([sys.executable, '-c', 'import magnus; magnus.set_parameter(z=magnus.get_parameter(\"y\"))'], check=True)\n"
        "    return {'w': x}\n",
    )
    folder.write(
        "p.yaml", pipeline(task("a", "work.f", kind="python"), task("b", "work.f", kind="python", timeout=1000))
    )
    result = folder.magnus("execute", "p.yaml", "--x", "3")
    assert result.status == 0, result.err
    assert result.log["parameters"] == {"x": 3, "y": 4, "z": 4, "w": 3}
    assert result.log["steps"]["a"]["user_defined_metrics"] == {"loss": {"1": 0.5}}
    folder.write("p.yaml", pipeline(task("b", "work.f", kind="python", timeout=1000), start_at="b"))
    result = folder.magnus("execute", "p.yaml", "--x", "3")
    assert result.log["parameters"] == {"x": 3, "y": 4, "z": 4, "w": 3}, result.err


def test_a_step_leaves_the_process_as_it_was(folder):
    folder.write(
        "work.py",
        "import os, sys\n"
        "def f():\n    os.chdir('/'); os.environ['LEAK'] = '1'; sys.argv.append('x'); sys.path.insert(0, '/leak')\n"
        "def g():\n    return {'clean': 'LEAK' not in os.environ and 'x' not in sys.argv and '/leak' not in sys.path,"
        " 'here': os.path.exists('work.py'), 'step': os.environ['MAGNUS_STEP_NAME']}\n",
    )
    folder.write("p.yaml", pipeline(task("a", "work.f", "b", kind="python"), task("b", "work.g", kind="python")))
    result = folder.magnus("execute", "p.yaml")
    assert result.log["parameters"] == {"clean": True, "here": True, "step": "b"}


def test_sys_exit_fails_the_step_and_not_magnus(folder):
    folder.write("work.py", "import sys\ndef f():\n    sys.exit(0)\n")
    folder.write("p.yaml", pipeline(task("a", "work.f", kind="python")))
    result = folder.magnus("execute", "p.yaml")
    assert result.status == 1
    assert "sys.exit(0) was called" in result.log["steps"]["a"]["message"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("kind", ["shell", "python"])
def test_an_interruption_stops_children_and_is_recorded(folder, kind, number, status):
    folder.write("work.py", "import time\ndef f():\n    open('here', 'w').close()\n    time.sleep(3600)\n")
    command = "work.f" if kind == "python" else "echo $$ > child; touch here; sleep 3600"
    folder.write("p.yaml", pipeline(task("a", command, kind=kind)))
    process = folder.start("execute", "p.yaml", "--run-id", "r")
    wait_for((folder.path / "here").exists)
    process.send_signal(number)
    out, err = process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == status, err
    assert "Traceback" not in err
    log = json.loads(out)
    assert (log["status"], log["message"]) == ("FAIL", "interrupted")
    assert (log["steps"]["a"]["status"], log["steps"]["a"]["message"]) == ("FAIL", "interrupted")
    if kind == "shell":
        child = int((folder.path / "child").read_text())
        wait_for(lambda: not Path(f"/proc/{child}").exists())


def test_many_runs_at_once_in_one_folder_all_succeed(folder):
    folder.write("p.yaml", pipeline(task("a", "export MAGNUS_PRM_y=$x", kind="shell")))
    processes = [folder.start("execute", "p.yaml", "--x", str(n)) for n in range(8)]
    ended = [process.communicate(timeout=LONGEST_SECONDS) for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, ended
    assert [json.loads(out)["parameters"]["y"] for out, _ in ended] == list(range(8))
    assert len(folder.runs()) == 8


def test_two_runs_of_one_id_never_share_it(folder):
    folder.write("p.yaml", pipeline(task("a", "true")))
    processes = [folder.start("execute", "p.yaml", "--run-id", "same") for _ in range(2)]
    ended = [process.communicate(timeout=LONGEST_SECONDS) for process in processes]
    assert sorted(process.returncode for process in processes) == [0, 2]
    [refused] = [err for process, (_, err) in zip(processes, ended, strict=True) if process.returncode == 2]
    assert "'same'" in refused
    assert folder.runs() == ["same"]


def test_a_log_folder_that_cannot_be_written(folder):
    folder.write("p.yaml", pipeline(task("a", "true")))
    folder.write("c.yaml", "run_log_store: {type: file-system, config: {log_folder: taken}}\n")
    folder.write("taken", "a file\n")
    result = folder.magnus("execute", "p.yaml", "-c", "c.yaml")
    assert result.status == 3
    assert "Traceback" not in result.err
    assert "taken" in result.err


def test_a_buffered_run_prints_its_log_and_leaves_no_file(folder):
    folder.write("p.yaml", pipeline(task("a", "echo hi")))
    folder.write("c.yaml", "run_log_store: {type: buffered}\ncatalog: {type: do-nothing}\n")
    result = folder.magnus("execute", "p.yaml", "-c", "c.yaml")
    assert result.status == 0
    assert result.log["status"] == "SUCCESS"
    assert sorted(os.listdir(folder.path)) == ["c.yaml", "p.yaml"]


def test_a_reader_that_goes_away_does_not_fail_the_run(folder):
    folder.write("p.yaml", pipeline(task("a", "true")))
    process = folder.start("execute", "p.yaml", "--run-id", "r")
    process.stdout.close()
    process.wait(timeout=LONGEST_SECONDS)
    process.stderr.read()
    process.stderr.close()
    assert process.returncode == 0
    assert json.loads((folder.path / ".run_log_store" / "r.json").read_text())["status"] == "SUCCESS"


@pytest.mark.parametrize("pattern", ["../*", "/etc/passwd"])
def test_a_glob_that_leads_out_of_the_folder_is_refused_before_anything_runs(folder, pattern):
    folder.write("p.yaml", pipeline(task("a", "touch ran", catalog={"put": [pattern]})))
    result = folder.magnus("execute", "p.yaml")
    assert (result.status, result.out) == (2, "")
    assert f"'{pattern}'" in result.err
    assert not (folder.path / "ran").exists()


def test_a_get_without_a_match_fails_the_step(folder):
    folder.write("p.yaml", pipeline(task("a", "true", catalog={"get": ["no/*"]})))
    result = folder.magnus("execute", "p.yaml")
    assert result.status == 1
    assert "'no/*'" in result.log["steps"]["a"]["message"]
    assert result.log["steps"]["a"]["attempts"] == []
