"""The executor `slurm` and a real controller with one node: the contract, and what users and administrators do to jobs."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import slurm_cluster
from safety_net import LONGEST_SECONDS

from magnus.executors.slurm.client import SlurmClient
from magnus.executors.slurm.options import SlurmOptions
from magnus.testing.job_executor_contract import JobExecutorContract

pytestmark = pytest.mark.xdist_group("slurm")

SERVICES = {"run_log_store": {"type": "chunked-fs"}}


def executor(**options):
    return {"type": "slurm", "config": {"poll_seconds": 0.3, **options}}


def shell(command, following="success", **more):
    return {"type": "task", "command_type": "shell", "command": command, "next": following, **more}


def one(step):
    return {"start_at": "a", "steps": {"a": step}}


def mapped(command, **more):
    """A map over the parameter `xs`."""
    branch = one(shell(command))
    each = {"type": "map", "iterate_on": "xs", "iterate_as": "x", "branch": branch, "next": "success", **more}
    return {"start_at": "each", "steps": {"each": each}}


def numbers(count):
    """The option of a command that sets `xs`."""
    return ["--xs", json.dumps(list(range(count)))]


@pytest.fixture
def cluster(slurm, monkeypatch):
    """Commands reach the cluster, and no job is left behind."""
    with using(slurm, monkeypatch):
        yield slurm


@contextmanager
def using(slurm, monkeypatch):
    for name, value in slurm.environment.items():
        monkeypatch.setenv(name, value)
    yield
    assert slurm.ends_its_jobs()


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


class Folder:
    """A working directory, in which pipelines run as users run them."""

    def __init__(self, path):
        self.path = path
        self.configure()

    def configure(self, **options):
        services = {"executor": executor(**options), **SERVICES}
        (self.path / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))

    def write(self, dag):
        (self.path / "p.yaml").write_text(json.dumps({"dag": dag}))

    def magnus(self, *arguments, status=0):
        done = subprocess.run(
            [sys.executable, "-m", "magnus", *arguments],
            cwd=self.path,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )
        assert done.returncode == status, done.stderr
        return done

    def run(self, dag, *more, status=0):
        self.write(dag)
        return json.loads(self.magnus("execute", "p.yaml", *more, status=status).stdout)

    @contextmanager
    def started(self, dag, *more, until="started", run_id="mine"):
        """A run in the background, once the file `until` is there."""
        self.write(dag)
        command = [sys.executable, "-m", "magnus", "execute", "p.yaml", "--run-id", run_id, *more]
        with open(self.path / "shown", "ab") as shown:
            process = subprocess.Popen(command, cwd=self.path, stdout=subprocess.DEVNULL, stderr=shown)
        try:
            if until:
                wait_for(lambda: (self.path / until).exists() or process.poll() is not None)
            assert process.poll() is None, self.shown()
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=LONGEST_SECONDS)

    def shown(self):
        return (self.path / "shown").read_text()

    def log(self, run_id="mine"):
        return json.loads(self.magnus("show", run_id, "--json").stdout)

    def lines(self, name):
        file = self.path / name
        return file.read_text().splitlines() if file.exists() else []


def wait_for(holds):
    deadline = time.monotonic() + LONGEST_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def end(process):
    return process.wait(timeout=LONGEST_SECONDS)


class Site:
    """What the contract may do to jobs."""

    configuration = executor(overrides={"together": {"together": True}})
    folder = "slurm"

    def __init__(self, cluster, calls):
        self.cluster = cluster
        self.calls = calls
        self.system = SlurmClient(SlurmOptions(), Path.cwd())

    def requeue(self, job):
        self.cluster.command("scontrol", "requeue", job)
        runs_again(self.cluster, job)

    def fail_machine(self, job):
        self.cluster.command("scontrol", "update", f"jobid={job}", "requeue=0")
        self.cluster.command("scontrol", "update", "nodename=localhost", "state=down", "reason=test")
        self.cluster.command("scontrol", "update", "nodename=localhost", "state=resume")

    def be_silent(self):
        self.cluster.stop_controller()

    def answer(self):
        self.cluster.start_controller()

    def submissions(self):
        return sum(line.startswith("sbatch ") for line in self.calls.read_text().split("\n"))


class TestContract(JobExecutorContract):
    run_log_store = {"type": "chunked-fs"}

    @pytest.fixture
    def site(self, cluster, monkeypatch, tmp_path_factory):
        """The cluster; the commands of runs are counted."""
        folder = tmp_path_factory.mktemp("commands") / "bin"
        with slurm_cluster.counted(folder) as calls:
            monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
            yield Site(cluster, calls)


ONCE = "if [ -e started ]; then echo again >second; exit 0; fi; touch started; sleep 3600"
"""The first time it runs until something ends it."""


def job_of(cluster):
    """The one job that runs."""
    [job] = [line.split()[0] for line in cluster.jobs() if "RUNNING" in line]
    return job


def runs_again(cluster, job):
    """Let a job that was put back into the queue start now, and not after two minutes.

    It waits for its time only when the controller knows of the end of its process, and nothing of it is left on the node;
    earlier the controller would take that end for the end of the next process. The node refuses a job that is put on it in
    the same second in which it ended the job's first process: credentials have whole seconds.
    """
    cluster.until(lambda: cluster.jobs("%i %T %r") == [f"{job} PENDING BeginTime"] and not cluster.is_on_node(job))
    second = int(time.time())
    cluster.until(lambda: int(time.time()) > second)

    def is_over():
        cluster.command("scontrol", "update", f"jobid={job}", "starttime=now")
        return f"{job} PENDING" not in cluster.jobs()

    cluster.until(is_over)


def lost_once(folder, words=""):
    """The step lost its first attempt, whose message has these words, and succeeded by the second."""
    first, second = folder.log()["steps"]["a"]["attempts"]
    assert (first["status"], second["status"]) == ("FAIL", "SUCCESS")
    assert words in first["message"]
    assert folder.lines("second") == ["again"]


def test_a_job_that_somebody_cancels_is_a_lost_attempt(cluster, folder):
    with folder.started(one(shell(ONCE, max_attempts=2))) as process:
        cluster.command("scancel", job_of(cluster))
        assert end(process) == 0, folder.shown()
    lost_once(folder)


@pytest.mark.parametrize(("requeue", "words"), [(True, ""), (False, "NODE_FAIL")])
def test_a_node_that_fails(cluster, folder, requeue, words):
    """Slurm puts the job back into the queue, or magnus submits another one."""
    folder.configure(requeue=requeue)
    with folder.started(one(shell(ONCE, max_attempts=2))) as process:
        job = job_of(cluster)
        cluster.command("scontrol", "update", "nodename=localhost", "state=down", "reason=test")
        cluster.command("scontrol", "update", "nodename=localhost", "state=resume")
        if requeue:
            runs_again(cluster, job)
        assert end(process) == 0, folder.shown()
    lost_once(folder, words)


def test_a_job_is_preempted(cluster, folder):
    folder.configure(partition="low")
    with folder.started(one(shell(ONCE, max_attempts=2))) as process:
        urgent = cluster.command("sbatch", "--parsable", "-p", "high", "-n6", "-o", "/dev/null", "--wrap", "true")
        assert end(process) == 0, folder.shown()
    assert urgent.isdecimal()
    lost_once(folder, "PREEMPTED")


@pytest.mark.slow
def test_a_job_whose_time_is_over(cluster, folder):
    folder.configure(time=60)
    with folder.started(one(shell(ONCE, max_attempts=2))) as process:
        cluster.command("scontrol", "update", f"jobid={job_of(cluster)}", "endtime=now")
        assert end(process) == 0, folder.shown()
    lost_once(folder, "TIMEOUT")


EATS = "if [ -e started ]; then echo again >second; exit 0; fi; touch started; python3 -c 'x = bytearray(300 << 20); import time; time.sleep(3600)'"


def test_a_job_that_takes_too_much_memory(cluster, folder):
    folder.configure(mem="200M")
    with folder.started(one(shell(EATS, max_attempts=2)), until="") as process:
        assert end(process) == 0, folder.shown()
    lost_once(folder, "FAILED (JobLaunchFailure)")  # with cgroups it would be OUT_OF_MEMORY


def test_a_run_whose_process_was_killed_is_resumed_without_a_step_twice_at_once(cluster, folder):
    work = "mkdir running.$x || echo twice >>twice; touch started; sleep 2; rmdir running.$x; echo $x >>done"
    with folder.started(mapped(work), *numbers(8)) as process:
        process.kill()
        end(process)
    folder.magnus("retry", "mine", "--run-id", "second")
    assert folder.lines("twice") == []
    assert sorted(map(int, folder.lines("done"))) == list(range(8))
    assert folder.log("second")["status"] == "SUCCESS"


def test_magnus_runs_in_a_job_of_its_own(cluster, folder):
    folder.write(mapped('echo "$x ${SLURM_ARRAY_TASK_ID:-none}" >>done'))
    inner = f"{sys.executable} -m magnus execute p.yaml --run-id mine --xs '[0, 1, 2]'"
    outer = ["sbatch", "--wait", "--array=7", "--chdir", str(folder.path), "--output=outer", "--wrap", inner]
    subprocess.run(outer, check=True, timeout=LONGEST_SECONDS, stdout=subprocess.DEVNULL)
    assert folder.log()["status"] == "SUCCESS", folder.lines("outer")
    assert sorted(folder.lines("done")) == ["0 0", "1 1", "2 2"]


def test_a_banner_before_each_output_is_no_part_of_it(cluster, folder, monkeypatch, tmp_path):
    with slurm_cluster.counted(tmp_path / "bin", banner="Welcome | to | the | cluster 2024"):
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
        log = folder.run(mapped("true"), *numbers(3))
    assert log["status"] == "SUCCESS"


def test_a_thousand_steps_take_few_calls(cluster, folder, monkeypatch, tmp_path):
    folder.configure(poll_seconds=30)
    with slurm_cluster.counted(tmp_path / "bin") as calls, cluster.drained():
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
        started = time.monotonic()
        with folder.started(mapped("true"), *numbers(1000), until="") as process:
            cluster.until(lambda: len(cluster.jobs()) == 1000 or process.poll() is not None)
            seconds, made = time.monotonic() - started, calls.read_text().split("\n")
            process.send_signal(signal.SIGINT)
            assert end(process) == 130
    assert sum(line.startswith("sbatch ") for line in made) <= 5
    assert sum(line.startswith("squeue ") for line in made) <= 1 + seconds / 30


def test_the_output_of_jobs_is_where_the_option_says(cluster, folder):
    folder.configure(log_folder="logs/of/jobs 100%")
    folder.run(one(shell("echo hello; squeue --me -h --Format=Name:60,Comment:60 >names")), "--run-id", "mine")
    [output] = (folder.path / "logs/of/jobs 100%/mine").glob("*.out")
    assert output.stem.isdecimal()
    assert "hello" in output.read_text()
    [name, *comment] = folder.lines("names")[0].split()
    assert name == "magnus-mine"
    assert comment[-1] == "a"


def test_a_setup_that_fails_under_a_trap_is_seen_at_once_and_its_output_goes_with_the_run(cluster, folder):
    folder.configure(poll_seconds=1000.0, setup=["trap 'echo cleaned' EXIT", "echo no module; exit 7"])
    log = folder.run(one(shell("true")), status=1)
    message = log["steps"]["a"]["message"]
    assert "exited with status 7 before the step had a result" in message
    [output] = (folder.path / "slurm" / log["run_id"]).glob("*.out")
    assert output.read_text() == "no module\ncleaned\n"
    plan = folder.magnus("gc", "--keep-last", "0").stdout
    assert f"would remove: the folder 'slurm/{log['run_id']}', 2 files, 18 B\n" in plan
    folder.magnus("gc", "--keep-last", "0", "--yes")
    assert not output.parent.exists()


def test_a_line_of_setup_that_fails_is_the_message(cluster, folder):
    folder.configure(setup=["echo no such module >&2", "false"])
    log = folder.run(one(shell("touch ran")), status=1)
    assert "no such module" in log["steps"]["a"]["message"]
    assert not folder.lines("ran")


@pytest.fixture(scope="module")
def small_slurm():
    """A cluster that takes arrays of 11 jobs, and forgets jobs after two seconds."""
    with slurm_cluster.running(min_job_age=2, max_array_size=11) as cluster:
        yield cluster


def test_arrays_are_split_and_jobs_are_forgotten(small_slurm, folder, monkeypatch):
    with using(small_slurm, monkeypatch):
        log = folder.run(mapped("echo $SLURM_ARRAY_JOB_ID >>done"), *numbers(25))
    assert log["status"] == "SUCCESS"
    assert len(folder.lines("done")) == 25
    assert len(set(folder.lines("done"))) == 3


def test_check_finds_what_the_cluster_does_not_have(cluster, folder):
    folder.configure(
        partition="debgu",
        overrides={
            "long": {"partition": "debug", "time": "3h"},
            "closed": {"partition": "closed"},
            "many": {"partition": "debug", "cpus_per_task": 600},
            "gpu": {"partition": "debug", "gpus": 1},
            "right": {"partition": "debug", "time": "1h", "mem": "1G"},
        },
    )
    folder.write(one(shell("true")))
    assert folder.magnus("check", "p.yaml").returncode == 0
    said = folder.magnus("check", "p.yaml", "--connect", status=2).stdout
    for words in ("no partition 'debgu'", "did you mean 'debug'?", "'time' is 180 minutes", "it is DOWN"):
        assert words in said
    assert "5 errors" in said  # the options of the executor itself, and four overrides


@pytest.mark.parametrize("name", ['it\'s "odd" %j %% $HOME', "two\nlines"])
def test_a_working_directory_with_an_odd_name(cluster, tmp_path, name):
    path = tmp_path / name
    path.mkdir()
    odd = Folder(path)
    odd.run(mapped("pwd; echo $x >>ran"), *numbers(2), "--run-id", "mine's %j, odd")
    assert sorted(odd.lines("ran")) == ["0", "1"]
    outputs = list((path / "slurm" / "mine's %j, odd").glob("*.out"))
    assert len(outputs) == 2
