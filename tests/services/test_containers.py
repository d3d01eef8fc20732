"""The `local-container` executor and a real Docker engine: one for all of it, with the image that the documentation shows."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import drivers
import images
import pytest
from container_engines import IMAGE
from proxy import proxy
from safety_net import LONGEST_SECONDS

from magnus import __version__
from magnus.testing.executor_contract import ProcessExecutorContract

pytestmark = [pytest.mark.xdist_group("docker"), pytest.mark.usefixtures("client")]

KIND = "local-container"
with_both = pytest.mark.parametrize("engine", ["docker", "podman"], indirect=True, scope="session")


def executor(**more):
    options = {"docker_image": IMAGE, "network": "none", "pull_policy": "never", **more}
    return {"type": KIND, "config": options}


def shell(command, **more):
    return {"type": "task", "command_type": "shell", "command": command, "next": "success", **more}


def one(step):
    return {"start_at": "a", "steps": {"a": step}}


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


class Folder:
    """A working directory, in which pipelines run as users run them."""

    def __init__(self, path):
        self.path = path

    def configure(self, *, services=None, **options):
        written = {"executor": executor(**options), **(services or {})}
        (self.path / "magnus-config.yaml").write_text(json.dumps({"defaults": written}))

    def run(self, dag, *more, status=0, environment=None):
        """The run log, and what was said."""
        (self.path / "p.yaml").write_text(json.dumps({"dag": dag}))
        return self.execute("p.yaml", *more, status=status, environment=environment)

    def execute(self, *arguments, status=0, environment=None):
        done = subprocess.run(
            [sys.executable, "-m", "magnus", "execute", *arguments],
            cwd=self.path,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout), done.stderr

    @contextmanager
    def begun(self, dag, until):
        """A run on its way, once the file `until` is there."""
        (self.path / "p.yaml").write_text(json.dumps({"dag": dag}))
        command = [sys.executable, "-m", "magnus", "execute", "p.yaml", "--run-id", "mine"]
        with subprocess.Popen(command, cwd=self.path, stdout=subprocess.PIPE, stderr=-3, text=True) as process:
            try:
                wait_until((self.path / until).exists)
                yield process
            finally:
                process.kill()

    def show(self):
        command = [sys.executable, "-m", "magnus", "show", "mine", "--json"]
        said = subprocess.run(command, cwd=self.path, capture_output=True, text=True, check=True)
        return json.loads(said.stdout)


def is_podman(client):
    return any(part["Name"].startswith("Podman") for part in client.version()["Components"])


def wait_until(holds):
    deadline = time.monotonic() + LONGEST_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class TestContainers(ProcessExecutorContract):
    configuration = executor(enable_parallel=True, max_workers=3)

    def test_an_interruption_ends_the_steps_and_is_recorded(self, folder, client):
        """As in the contract, but numbers of processes mean nothing outside: the container is gone instead."""
        place = Folder(folder)
        with place.begun(one(shell("touch began; sleep 3600")), until="began") as process:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=LONGEST_SECONDS) == 130
        log = place.show()
        assert (log["status"], log["message"], log["steps"]["a"]["status"]) == ("FAIL", "interrupted", "FAIL")


@with_both
def test_output_is_shown_once_and_kept_and_the_image_is_recorded(folder, client):
    folder.configure()
    log, said = folder.run(one(shell("echo from inside; echo and this >&2", max_attempts=2)), "--run-id", "mine")
    lines = [re.sub(r"^[-0-9]+T[:0-9]+Z ", "", line) for line in said.splitlines()]
    assert [line.partition(" in ")[0] for line in lines[1:]] == [
        "  a: started",
        "from inside",
        "and this",
        "  a: SUCCESS",
        "run mine: SUCCESS",
    ]
    assert (folder.path / ".catalog/mine/.logs/a.log").read_text() == "from inside\nand this\n"
    [identity] = log["steps"]["a"]["code_identities"]
    image = client.images.get(IMAGE)
    digests = [digest.partition("@")[2] for digest in image.attrs["RepoDigests"]]  # podman gives images it loads one
    assert identity["code_identifier"] == (digests[0] if digests else image.id)
    assert (identity["code_identifier_type"], identity["code_identifier_url"]) == ("docker", IMAGE)


WHERE = "export inside=$(test -e /wheels && echo true || echo false)"


def test_overrides_choose_environment_limits_and_place(folder):
    overrides = {
        "big": {"environment": {"LEVEL": 2, "GIVEN": None}, "resources": {"cpu": 0.5}},
        "here": {"run_in_local": True},
    }
    folder.configure(environment={"LEVEL": 1, "STAYS": True}, overrides=overrides, enable_parallel=True)
    quota = "/sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max"
    command = f"{WHERE} said=$LEVEL,$STAYS,$GIVEN; export cpu=$(cat {quota} 2>/dev/null | head -n 1 | cut -d ' ' -f 1)"
    dag = {
        "start_at": "both",
        "steps": {
            "both": {
                "type": "parallel",
                "overrides": {KIND: "big"},
                "branches": {
                    "there": one(shell(command.replace("said=", "there="), returns=["there", "inside", "cpu"])),
                    "here": one(shell(f"{WHERE}; export here=$inside", returns=["here"], overrides={KIND: "here"})),
                },
                "next": "success",
            },
        },
    }
    log, _ = folder.run(dag, environment={"GIVEN": "7"})
    assert log["parameters"] == {"there": "2,true,7", "inside": True, "cpu": 50000, "here": False}


@with_both
def test_a_step_may_have_another_image_and_one_that_is_missing_is_its_failure(folder, client):
    folder.configure(overrides={"other": {"image": "not-there"}})
    steps = {"a": shell("true", overrides={KIND: "other"}, on_failure="b"), "b": shell("true")}
    log, _ = folder.run({"start_at": "a", "steps": steps})
    assert (log["status"], log["steps"]["a"]["status"], log["steps"]["b"]["status"]) == ("SUCCESS", "FAIL", "SUCCESS")
    message = log["steps"]["a"]["message"]
    assert message.startswith(
        "there is no image 'not-there' here, and pull_policy is 'never': build it, see 'How to run"
    )
    assert "docs/how-to/run-in-containers.md" in message


@with_both
def test_an_image_that_cannot_be_pulled_says_so(folder, client):
    missing = "127.0.0.1:9/nobody/nothing"
    folder.configure(docker_image=missing, pull_policy="missing")
    log, _ = folder.run(one(shell("true")), status=1)
    message = log["steps"]["a"]["message"]
    assert message.startswith(f"there is no image '{missing}' here, and it cannot be pulled: build it, see 'How to run")
    assert "refused" in message


def test_an_override_that_is_not_configured_is_refused_before_the_run(folder):
    folder.configure(overrides={"big": {"resources": {"memory": "1g"}}})
    (folder.path / "p.yaml").write_text(json.dumps({"dag": one(shell("true", overrides={KIND: "bug"}))}))
    command = [sys.executable, "-m", "magnus", "execute", "p.yaml"]
    done = subprocess.run(command, cwd=folder.path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "p.yaml:1:" in done.stderr
    assert "step 'a': the executor has no overrides 'bug'\n  fix: did you mean 'big'?" in done.stderr


def test_an_engine_that_does_not_answer_fails_the_step(folder, tmp_path):
    folder.configure()
    log, _ = folder.run(one(shell("true")), status=1, environment={"DOCKER_HOST": f"unix://{tmp_path}/gone"})
    [first, *_] = log["steps"]["a"]["message"].splitlines()
    assert first == (
        f"no container engine answers at DOCKER_HOST=unix://{tmp_path}/gone: "
        "start Docker, or podman's service, and see that you may use it"
    )


@pytest.fixture
def way(engine, client, monkeypatch):
    """A way to the engine that can be closed and opened again."""
    with tempfile.TemporaryDirectory(dir="/tmp") as short, proxy(Path(short, "socket"), engine) as made:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{made.place}")
        yield made


@with_both
def test_an_engine_that_is_started_anew_meanwhile_is_waited_for(folder, client, way):
    """That is what it looks like: all connections end, and later it answers again."""
    folder.configure()
    command = "touch begun; while [ ! -e go ]; do sleep 0.1; done; echo after; export x=1"
    with folder.begun(one(shell(command, returns=["x"])), until="begun") as process:
        way.close()
        (folder.path / "go").touch()
        wait_until(lambda: not client.containers.list())
        way.open()
        said, _ = process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == 0
    assert json.loads(said)["parameters"] == {"x": 1}
    assert (folder.path / ".catalog/mine/.logs/a.log").read_text() == "after\n"


def test_an_engine_that_goes_away_fails_the_step_and_the_next_run_removes_what_is_left(folder, engine, client, way):
    folder.configure()
    with folder.begun(one(shell("touch begun; sleep 3600")), until="begun") as process:
        way.close()
        said, _ = process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == 1
    assert json.loads(said)["steps"]["a"]["message"].startswith(
        "the container engine does not answer any more, and the container of the step may still run: start the engine"
    )
    [left] = client.containers.list()
    folder.run(one(shell("true")), environment={"DOCKER_HOST": engine})
    assert left.id not in [container.id for container in client.containers.list(all=True)]


@pytest.fixture
def other_images(client):
    """Images made of the one that works: without magnus, and with another version of it."""
    changes = {
        "without": "mv $(command -v magnus) /gone",
        "older": f"sed -i s/{__version__}/0.0.1/ $(python -c 'import magnus; print(magnus.__file__)')",
    }
    for name, change in changes.items():
        if not client.images.list(name):
            written = io.BytesIO(f"FROM {IMAGE}\nRUN {change}\n".encode())
            client.images.build(fileobj=written, tag=name, network_mode="none", rm=True)


@with_both
def test_an_image_without_magnus_is_named(folder, other_images, client):
    folder.configure(docker_image="without")
    log, _ = folder.run(one(shell("true")), status=1)
    message = log["steps"]["a"]["message"]
    assert message.startswith("the image 'without' has no command 'magnus' that can be run: install magnus in it, see")


@with_both
def test_an_image_with_another_version_of_magnus_is_named_with_both(folder, other_images, client):
    folder.configure(docker_image="older")
    log, _ = folder.run(one(shell("true")), status=1)
    message = log["steps"]["a"]["message"]
    assert message.startswith(
        f"the image 'older' has magnus 0.0.1, and this is magnus {__version__}: build it with the same version, see"
    )


@with_both
def test_each_attempt_that_needs_too_much_memory_is_one(folder, client):
    folder.configure(resources={"memory": "100m"})
    (folder.path / "work.py").write_text("def much(): return {'n': len(bytearray(300_000_000))}")
    log, said = folder.run(
        one({"type": "task", "command": "work.much", "max_attempts": 2, "next": "success"}), status=1
    )
    step = log["steps"]["a"]
    if is_podman(client):  # which does not say why
        assert step["message"].endswith("by somebody, or for lack of memory, of which it may have 100m")
    else:
        assert step["message"] == "out of memory: the container was killed at its limit of 100m"
    assert [attempt["message"] for attempt in step["attempts"]] == [step["message"]] * 2
    assert f"attempt 1 failed, the next one starts: {step['message']}" in said


@with_both
def test_a_container_that_is_killed_was_an_attempt(folder, client):
    folder.configure()
    command = "echo attempt $MAGNUS_STEP_ATTEMPT; [ -e begun ] && exit 0; sleep 0.5; touch begun; sleep 3600"
    with folder.begun(one(shell(command, max_attempts=2)), until="begun") as process:
        [container] = client.containers.list()
        container.kill()
        said, _ = process.communicate(timeout=LONGEST_SECONDS)
    step = json.loads(said)["steps"]["a"]
    assert [attempt["status"] for attempt in step["attempts"]] == ["FAIL", "SUCCESS"]
    assert step["attempts"][0]["message"].startswith("the container was killed (exit status 137, SIGKILL)")
    assert (folder.path / ".catalog/mine/.logs/a.log").read_text() == "attempt 0\nattempt 1\n"


@with_both
@pytest.mark.parametrize("attempts", [1, 2])
def test_a_container_that_is_stopped_from_outside_was_an_attempt(folder, client, attempts):
    folder.configure()
    command = "echo attempt; touch began; if [ -e stopped ]; then exit 0; fi; sleep 3600"
    with folder.begun(one(shell(command, max_attempts=attempts)), until="began") as process:
        [container] = client.containers.list(filters={"label": "magnus.run=mine"})
        (folder.path / "stopped").touch()
        container.stop()
        assert process.wait(timeout=LONGEST_SECONDS) == (1 if attempts == 1 else 0)
    log = folder.show()
    step = log["steps"]["a"]
    lost = "lost: its process was evicted before it finished (SIGTERM)"
    assert [one["message"] for one in step["attempts"]] == [lost, ""][:attempts]
    assert (step["status"], step["message"]) == (("FAIL", lost) if attempts == 1 else ("SUCCESS", ""))
    assert (folder.path / ".catalog/mine/.logs/a.log").read_text() == "attempt\n" * attempts


@with_both
def test_what_a_killed_magnus_left_goes_with_the_next_run(folder, client):
    folder.configure()
    with folder.begun(one(shell("touch begun; sleep 3600")), until="begun") as process:
        process.kill()
        process.wait()
        [left] = client.containers.list()
    folder.run(one(shell("true")))
    assert left.id not in [container.id for container in client.containers.list(all=True)]


WAITS = "echo once >> starts; touch begun; until [ -e go ]; do sleep 0.05; done"


def killed(folder):
    """A run `mine` whose magnus was killed while the container of its step still runs."""
    with folder.begun(one(shell(WAITS)), until="begun") as process:
        process.kill()
        process.wait()


def magnus(folder, *arguments):
    command = [sys.executable, "-m", "magnus", *arguments]
    return subprocess.run(command, cwd=folder.path, capture_output=True, text=True, timeout=LONGEST_SECONDS)


@with_both
def test_a_run_is_not_lost_while_its_container_runs_and_a_retry_waits_for_it(folder, client):
    folder.configure()
    killed(folder)
    [left] = client.containers.list()
    [run] = json.loads(magnus(folder, "runs", "--json").stdout)
    assert (run["status"], run["message"]) == (
        "PROCESSING",
        f"its orchestrator is gone; 1 container still runs: {left.id[:12]}",
    )
    command = [sys.executable, "-m", "magnus", "retry", "mine", "--run-id", "again"]
    with (folder.path / "said").open("w") as output:
        retry = subprocess.Popen(command, cwd=folder.path, stdout=subprocess.PIPE, stderr=output, text=True)
    with retry:
        wait_until(lambda: "magnus waits for its end" in (folder.path / "said").read_text())
        (folder.path / "go").touch()
        log, _ = retry.communicate(timeout=LONGEST_SECONDS)
    assert f"  'a' ({left.id[:12]})" in (folder.path / "said").read_text()
    assert retry.returncode == 0
    assert json.loads(log)["steps"]["a"]["mock"] is True
    assert (folder.path / "starts").read_text() == "once\n"
    assert json.loads(magnus(folder, "runs", "--json").stdout)[-1]["status"] == "LOST"


@with_both
def test_containers_of_a_killed_run_can_be_cancelled(folder, client):
    folder.configure()
    killed(folder)
    [left] = client.containers.list()
    (folder.path / "p.yaml").write_text(json.dumps({"dag": one(shell("true"))}))
    done = magnus(folder, "retry", "mine", "--run-id", "again", "--still-running", "cancel")
    assert done.returncode == 0, done.stderr
    assert "magnus cancels it" in done.stderr
    step = folder.show()["steps"]["a"]
    assert (step["status"], step["message"]) == ("FAIL", "interrupted")
    wait_until(lambda: left.id not in [container.id for container in client.containers.list(all=True)])


@with_both
def test_without_an_engine_a_killed_run_is_not_lost(folder, client):
    folder.configure()
    killed(folder)
    environment = {**os.environ, "DOCKER_HOST": "unix:///nowhere.sock"}
    command = [sys.executable, "-m", "magnus"]
    said = {"cwd": folder.path, "env": environment, "capture_output": True, "text": True, "timeout": LONGEST_SECONDS}
    [run] = json.loads(subprocess.run([*command, "runs", "--json"], **said).stdout)
    assert run["status"] == "PROCESSING"
    assert "whether a container of it still runs is not known: no container engine answers" in run["message"]
    refused = subprocess.run([*command, "retry", "mine"], **said)
    assert (refused.returncode, "--assume-lost" in refused.stderr) == (2, True)
    [left] = client.containers.list()
    (folder.path / "go").touch()
    left.wait()
    left.remove(force=True)


@with_both
def test_a_container_that_is_to_stay_does_also_through_the_next_run(folder, client):
    folder.configure(auto_remove_container=False)
    folder.run(one(shell("true")), "--run-id", "mine")
    [kept] = client.containers.list(all=True)
    assert (kept.labels["magnus.run"], kept.labels["magnus.step"]) == ("mine", "a")
    folder.configure()
    folder.run(one(shell("true")))
    [still] = client.containers.list(all=True)
    assert still.id == kept.id
    kept.remove()


@with_both
def test_files_belong_to_the_user_who_started_the_run(folder, monkeypatch, client):
    """As far as root can play another user: the container gets the numbers of that one."""
    place = folder.path
    os.chown(place, 4321, 4321)
    folder.configure(services={"run_log_store": {"type": "chunked-fs"}})
    monkeypatch.setattr(os, "getuid", lambda: 4321)
    monkeypatch.setattr(os, "getgid", lambda: 4321)
    (place / "p.yaml").write_text(json.dumps({"dag": one(shell("id -u > made.txt", catalog={"put": "made.txt"}))}))
    before = os.umask(0)  # what root makes meanwhile is for everybody
    try:
        log = drivers.executed(place, "mine", {})
    finally:
        os.umask(before)
    assert log["status"] == "SUCCESS", log["steps"]["a"]["message"]
    assert (place / "made.txt").read_text() == "4321\n"
    kept = [place / "made.txt", *(file for file in (place / ".catalog/mine").rglob("*") if file.is_file())]
    assert len(kept) > 1
    assert {(file.stat().st_uid, file.stat().st_gid) for file in kept} == {(4321, 4321)}


def test_folders_outside_the_working_directory_variables_and_secrets_are_there_inside(folder, tmp_path):
    place = tmp_path / "work"
    place.mkdir()
    (tmp_path / "real").mkdir()
    (place / "catalog").symlink_to(tmp_path / "real")
    services = {
        "executor": executor(docker_image="${image}"),
        "run_log_store": {"type": "file-system", "config": {"log_folder": str(tmp_path / "logs")}},
        "catalog": {"type": "file-system", "config": {"catalog_location": "catalog"}},
        "secrets": {"type": "env-secrets-manager", "config": {"prefix": "S_"}},
    }
    (tmp_path / "set-up").mkdir()
    (tmp_path / "set-up/c.yaml").write_text(json.dumps(services))
    (tmp_path / "pipelines").mkdir()
    inner = {"dag": one(shell("echo ${word} $TOKEN | tee made.txt", secrets=["TOKEN"], catalog={"put": "made.txt"}))}
    outer = {"dag": one({"type": "dag", "dag_definition": "inner.yaml", "next": "success"})}
    (tmp_path / "pipelines/inner.yaml").write_text(json.dumps(inner))
    (tmp_path / "pipelines/p.yaml").write_text(json.dumps(outer))
    environment = {"MAGNUS_VAR_word": "spoken", "MAGNUS_VAR_image": IMAGE, "S_TOKEN": "whispered"}
    _, said = Folder(place).execute("../pipelines/p.yaml", "-c", "../set-up/c.yaml", environment=environment)
    assert "spoken *****" in said
    assert (place / "made.txt").read_text() == "spoken whispered\n"
    assert list((tmp_path / "real/.store").rglob("*"))
    assert list((tmp_path / "logs").iterdir())


@with_both
def test_folders_and_values_of_variables_may_have_any_text(client, tmp_path):
    odd = "a b=c'dü$e" + ("" if is_podman(client) else ',f"g:h')  # podman 4 ends a path at those
    (tmp_path / "link").symlink_to(tmp_path / odd)
    place = Folder(tmp_path / "link")
    place.path.resolve().mkdir()
    values = {"A": "x=y=z", "B": "", "C": "ü€ $$HOME", "D": "two\nlines", "E": None, "F": 1.5}
    place.configure(environment=values)
    command = 'echo hi > made; export x="$A|${B-unset}|$C|$D|$E|$F"'
    log, _ = place.run(one(shell(command, returns=["x"], catalog={"put": "made"})), environment={"E": "given=1"})
    assert log["parameters"] == {"x": "x=y=z||ü€ $HOME|two\nlines|given=1|1.5"}
    assert (place.path / "made").read_text() == "hi\n"
    assert (place.path / ".catalog" / log["run_id"] / "made").read_text() == "hi\n"


def test_all_of_a_large_output_is_shown_and_kept(folder):
    folder.configure()
    command = "for ((i = 0; i < 100000; i++)); do echo line $i; done"
    _, said = folder.run(one(shell(command)), "--run-id", "mine")
    lines = [f"line {number}" for number in range(100_000)]
    assert (folder.path / ".catalog/mine/.logs/a.log").read_text().splitlines() == lines
    assert [line for line in said.splitlines() if line.startswith("line ")] == lines


def test_a_program_runs_its_steps_in_containers(folder):
    folder.configure()
    (folder.path / "program.py").write_text(
        "import os\n"
        "from magnus import Pipeline, PythonTask\n"
        "def inside(): return {'inside': os.path.exists('/wheels')}\n"
        "if __name__ == '__main__':\n"
        "    run = Pipeline([PythonTask(name='a', function=inside)]).execute()\n"
        "    print('inside' , run.parameters)\n"
    )
    done = subprocess.run([sys.executable, "program.py"], cwd=folder.path, capture_output=True, text=True)
    assert "inside {'inside': True}" in done.stdout, done.stderr


def test_a_job_runs_in_a_container(folder):
    folder.configure()
    (folder.path / "work.py").write_text(
        "import os\ndef made(n): open('made.txt', 'w').write(str(n)); return {'inside': os.path.exists('/wheels')}\n"
    )
    command = [sys.executable, "-m", "magnus", "execute_function", "work.made", "--n", "7", "-put", "made.txt"]
    done = subprocess.run([*command, "--run-id", "job"], cwd=folder.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parameters"] == {"n": 7, "inside": True}
    assert (folder.path / ".catalog/job/made.txt").read_text() == "7"


def test_what_failed_in_a_container_goes_on_in_another_one(folder):
    folder.configure()
    steps = {
        "a": shell("echo once >> count; export x=1", returns=["x"]),
        "b": shell("[ -e mended ] && export y=$(test -e /wheels && echo $x)", returns=["y"]),
    }
    folder.run(
        {"start_at": "a", "steps": {"a": {**steps["a"], "next": "b"}, "b": steps["b"]}}, "--run-id", "1", status=1
    )
    (folder.path / "mended").touch()
    log, _ = folder.execute("--use-cached", "1")
    assert (log["status"], log["parameters"]) == ("SUCCESS", {"x": 1, "y": 1})
    assert (folder.path / "count").read_text() == "once\n"


@pytest.fixture
def notebook_image(client, image, tmp_path_factory):
    """The image with what the extra `notebook` needs."""
    place = tmp_path_factory.mktemp("notebooks")
    images.added(place / "more.tar", "ipykernel", "nbclient", "nbformat")
    (place / "Dockerfile").write_text(f"FROM {image}\nADD more.tar /\n")
    client.images.build(path=str(place), tag="with-notebooks", network_mode="none", rm=True)
    (place / "more.tar").unlink()
    return "with-notebooks"


def test_notebooks_objects_files_and_metrics_go_from_container_to_container(folder, notebook_image):
    folder.configure(overrides={"notebooks": {"image": notebook_image}})
    (folder.path / "things.py").write_text(
        "import magnus\n"
        "class Thing:\n    def __init__(self, n): self.n = n\n"
        "def make():\n    magnus.track_this(loss=0.5, step=1)\n    return Thing(20)\n"
        "def use(thing, m): return {'total': thing.n + m}\n"
    )
    source = "m = n + 1\nopen('made.txt', 'w').write(str(m))\nprint('in a cell')"
    cell = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
    (folder.path / "n.ipynb").write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]})
    )
    steps = {
        "make": {"type": "task", "command": "things.make", "returns": [{"name": "thing", "kind": "object"}]},
        "look": {
            "type": "task",
            "command_type": "notebook",
            "command": "n.ipynb",
            "returns": [{"name": "m", "kind": "metric"}],
            "catalog": {"put": "made.txt"},
            "overrides": {KIND: "notebooks"},
        },
        "use": {"type": "task", "command": "things.use", "catalog": {"get": "made.txt"}},
    }
    for name, after in zip(steps, [*list(steps)[1:], "success"], strict=True):
        steps[name]["next"] = after
    log, said = folder.run({"start_at": "make", "steps": steps}, "--n", "21", "--run-id", "mine")
    assert log["parameters"]["total"] == 42
    assert "in a cell" in said
    assert log["steps"]["make"]["user_defined_metrics"] == {"loss": {"1": 0.5}}
    assert log["steps"]["look"]["user_defined_metrics"] == {"m": 22}
    executed = json.loads((folder.path / ".catalog/mine/n_out.ipynb").read_text())
    assert executed["cells"][-1]["outputs"][0]["text"] in ("in a cell\n", ["in a cell\n"])
    assert (folder.path / ".catalog/mine/made.txt").read_text() == "22"


def test_a_run_is_reproduced_in_containers(folder):
    """The containers see the restored project, and the stores in the folder of the user."""
    folder.configure()
    (folder.path / "work.py").write_text("def f(n):\n    return {'doubled': n * 2}\n")
    (folder.path / "raw.txt").write_text("1")
    steps = {
        "a": {"type": "task", "command": "work.f", "next": "b", "catalog": {"put": ["raw.txt"]}},
        "b": shell("pwd > place; export x=$(cat raw.txt)", returns=["x"], catalog={"put": ["place"]}),
    }
    (folder.path / "p.yaml").write_text(json.dumps({"dag": {"start_at": "a", "steps": steps}}))
    (folder.path / ".gitignore").write_text(".catalog\n.run_log_store\nplace\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-qm", "first")):
        subprocess.run([*git, *arguments], cwd=folder.path, check=True)
    folder.execute("p.yaml", "--n", "3", "--run-id", "r")
    (folder.path / "work.py").write_text("def f(n):\n    return {'doubled': 0}\n")
    done = subprocess.run(
        [sys.executable, "-m", "magnus", "reproduce", "r", "--json"],
        cwd=folder.path,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
    )
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert [step["path"] for step in document["steps"]] == ["b"], done.stdout + done.stderr
    [step] = document["steps"]
    assert [change["what"] for change in step["changes"]] == ["place"]
    assert (step["path"], step["judgement"]) == ("b", "not judged")
