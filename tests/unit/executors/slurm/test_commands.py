"""Commands of Slurm: their output with banners and without, their failures, and the environment that they get."""

import csv
import errno
import os
import shlex
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from magnus.executors.jobs.batch_system import Batch, Full, Job, NoAnswer, Phase, Refused
from magnus.executors.slurm import commands
from magnus.executors.slurm.client import SlurmClient
from magnus.executors.slurm.job_script import job_script, program, unmountable
from magnus.executors.slurm.options import Container, SlurmOptions
from magnus.executors.slurm.queue import job_id_in, jobs_in, records_in, setting_in
from magnus.executors.slurm.states import PHASES, phase_of


def row(*fields):
    return "".join(f"{field:<24}|" for field in fields)


def test_jobs_are_read_from_padded_fields():
    output = "\n".join(
        [
            "Welcome to the cluster | be nice",
            "CLUSTER: fast",
            row("17", "17_3", "PENDING", "0", "Resources", "n/a", "magnus-a", "key-1 fit/0/train fit/1"),
            row("18", "18", "RUNNING", "2", "None", "node7", "magnus-b", "key-2 a|b"),
            row("19", "19", "FAILED", "0", "NonZeroExitCode", "node7", "magnus-a", "(null)"),
        ]
    )
    assert list(jobs_in(output)) == [
        ("magnus-a", Job("17_3", "key-1", 3, Phase.WAITING, "PENDING", "Resources", "", 0)),
        ("magnus-b", Job("18", "key-2", 0, Phase.RUNNING, "RUNNING", "", "node7", 2)),
        ("magnus-a", Job("19", "(null)", 0, Phase.EXITED, "FAILED", "NonZeroExitCode", "node7", 0)),
    ]


def test_a_line_that_is_cut_says_nothing():
    whole = row("17", "17_3", "PENDING", "0", "Resources", "n/a", "magnus-a", "key-1")
    with pytest.raises(NoAnswer, match="cannot be read"):
        list(jobs_in(f"{whole}\n{whole[:80]}"))


@pytest.mark.parametrize("output", ["17\n", "17;fast\n", "Welcome\n17\n", "You have 3 jobs\n\n17;fast\n"])
def test_the_id_of_a_job_may_come_after_a_banner(output):
    assert job_id_in(output) == "17"


def test_without_an_id_nobody_knows_whether_there_is_a_job():
    with pytest.raises(NoAnswer, match="gave no job id"):
        job_id_in("Welcome\n")


def test_settings_and_records_of_scontrol():
    assert setting_in("MaxArraySize            = 1001\nMinJobAge               = 300 sec\n", "MinJobAge") == "300"
    assert setting_in("MaxArraySize = 1001", "Max") == ""
    output = "PartitionName=debug AllowGroups=ALL Default=YES MaxTime=2:00:00 State=UP\n"
    assert next(iter(records_in(output)))["MaxTime"] == "2:00:00"


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ("sbatch: error: Unable to contact slurm controller (connect failure)", NoAnswer),
        ("squeue: error: slurm_load_jobs: Socket timed out on send/recv operation", NoAnswer),
        ("slurm_load_jobs error: Unable to contact slurm controller (connect failure)", NoAnswer),
        ("sbatch: error: Batch job submission failed: Invalid job array specification", Full),
        ("sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job violates", Full),
        ("sbatch: error: AssocMaxSubmitJobLimit", Full),
        ("sbatch: error: Batch job submission failed: Invalid partition name specified", Refused),
        ("sbatch: unrecognized option '--nonsense'\nTry \"sbatch --help\"", Refused),
        ("", Refused),
    ],
)
def test_failures_are_of_three_kinds(errors, kind):
    assert type(commands.failure("sbatch", errors, 1)) is kind


def test_a_command_that_a_signal_ended_said_nothing():
    assert type(commands.failure("sbatch", "", -9)) is NoAnswer


def test_a_message_names_the_reason_once():
    error = commands.failure("sbatch", "hello\nsbatch: error: no\nsbatch: error: no\n", 1)
    assert error.problems[0].message == "sbatch: no"


