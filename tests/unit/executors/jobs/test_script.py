"""The script of a batch runs the step of one job, with any names, and leaves marks of its start and its end."""

import os
import shlex
import signal
import subprocess
import time

import pytest
from safety_net import LONGEST_SECONDS

from magnus.executors.jobs.run_folder import RunFolder, Start
from magnus.executors.jobs.script import JobScript, environment_text

ODD = "über \"the\" 'moon'\n$(touch hacked) `touch hacked` \\ *"


class Site:
    def __init__(self, folder):
        self.folder = folder
        self.files = RunFolder(folder / "jobs of runs", "mine")
        self.files.make({"TOKEN": ODD})

    def script(self, *commands, setup=(), working_directory=None):
        script = JobScript(
            "mkey", "mine", self.files.private, working_directory or self.folder, setup, [list(one) for one in commands]
        )
        return self.files.write_script(script)

    def start(self, script, index=0, job="17", restarts=0, **more):
        command = [script, str(index), job, "node-1", str(restarts)]
        return subprocess.Popen(command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)

    def run(self, script, *arguments, **more):
        with self.start(script, *arguments, **more) as process:
            output = process.communicate()[0]
        return process.returncode, output

    def marks(self):
        return sorted(mark.name for mark in self.files.marks())


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


@pytest.mark.parametrize("status", [0, 1, 75, 127, 137])
def test_marks_say_that_a_job_started_and_how_it_ended(site, status):
    assert site.run(site.script(["sh", "-c", f"exit {status}"]))[0] == status
    assert site.marks() == [f"mkey-0.0.end.{status}", "mkey-0.0.start"]
    [start] = [mark for mark in site.files.marks() if mark.status is None]
    noted = site.files.start_of(start)
    assert (noted.machine, noted.job) == ("node-1", "17")


def test_the_file_of_the_output_is_noted(site):
    log = site.folder / "a log\nwith an odd name"
    with log.open("wb") as output:
        subprocess.run([site.script(["true"]), "0", "17", "n", "0"], stdout=output, check=True)
    [start] = [mark for mark in site.files.marks() if mark.status is None]
    assert site.files.start_of(start) == Start("n", "17", str(log))


def test_each_job_runs_its_own_step_with_words_as_they_are(site):
    script = site.script(["printf", "%s|", "first"], ["printf", "%s|", ODD, "", "x"])
    assert site.run(script, 1) == (0, f"{ODD}||x|")
    assert not (site.folder / "hacked").exists()


def test_a_step_has_the_variables_of_the_run_and_no_input(site):
    script = site.script(["sh", "-c", 'printf %s "$TOKEN"; cat; pwd; echo "$MAGNUS_JOB $MAGNUS_JOB_MACHINE"'])
    assert site.run(script) == (0, f"{ODD}{site.folder}\n17 node-1\n")
    assert not (site.folder / "hacked").exists()


def test_secrets_are_for_the_user_alone():
    assert environment_text({"a-b": "no shell has it", "TOKEN": "it's"}) == "export TOKEN='it'\"'\"'s'\n"


def test_the_private_folder_and_its_files_are_for_the_user_alone(site):
    site.script(["true"])
    modes = [path.stat().st_mode & 0o077 for path in (site.files.private, site.files.private / "environment")]
    assert modes == [0, 0]


def test_lines_of_setup_come_first(site):
    script = site.script(["sh", "-c", "echo $DONE; pwd"], setup=["export DONE=yes", "cd /"])
    assert site.run(script) == (0, f"yes\n{site.folder}\n")


def test_a_trap_of_the_setup_runs_after_the_step(site):
    script = site.script(["sh", "-c", "echo step; exit 7"], setup=["trap 'echo scratch is removed' EXIT"])
    assert site.run(script) == (7, "step\nscratch is removed\n")
    assert site.marks() == ["mkey-0.0.end.7", "mkey-0.0.start"]


def test_the_file_of_events_is_there_before_the_step(site):
    site.run(site.script(["test", "-e", f"{site.files.private}/events/mkey-0"]))
    assert "mkey-0.0.end.0" in site.marks()


def test_a_setup_that_exits_leaves_a_mark(site):
    assert site.run(site.script(["touch", "ran"], setup=["no-such-module || exit 9"]))[0] == 9
    assert "mkey-0.0.end.9" in site.marks()
    assert not (site.folder / "ran").exists()


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("no-such-module", 127),
        ("exit 7", 7),
        ("exec sh -c 'exit 5'", 5),
        ("if then", 2),
        ("set -u; echo $NO_SUCH_VARIABLE", 1),
        ("kill -9 $BASHPID", 137),
    ],
)
def test_a_setup_that_fails_under_a_trap_of_the_user_leaves_a_mark(site, line, status):
    script = site.script(["touch", "ran"], setup=["set -e", "trap 'touch cleaned' EXIT", line, "set +e"])
    assert site.run(script)[0] == status
    assert site.marks() == [f"mkey-0.0.end.{status}", "mkey-0.0.start"]
    assert not (site.folder / "ran").exists()
    assert (site.folder / "cleaned").exists() == (line.split()[0] not in {"exec", "kill"})


