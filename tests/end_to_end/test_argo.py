"""Pipelines on Argo as a user has them: written by `magnus execute`, run by `magnus simulate` with real processes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import argo_rules
import pytest
import yaml

EXAMPLE = Path(__file__).parents[2] / "examples" / "argo"

PIPELINE = """
dag:
  start_at: begin
  steps:
    begin:
      command: work.begin
      next: each
    each:
      type: map
      iterate_on: xs
      iterate_as: x
      branch:
        start_at: work
        steps:
          work: {command: work.work, next: success, max_attempts: 2}
      next: last
    last: {command: work.last, next: success}
"""
WORK = """
import os
from pathlib import Path


def begin(count: int):
    return {"xs": list(range(count))}


def work(x: int):
    print("TOKEN" in os.environ and len(os.environ["TOKEN"]))
    if Path(f"fail-{x}").exists():
        raise ValueError(f"{x} is wrong")
    return {"y": 10 * x}


def last(y):
    return {"total": sum(y)}
"""


@pytest.fixture
def project(folder):
    folder.write("pipeline.yaml", PIPELINE)
    folder.write("work.py", WORK)
    configure(folder.path)
    return folder


def configure(folder, **more):
    volume = {"name": "data", "mount_path": str(folder / "volume")}
    executor = {"type": "argo", "config": {"image": "image:1", "persistent_volumes": [volume], **more}}
    services = {
        "run_log_store": {"type": "chunked-fs", "config": {"log_folder": str(folder / "volume" / "logs")}},
        "catalog": {"type": "file-system", "config": {"catalog_location": str(folder / "volume" / "catalog")}},
    }
    (folder / "argo.yaml").write_text(yaml.safe_dump({"executor": executor, **services}))
    (folder / "local.yaml").write_text(yaml.safe_dump(services))


def written(project, *more):
    done = project.magnus("execute", "-c", "argo.yaml", "--count", "3", *more)
    assert done.status == 0, done.err
    return done


def test_a_pipeline_is_written_down_and_simulated(project):
    done = written(project)
    assert done.out == ""
    assert done.err.splitlines() == [
        "written: argo-pipeline.yaml",
        "run it with: argo submit argo-pipeline.yaml",
        "resume a failed run RUN with: argo submit argo-pipeline.yaml -p original_run_id=RUN",
    ]
    assert sorted(file.name for file in project.path.iterdir()) == [
        "argo-pipeline.yaml", "argo.yaml", "local.yaml", "pipeline.yaml", "work.py",
    ]  # fmt: skip
    run = project.magnus("simulate")
    assert run.status == 0, run.err
    log = run.log
    assert (log["status"], log["parameters"]["total"]) == ("SUCCESS", 30)
    assert log["run_config"]["executor"]["type"] == "argo"
    assert "run " + log["run_id"] + ": SUCCESS" in run.err


def test_whoever_submits_may_change_parameters(project):
    written(project)
    log = project.magnus("simulate", "-p", "count=5", "-p", "run_id=five").log
    assert (log["run_id"], log["parameters"]["total"]) == ("five", 100)
    wrong = project.magnus("simulate", "-p", "counts=5")
    assert wrong.status == 2
    assert "the workflow has no parameter 'counts'" in wrong.err


def test_a_failure_there_is_gone_on_with_here(project):
    (project.path / "fail-1").touch()
    written(project)
    run = project.magnus("simulate", "-p", "run_id=there")
    assert run.status == 1
    log = run.log
    assert log["status"] == "FAIL"
    failed = log["steps"]["each"]["branches"]["1"]["steps"]["work"]
    assert [attempt["message"] for attempt in failed["attempts"]] == ["ValueError: 1 is wrong (work.py:13 in work)"] * 2
    (project.path / "fail-1").unlink()
    again = project.magnus("execute", "pipeline.yaml", "-c", "local.yaml", "--use-cached", "there", "--run-id", "here")
    assert again.status == 0, again.err
    log = again.log
    assert log["parameters"]["total"] == 30
    assert mocked(log) == {"begin": True, "0": True, "1": False, "2": True, "last": False}


def test_a_failure_here_is_gone_on_with_there(project):
    (project.path / "fail-2").touch()
    assert project.magnus("execute", "-c", "local.yaml", "--count", "3", "--run-id", "here").status == 1
    (project.path / "fail-2").unlink()
    written(project)
    run = project.magnus("simulate", "-p", "run_id=there", "-p", "original_run_id=here")
    assert run.status == 0, run.err
    log = run.log
    assert (log["original_run_id"], log["use_cached"], log["parameters"]["total"]) == ("here", True, 30)
    assert mocked(log) == {"begin": True, "0": True, "1": True, "2": False, "last": False}
    once_more = project.magnus("simulate", "-p", "run_id=third", "-p", "original_run_id=there").log
    assert once_more["parameters"]["total"] == 30
    assert mocked(once_more) == {"begin": True, "0": True, "1": True, "2": True, "last": True}


def mocked(log):
    """Which steps were taken over; those in the branches of the map by the number of the branch."""
    steps = log["steps"]
    inner = {key: branch["steps"]["work"]["mock"] for key, branch in steps["each"]["branches"].items()}
    return {"begin": steps["begin"]["mock"], **inner, "last": steps["last"]["mock"]}


def test_pods_that_fail_are_no_attempts(project):
    configure(project.path, retry_strategy={"limit": 2})
    written(project)
    run = project.magnus("simulate", "--kill", "each/1/work:0", "--kill", "last:0")
    assert run.status == 0, run.err
    log = run.log
    assert log["parameters"]["total"] == 30


@pytest.mark.parametrize("limit", [0, 3])
def test_a_step_that_crashes_makes_no_more_attempts_than_it_has(project, limit):
    calls = str(project.path / "calls")
    project.write("work.py", f"import os\ndef begin():\n    open({calls!r}, 'a').write('x')\n    os.abort()\n")
    project.write(
        "pipeline.yaml", "dag: {start_at: a, steps: {a: {command: work.begin, max_attempts: 2, next: success}}}"
    )
    configure(project.path, retry_strategy={"limit": limit})
    written(project)
    log = project.magnus("simulate", "-p", "run_id=mine").log
    step = log["steps"]["a"]
    crashed = "the process of the step crashed, or was killed for lack of memory (killed by SIGABRT, exit status 134)"
    unseen = "the process died before it could record how the attempt finished"
    said = crashed if limit else unseen  # where no pod follows that is told the exit status
    assert (log["status"], log["message"]) == ("FAIL", f"step 'a' failed: {said}")
    assert (step["status"], step["message"]) == ("FAIL", said)
    assert [(one["attempt_number"], one["message"]) for one in step["attempts"]] == [(0, crashed), (1, said)]
    assert (project.path / "calls").read_text() == "xx"


def test_evictions_use_up_what_is_there_for_errors_of_pods_before_attempts(project):
    project.write(
        "work.py",
        "import os, signal, time\n\n\ndef begin():\n"
        "    number = int(os.environ['MAGNUS_STEP_ATTEMPT'])\n"
        "    if number < 3:\n        os.kill(os.getpid(), signal.SIGTERM)\n        time.sleep(3600)\n"
        "    if number == 3:\n        raise ValueError('on purpose')\n    return {'x': number}\n",
    )
    project.write(
        "pipeline.yaml", "dag: {start_at: a, steps: {a: {command: work.begin, max_attempts: 2, next: success}}}"
    )
    configure(project.path, retry_strategy={"limit": 3})
    written(project)
    log = project.magnus("simulate", "-p", "run_id=mine").log
    assert (log["status"], log["parameters"]["x"]) == ("SUCCESS", 4)
    messages = [one["message"] for one in log["steps"]["a"]["attempts"]]
    assert messages == [LOST, LOST, LOST, "ValueError: on purpose (work.py:10 in begin)", ""]
    configure(project.path, retry_strategy={"limit": 1})
    written(project)
    log = project.magnus("simulate", "-p", "run_id=other").log
    assert (log["status"], log["message"]) == ("FAIL", f"step 'a' failed: {LOST}")
    assert [one["message"] for one in log["steps"]["a"]["attempts"]] == [LOST, LOST, LOST]
    assert log["steps"]["a"]["status"] == "FAIL"


def test_a_pod_that_is_evicted_is_followed_by_another_one(project):
    configure(project.path, retry_strategy={"limit": 1}, fuse=False)
    written(project)
    run = project.magnus("simulate", "--evict", "last", "--evict", "each/1/work:0")
    assert run.status == 1
    steps = run.log["steps"]
    assert steps["each"]["branches"]["1"]["status"] == "SUCCESS"
    assert (steps["last"]["status"], steps["last"]["message"]) == ("FAIL", LOST)
    assert "last: FAIL in " in run.err
    assert "The node was low on resource: memory." in run.err


LOST = "lost: its process was evicted before it finished (SIGTERM)"
NEVER = "lost: no process of it recorded anything, since the engine could not start one or stopped it before"
HANDLED = """
dag:
  start_at: a
  steps:
    a: {command: work.begin, next: success, on_failure: saved}
    saved: {command: work.saved, next: success}