def test_a_command_that_is_missing_says_where_to_run_magnus():
    with pytest.raises(Refused, match="the command 'no-such-sbatch' cannot be run") as caught:
        commands.run(["no-such-sbatch"])
    assert "login node" in caught.value.problems[0].fix


def test_a_command_that_hangs_is_ended():
    with pytest.raises(NoAnswer, match="did not answer in"):
        commands.run(["sleep", "3600"], seconds=0.05)


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.ESTALE])
def test_a_command_that_cannot_start_for_the_moment_said_nothing(number, monkeypatch):
    def start(*_arguments, **_options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(subprocess, "run", start)
    with pytest.raises(NoAnswer, match="could not start"):
        commands.run(["squeue"])


@pytest.mark.parametrize("message", ["slurm_load_jobs error: Invalid user id", "Resource temporarily unavailable"])
def test_a_squeue_that_fails_says_nothing_of_jobs(message, tmp_path, monkeypatch):
    squeue = tmp_path / "squeue"
    squeue.write_text(f"#!/bin/sh\necho 'squeue: error: {message}' >&2\nexit 1\n")
    squeue.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    client = SlurmClient(SlurmOptions(), tmp_path)
    with pytest.raises(NoAnswer, match=message):
        client.jobs(["mine"])
    with pytest.raises(NoAnswer, match=message):
        client.cancel(["17"])


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """A `squeue` that writes `rows`, and counts its calls with their names of jobs."""
    command = tmp_path / "bin" / "squeue"
    command.parent.mkdir()
    command.write_text(
        f"#!/bin/sh\nfor a; do case $a in --name=*) echo $a;; esac; done >> {tmp_path}/calls\ncat {tmp_path}/rows\n"
    )
    command.chmod(0o700)
    monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")

    def write(*rows):
        (tmp_path / "rows").write_text("".join(f"{line}\n" for line in rows))

    def calls():
        return (tmp_path / "calls").read_text().splitlines()

    return SimpleNamespace(write=write, calls=calls)


def test_one_squeue_lists_the_jobs_of_many_runs(squeue, tmp_path):
    names = [f"run-{number:03}" for number in range(500)]
    squeue.write(
        row("17", "17_0", "RUNNING", "0", "None", "node7", "magnus-run-004", "key-1 a"),
        row("17", "17_1", "PENDING", "0", "Priority", "n/a", "magnus-run-004", "key-1 a"),
        row("18", "18", "RUNNING", "0", "None", "node7", "magnus-run-499", "key-2 a"),
        row("19", "19", "RUNNING", "0", "None", "node7", "magnus-RUN-004", "key-3 a"),
    )
    jobs = SlurmClient(SlurmOptions(), tmp_path).jobs(names)
    assert {run: [job.id for job in each] for run, each in jobs.items()} == {
        "run-004": ["17_0", "17_1"],
        "run-499": ["18"],
    }
    assert squeue.calls() == ["--name=" + ",".join(f"magnus-{name}" for name in names)]


def test_names_that_fill_a_command_line_are_several_requests(squeue, tmp_path):
    names = [f"{number:03}-" + "ü" * 90 for number in range(300)]
    squeue.write()
    assert SlurmClient(SlurmOptions(), tmp_path).jobs(names) == {}
    lines = squeue.calls()
    assert len(lines) == 2
    assert max(map(len, lines)) < 131_072
    assert sum(line.count("magnus-") for line in lines) == 300


def test_a_backslash_in_the_folder_of_jobs_is_refused(tmp_path):
    batch = Batch("m0", "mine", ["a"], tmp_path / "m0.sh", "", Path("/home/back\\slash/slurm/mine"))
    with pytest.raises(Refused, match="drops the backslash"):
        SlurmClient(SlurmOptions(), tmp_path).submit(batch)


def test_variables_of_a_job_do_not_reach_its_commands():
    own = {
        "SLURM_JOB_ID": "7",
        "SLURM_ARRAY_TASK_ID": "3",
        "SLURMD_NODENAME": "n",
        "SBATCH_ARRAY_INX": "1-3",
        "SQUEUE_FORMAT": "%A",
        "PMI_RANK": "0",
    }
    kept = {"SLURM_CONF": "/etc/slurm.conf", "SBATCH_ACCOUNT": "mine", "PATH": "/bin", "HOME": "/root"}
    assert commands.clean({**own, **kept}) == kept


def test_a_job_that_is_of_no_known_state_runs():
    assert phase_of("SOMETHING_NEW") is Phase.RUNNING
    assert set(PHASES.values()) == set(Phase)


@pytest.mark.parametrize(
    ("variables", "arguments"),
    [
        ({"SLURM_JOB_ID": "17"}, ["0", "17", "node7", "0"]),
        (
            {"SLURM_JOB_ID": "20", "SLURM_ARRAY_JOB_ID": "17", "SLURM_ARRAY_TASK_ID": "3", "SLURM_RESTART_COUNT": "2"},
            ["3", "17_3", "node7", "2"],
        ),
    ],
)
def test_the_script_gets_what_a_job_knows_of_itself(variables, arguments, tmp_path):
    script = tmp_path / "an odd 'name' $HOME.sh"
    script.write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n')
    script.chmod(0o700)
    text = job_script(script)
    environment = {"PATH": "/usr/bin:/bin", "SLURMD_NODENAME": "node7", **variables}
    done = subprocess.run(["bash", "-c", text], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == arguments


def test_containers_see_the_folders_of_the_run():
    here = Path("/home/me/my project")
    apptainer = Container("apptainer", "image.sif", ("/scratch", "/data:/mnt"), ("--nv",))
    assert shlex.join(program(apptainer, here)) == (
        "apptainer exec --bind '/home/me/my project' --bind /scratch --bind /data:/mnt --pwd '/home/me/my project' "
        "--nv image.sif magnus"
    )
    written = [here, here / "slurm", Path("/data"), Path("/data/catalog"), Path("/logs")]
    assert shlex.join(program(Container("apptainer", "image.sif"), here, written)) == (
        "apptainer exec --bind '/home/me/my project' --bind /data --bind /logs --pwd '/home/me/my project' image.sif magnus"
    )
    pyxis = Container("pyxis", "nvcr.io#nvidia/pytorch:24.01", ("/scratch",))
    assert list(program(pyxis, Path("/home/me"))) == [
        "srun",
        "--nodes=1",
        "--ntasks=1",
        "--container-image=nvcr.io#nvidia/pytorch:24.01",
        "--container-mounts=/home/me:/home/me,/scratch:/scratch",
        "--container-workdir=/home/me",
        "magnus",
    ]


@pytest.mark.parametrize(
    ("folder", "field"),
    [
        ("/home/a,b", '"source=/home/a,b","destination=/home/a,b"'),
        ("/home/a:b", '"source=/home/a:b","destination=/home/a:b"'),
        ('/home/a"b', '"source=/home/a""b","destination=/home/a""b"'),
        ("/home/a^b", '"source=/home/a^b","destination=/home/a^b"'),
        ("/home/a\\b", '"source=/home/a\\b","destination=/home/a\\b"'),
    ],
)
def test_apptainer_gets_odd_paths_as_quoted_csv(folder, field):
    words = program(Container("apptainer", "image.sif"), Path(folder), [Path("/plain folder")])
    assert list(words[2:8]) == ["--mount", f"type=bind,{field}", "--bind", "/plain folder", "--pwd", folder]
    [row] = csv.reader([words[3]])
    assert row == ["type=bind", f"source={folder}", f"destination={folder}"]


def test_mounts_of_users_keep_their_form():
    mounts = ("/a", "/a:/b", "/a:/b:ro,image-src=/x", "/a,b:/c")
    words = program(Container("apptainer", "image.sif", mounts), Path("/here"))
    assert list(words[4:-4]) == [
        *("--bind", "/a", "--bind", "/a:/b", "--bind", "/a:/b:ro,image-src=/x"),
        *("--mount", 'type=bind,"source=/a,b",destination=/c'),
    ]


def test_pyxis_cannot_mount_folders_that_it_would_split():
    folders = [Path("/home/a,b"), Path("/home/a,b/in-it"), Path("/home/a:b"), Path("/home/c")]
    assert unmountable(Container("pyxis", "image"), folders) == ["/home/a,b", "/home/a:b"]
    assert unmountable(Container("apptainer", "image"), folders) == []