def test_the_mark_of_a_step_does_not_wait_for_a_trap_and_is_the_only_one(site):
    setup = [f"marks={shlex.quote(str(site.files.private / 'marks'))}", "trap 'ls \"$marks\" >> seen; exit 9' EXIT"]
    script = site.script(["sh", "-c", "exit 3"], setup=setup)
    assert site.run(script)[0] == 9
    assert (site.folder / "seen").read_text().split() == ["mkey-0.0.end.3", "mkey-0.0.start"]
    assert site.marks() == ["mkey-0.0.end.3", "mkey-0.0.start"]


def test_a_setup_that_loses_the_path_costs_no_mark(site):
    assert site.run(site.script(["/bin/sh", "-c", "exit 4"], setup=["PATH=/nowhere"]))[0] == 4
    assert site.marks() == ["mkey-0.0.end.4", "mkey-0.0.start"]


def test_lines_of_setup_are_read_one_after_another(site):
    setup = ["shopt -s expand_aliases extglob", "alias greet='echo hello'", "greet", "echo no-@(such|file)"]
    assert site.run(site.script(["true"], setup=setup)) == (0, "hello\nno-@(such|file)\n")


def test_a_disk_that_was_full_when_the_job_started_costs_no_mark(site):
    script = site.script(["rmdir", f"{site.files.private}/new/mkey-0.0.end"])
    (site.files.private / "new" / "mkey-0.0.end").mkdir()  # as a disk without room, the file cannot be made
    status, output = site.run(script)
    assert status == 0, output
    assert site.marks() == ["mkey-0.0.end.0", "mkey-0.0.start"]


def test_a_working_directory_that_is_not_there_is_named(site):
    status, output = site.run(site.script(["true"], working_directory=site.folder / "gone"))
    assert status == 3
    assert "the working directory is not there on node-1" in output


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_job_that_is_stopped_in_its_setup_runs_nothing(site, number, status):
    script = site.script(["touch", "ran"], setup=["until [ -e never ]; do touch here; sleep 0.05; done"])
    with site.start(script, start_new_session=True) as process:
        _until((site.folder / "here").exists)
        os.killpg(process.pid, number)
        assert process.wait(LONGEST_SECONDS) == status
    assert f"mkey-0.0.end.{status}" in site.marks()
    assert not (site.folder / "ran").exists()


def test_a_signal_is_for_the_step_and_its_exit_is_the_mark(site):
    command = "trap 'exit 143' TERM; until [ -e never ]; do touch here; sleep 0.05; done"
    with site.start(site.script(["sh", "-c", command]), start_new_session=True) as process:
        _until((site.folder / "here").exists)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(LONGEST_SECONDS) == 143
    assert "mkey-0.0.end.143" in site.marks()


def test_a_step_runs_in_one_job_alone(site):
    script = site.script(["sh", "-c", "echo ran >> ran"])
    assert site.run(script, 0, "17")[0] == 0
    assert site.run(script, 0, "18") == (0, "magnus: another job runs this step\n")
    assert site.run(script, 0, "17", 1)[0] == 0, "a requeued job is the same one"
    assert (site.folder / "ran").read_text() == "ran\nran\n"


def test_of_many_copies_that_start_at_once_one_runs(site):
    script = site.script(["sh", "-c", "echo ran >> ran"])
    processes = [site.start(script, 0, str(job)) for job in range(20)]
    for process in processes:
        process.communicate()
    assert (site.folder / "ran").read_text() == "ran\n"


def test_a_step_whose_claim_was_revoked_runs_no_more(site):
    script = site.script(["sh", "-c", "echo ran >> ran"])
    assert site.run(script, 0, "17")[0] == 0
    site.files.revoke("mkey", 0)
    assert site.run(script, 0, "17", 1) == (0, "magnus: another job runs this step\n")
    assert (site.folder / "ran").read_text() == "ran\n"


def test_a_run_that_was_stopped_starts_nothing(site):
    script = site.script(["touch", "ran"])
    site.files.stop()
    assert site.run(script)[0] == 130
    assert not (site.folder / "ran").exists()


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(site):
    script = site.script(["touch", "ran"])
    (site.files.private / "claims").chmod(0o500)
    status, output = site.run(script)
    assert status == 74
    assert "cannot be written on node-1" in output


def test_a_folder_that_is_gone_runs_nothing(site):
    text = site.script(["touch", "ran"]).read_text()
    site.files.remove()
    other = site.folder / "copy"
    other.write_text(text)
    other.chmod(0o700)
    status, output = site.run(other)
    assert (status, "is gone" in output) == (74, True)
    assert not (site.folder / "ran").exists()


def _until(holds):
    deadline = time.monotonic() + LONGEST_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