"""


def test_a_run_whose_first_pods_never_start_is_created_by_who_comes_next(project):
    project.write("pipeline.yaml", HANDLED)
    project.write("work.py", WORK + "\n\ndef saved(count: int):\n    return {'saved': count}\n")
    written(project)
    run = project.magnus("simulate", "--fail", "a", "-p", "run_id=handled", "-p", "count=7")
    assert run.status == 0, run.err
    log = run.log
    assert (log["status"], log["parameters"]) == ("SUCCESS", {"count": 7, "saved": 7})
    assert list(log["steps"]) == ["a", "saved", "success"]
    assert (log["steps"]["a"]["status"], log["steps"]["a"]["message"]) == ("FAIL", NEVER)
    run = project.magnus("simulate", "--fail", "a", "--fail", "saved", "-p", "run_id=failed")
    log = run.log
    assert (run.status, log["status"]) == (1, "FAIL")
    said = f"{NEVER}; the engine says: failed on purpose"
    assert [log["steps"][name]["message"] for name in ("a", "saved")] == [said, said]
    assert log["message"] == f"step 'saved' failed: {said}"
    run = project.magnus("simulate", "--fail", "a", "--fail", "saved", "--fail", "fail", "-p", "run_id=closed")
    log = run.log
    assert (run.status, log["status"], log["parameters"]) == (1, "FAIL", {"count": 3})
    assert log["message"] == (
        "the engine stopped the run as 'Failed' before it reached its end; the engine says: failed on purpose"
    )
    assert {name: step["message"] for name, step in log["steps"].items()} == {"a": said}


def test_pods_that_never_start_are_in_the_run_log(project):
    configure(project.path, fuse=False)
    written(project)
    run = project.magnus("simulate", "--fail", "each/1/work", "--fail", "each/2/work", "--fail", "each/2/fail")
    branches = run.log["steps"]["each"]["branches"]
    assert {key: list(branch["steps"]) for key, branch in branches.items()} == {
        "0": ["work", "success"], "1": ["work", "fail"], "2": ["work", "fail"],
    }  # fmt: skip
    assert [branches[key]["steps"]["work"]["message"] for key in "012"] == ["", NEVER, NEVER]
    log = project.magnus("simulate", "--fail", "each").log
    assert list(log["steps"]) == ["begin", "each", "fail"]
    assert log["steps"]["each"]["message"] == f"{NEVER}; the engine says: failed on purpose"


def test_a_run_that_is_stopped_for_good_says_when_it_was_last_heard_of(project):
    written(project)
    assert project.magnus("simulate", "-p", "run_id=ended").status == 0
    more = ["-c", "argo.yaml", "--workflow-name", "magnus-dag-1", "--count", "1"]
    assert project.magnus("execute_single_node", "mine", "begin", *more).status == 0
    runs = {run["run_id"]: run for run in json.loads(project.magnus("runs", "--json", "-c", "argo.yaml").out)}
    assert {name: (run["status"], run["workflow"]) for name, run in runs.items()} == {
        "ended": ("SUCCESS", "magnus-dag-simulated"), "mine": ("PROCESSING", "magnus-dag-1"),
    }  # fmt: skip
    assert runs["ended"]["last_heard"] is None
    heard = runs["mine"]["last_heard"][:19]
    assert heard >= runs["mine"]["start_time"][:19]
    said = f"the engine runs it as magnus-dag-1; last heard of at {heard} UTC"
    assert f"mine: {said}" in project.magnus("runs", "-c", "argo.yaml").err
    shown = project.magnus("show", "mine", "-c", "argo.yaml").out
    assert said in shown
    assert "  workflow magnus-dag-1\n" in shown


def test_a_pod_of_several_steps_that_is_lost_fails_the_first_that_did_not_end(project):
    written(project)
    run = project.magnus("simulate", "--fail", "each")
    assert (run.status, list(run.log["steps"])) == (1, ["begin", "fail"])
    run = project.magnus("simulate", "--kill", "last")
    assert (run.status, run.log["status"], run.log["steps"]["each"]["status"]) == (1, "FAIL", "FAIL")


def test_a_run_that_no_pod_could_end_is_ended(project):
    configure(project.path, fuse=False)
    written(project)
    run = project.magnus("simulate", "--kill", "last", "--kill", "fail")
    assert run.status == 1
    log = run.log
    assert log["status"] == "FAIL"
    assert (
        log["message"]
        == "the engine stopped the run as 'Error' before it reached its end; the engine says: pod deleted"
    )
    assert (log["steps"]["last"]["status"], list(log["steps"])) == ("FAIL", ["begin", "each", "last"])


@pytest.mark.parametrize("kind", [{}, {"kind": "CronWorkflow", "schedules": ["@daily"]}], ids=["once", "daily"])
def test_secrets_come_from_a_file(project, kind):
    configure(
        project.path,
        **kind,
        secrets_from_k8s=[{"environment_variable": "TOKEN", "secret_name": "tokens", "secret_key": "main"}],
    )
    written(project)
    missing = project.magnus("simulate")
    assert missing.status == 2
    place, _, said = missing.err.partition(": error: ")
    assert said.startswith("there is no key 'main' of a secret 'tokens'")
    line = (project.path / "argo-pipeline.yaml").read_text().splitlines()[int(place.split(":")[1]) - 1]
    assert line.strip() == "- name: TOKEN"
    (project.path / "secrets.yaml").write_text("tokens: {main: abcdef}")
    assert project.magnus("simulate", "--secrets", "secrets.yaml").status == 0


def test_check_looks_for_secrets_where_pods_do(project):
    project.write(
        "pipeline.yaml", "dag: {start_at: a, steps: {a: {command: work.begin, secrets: [TOKEN], next: success}}}"
    )
    configure(project.path)
    with (project.path / "argo.yaml").open("a") as file:
        file.write("secrets: {type: env-secrets-manager, config: {prefix: MY_}}\n")
    project.environment["MY_TOKEN"] = "not that of pods"
    done = project.magnus("check", "-c", "argo.yaml", "--count", "3")
    assert done.status == 2
    assert "the executor gives steps no variable 'MY_TOKEN', in which the secret 'TOKEN' is looked for" in done.out
    assert "fix: give it to the steps by 'secrets_from_k8s' of the executor\n" in done.out
    del project.environment["MY_TOKEN"]
    given = {"environment_variable": "MY_TOKEN", "secret_name": "tokens", "secret_key": "main"}
    configure(project.path, secrets_from_k8s=[given])
    with (project.path / "argo.yaml").open("a") as file:
        file.write("secrets: {type: env-secrets-manager, config: {prefix: MY_}}\n")
    assert project.magnus("check", "-c", "argo.yaml", "--count", "3").status == 0


def overriding(project, executor):
    overrides = {executor: "bug", "another": "unknown"}
    step = {"command": "work.begin", "next": "success", "overrides": overrides}
    project.write("pipeline.yaml", json.dumps({"dag": {"start_at": "a", "steps": {"a": step}}}, indent=1))


@pytest.mark.parametrize("command", ["check", "execute"])
def test_overrides_that_are_not_there_are_refused(project, command):
    overriding(project, "argo")
    configure(project.path, overrides={"big": {"image": "image:2"}})
    done = project.magnus(command, "-c", "argo.yaml", "--count", "3")
    assert done.status == 2
    assert "pipeline.yaml:9:6: error: step 'a': the executor has no overrides 'bug'\n" in done.out + done.err
    assert "fix: did you mean 'big'?" in done.out + done.err
    assert not (project.path / "argo-pipeline.yaml").exists()


def test_check_finds_overrides_that_executors_do_not_have(project):
    overriding(project, "local-container")
    config = {"docker_image": "image:1", "overrides": {"big": {"docker_image": "image:2"}}}
    project.write("c.yaml", json.dumps({"executor": {"type": "local-container", "config": config}}))
    done = project.magnus("check", "-c", "c.yaml", "--count", "3")
    assert "pipeline.yaml:9:6: error: step 'a': the executor has no overrides 'bug'\n" in done.out


def test_check_says_where_options_are_wrong(project):
    project.write(
        "argo.yaml",
        "executor:\n  type: argo\n  config:\n    image: i\n    resources:\n      limits: {memory: 1GB}\n"
        "    persistent_volumes: [{name: Data, mount_path: /mnt}]\n"
        "run_log_store: {type: chunked-fs, config: {log_folder: /mnt/logs}}\ncatalog: {type: do-nothing}\n",
    )
    done = project.magnus("check", "-c", "argo.yaml", "--count", "3")
    assert done.status == 2
    assert "argo.yaml:6:16: error: '1GB' is no quantity of Kubernetes" in done.out
    assert "argo.yaml:7:27: error: 'Data' is no name of a persistent volume claim" in done.out
    again = project.magnus("execute", "-c", "argo.yaml", "--count", "3")
    assert (again.status, "argo.yaml:6:16: error" in again.err) == (2, True)
    assert not (project.path / "argo-pipeline.yaml").exists()


def test_variables_travel_to_pods(project):
    project.environment["MAGNUS_VAR_folder"] = str(project.path / "volume")
    text = (project.path / "argo.yaml").read_text()
    (project.path / "argo.yaml").write_text(text.replace(str(project.path / "volume" / "logs"), "${folder}/logs"))
    written(project)
    del project.environment["MAGNUS_VAR_folder"]
    assert "MAGNUS_VAR_folder" in (project.path / "argo-pipeline.yaml").read_text()
    assert "each: SUCCESS" in project.magnus("simulate").err


def test_a_task_whose_process_dies_has_the_attempts_it_has_elsewhere(project):
    project.write(
        "work.py",
        "import os\nfrom pathlib import Path\n\n\ndef begin(count: int):\n"
        f"    mark = Path({str(project.path / 'died')!r})\n"
        "    if not mark.exists():\n        mark.touch()\n        os.kill(os.getpid(), 9)\n"
        "    return {'x': count}\n",
    )
    project.write(
        "pipeline.yaml", "dag: {start_at: a, steps: {a: {command: work.begin, next: success, max_attempts: 2}}}"
    )
    written(project)
    log = project.magnus("simulate").log
    assert (log["status"], log["parameters"]["x"]) == ("SUCCESS", 3)


def test_a_pod_that_is_told_to_end_is_started_again(project):
    project.write(
        "work.py",
        "import os, signal, time\nfrom pathlib import Path\n\n\ndef begin(count: int):\n"
        f"    mark = Path({str(project.path / 'told')!r})\n"
        "    if not mark.exists():\n        mark.touch()\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n        time.sleep(3600)\n    return {'x': count}\n",
    )
    project.write("pipeline.yaml", "dag: {start_at: a, steps: {a: {command: work.begin, next: success}}}")
    configure(project.path, retry_strategy={"limit": 1})
    written(project)
    log = project.magnus("simulate").log
    assert (log["status"], log["parameters"]["x"]) == ("SUCCESS", 3)


def test_a_step_may_begin_with_a_hyphen(project):
    project.write("pipeline.yaml", "dag: {start_at: --help, steps: {--help: {command: work.begin, next: success}}}")
    written(project)
    log = project.magnus("simulate").log
    assert (log["status"], list(log["steps"])) == ("SUCCESS", ["--help", "success"])


def test_a_run_to_go_on_with_and_a_run_id_are_arguments_of_the_command(project):
    project.magnus("execute", "-c", "local.yaml", "--count", "3", "--run-id", "here")
    done = written(project, "--use-cached", "here", "--run-id", "there", "--log-level", "INFO")
    assert "run it with: argo submit argo-pipeline.yaml -p run_id=there -p original_run_id=here" in done.err
    assert "- --log-level\n      - INFO\n" in (project.path / "argo-pipeline.yaml").read_text()


def test_files_inside_the_folder_are_named_as_pods_see_them(project):
    folder = project.path
    done = project.magnus("execute", str(folder / "pipeline.yaml"), "-c", str(folder / "argo.yaml"), "--count", "3")
    assert done.status == 0, done.err
    commands = yaml.safe_load((folder / "argo-pipeline.yaml").read_text())["spec"]["templates"][0]["container"][
        "command"
    ]
    place = commands.index("--file")
    assert commands[place : place + 4] == ["--file", "pipeline.yaml", "--config-file", "argo.yaml"]


def test_pods_read_the_program_that_builds_a_pipeline(project):
    project.write(
        "program.py",
        "from magnus import Pipeline, PythonTask\n"
        "def one(count: int):\n    return {'x': count + 1}\n"
        "pipeline = Pipeline([PythonTask(name='one', function=one)])\n",
    )
    done = project.magnus("execute", "program.py", "-c", "argo.yaml", "--count", "2")
    assert done.status == 0, done.err
    run = project.magnus("simulate")
    assert run.status == 0, run.err
    assert run.log["parameters"] == {"count": 2, "x": 3}


@pytest.mark.parametrize(
    ("service", "message"),
    [
        ("run_log_store: {type: buffered}", "the run log store is one that this process alone can use"),
        ("run_log_store: {type: file-system}", "and steps on other machines do not see that folder"),
        ("catalog: {type: file-system}", "the catalog keeps files in"),
    ],
)
def test_stores_that_pods_do_not_see_are_refused(project, service, message):
    (project.path / "wrong.yaml").write_text(f"executor: {{type: argo, config: {{image: i}}}}\n{service}\n")
    done = project.magnus("execute", "-c", "wrong.yaml")
    assert done.status == 2
    assert message in done.err
    assert not (project.path / "argo-pipeline.yaml").exists()


def test_a_program_that_executes_writes_its_pipeline_beside_the_manifest(project):
    project.write(
        "program.py",
        "from magnus import Pipeline, PythonTask\n"
        "pipeline = Pipeline([PythonTask(name='one', function='work.begin')])\n"
        "if __name__ == '__main__':\n"
        "    run = pipeline.execute('argo.yaml', parameters={'count': 2})\n"
        "    print(run.status, run.message)\n",
    )
    command = [sys.executable, "program.py"]
    done = subprocess.run(command, cwd=project.path, env=project.environment, capture_output=True, text=True)
    assert done.stdout.startswith("CREATED written: argo-pipeline.yaml; run it with: argo submit argo-pipeline.yaml; ")
    assert (project.path / "magnus-pipeline.yaml").exists()
    assert project.magnus("simulate").log["parameters"] == {"count": 2, "xs": [0, 1]}


def test_the_example_runs_as_the_documentation_says(folder):
    shutil.copytree(EXAMPLE, folder.path, dirs_exist_ok=True)
    folder.environment["MAGNUS_VAR_data"] = str(folder.path / "volume")
    done = folder.magnus("execute", "-c", "argo.yaml", "-p", "parameters.yaml")
    assert done.status == 0, done.err
    assert "run it with: argo submit -n science argo-pipeline.yaml\n" in done.err
    run = folder.magnus("simulate", "argo-pipeline.yaml")
    assert run.status == 0, run.err
    assert run.log["parameters"]["best"] == "south"
    manifest = yaml.safe_load((folder.path / "argo-pipeline.yaml").read_text())
    assert list(argo_rules.broken(manifest)) == []
    there = {(o["kind"], o["metadata"]["name"]) for o in yaml.safe_load_all((EXAMPLE / "cluster.yaml").read_text())}
    [volume] = manifest["spec"]["volumes"]
    assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in there
    assert ("ServiceAccount", manifest["spec"]["serviceAccountName"]) in there
    copied = (EXAMPLE / "Dockerfile").read_text().split("COPY ")[1].split()[:-1]
    assert sorted(copied) == sorted({"pipeline.yaml", "argo.yaml", "parameters.yaml", "training.py"})


def test_check_says_what_the_engine_cannot_take(project):
    configure(project.path, name="Not A Name")
    done = project.magnus("check", "-c", "argo.yaml", "--count", "3")
    assert done.status == 2
    assert "the name 'Not A Name' is none that Kubernetes takes" in done.out
