"""`magnus gc` removes the output of the jobs of old runs, and nothing else."""

import json
import re

import pytest
from upkeep_places import NOW, Place

from magnus.app.cleanup import collect_garbage
from magnus.app.cleanup.collect_garbage import Rules
from magnus.app.composition import plugins
from magnus.app.inspect.viewer import open_services
from magnus.cli.text.cleanup import cleaned_up, cleaned_up_json
from magnus.executors.jobs.batch_system import Job, Phase
from magnus.executors.jobs.run_folder import RunFolder
from magnus.interfaces.catalog import Usage
from magnus.run_log.records import Status
from magnus.testing.batch_system.client import FakeBatchSystem
from magnus.testing.batch_system.state import JobState

ALL_GO = Rules(last=0)
FAKE_BATCH = "magnus.testing.batch_system.executor:FakeBatchExecutor"


class JobsPlace(Place):
    """A working directory with runs whose steps were jobs of a batch system, which tests can silence."""

    def __init__(self, folder):
        super().__init__(folder)
        self.system = FakeBatchSystem(folder / "state")

    def run_of_jobs(self, run_id, *, jobs="jobs", made=True, over=True, **more):
        """A run with the output of a job; its folder `made` by the run or before, and no job left if it is `over`."""
        executor = {"type": "fake-batch", "config": {"state": str(self.system.folder), "folder": jobs}}
        self.run(run_id, run_config={"executor": executor, "other": "pipeline"}, **more)
        files = RunFolder(self.folder / jobs, run_id)
        if not made:
            files.logs.mkdir(parents=True)
        files.make({})
        (files.logs / "1_0.out").write_text("hello")
        if over:
            files.remove()
        return files.logs

    def clean_up(self, *, run_logs=False, really=True, rules=ALL_GO):
        services = open_services("", {}, self.folder)
        return collect_garbage.clean_up(services, rules, NOW, run_logs=run_logs, really=really)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setitem(plugins.BUILT_IN["executor"], "fake-batch", FAKE_BATCH)
    (tmp_path / "work-place").mkdir()
    monkeypatch.chdir(tmp_path / "work-place")
    made = JobsPlace(tmp_path / "work-place")
    yield made
    made.store.close()


def test_the_output_of_jobs_goes_with_its_run_and_a_plan_lists_it(place):
    gone, kept = place.run_of_jobs("gone"), place.run_of_jobs("kept", tag="x")
    rules = Rules(tags=frozenset("x"))
    plan = place.clean_up(really=False, rules=rules)
    [removed] = plan.runs
    [folder] = removed.folders
    assert (folder.path, folder.usage.size, folder.problem) == (gone, 5, "")
    assert "would remove: the folder 'jobs/gone', 2 files, 5 B\n" in cleaned_up(plan, NOW, really=False)
    [shown] = json.loads(cleaned_up_json(plan, NOW, really=False))["runs"]
    assert shown["folders"] == [{"path": str(gone), "files": 2, "size": 5, "problem": ""}]
    assert gone.exists()
    done = place.clean_up(rules=rules)
    assert "removed: the folder 'jobs/gone', 2 files, 5 B\n" in cleaned_up(done, NOW, really=True)
    assert (gone.exists(), kept.exists()) == (False, True)
    assert place.clean_up(rules=rules).runs == []
    assert place.system.calls("jobs") == 0, "the jobs of runs that are over are not looked for"


def test_a_folder_that_was_there_before_the_run_stays(place):
    folder = place.run_of_jobs("data", made=False, jobs=".")
    (folder / "of-the-user").touch()
    assert place.clean_up(run_logs=True).runs[0].folders == []
    assert (folder / "of-the-user").exists()


@pytest.mark.parametrize("is_silent", [False, True])
def test_a_finished_run_whose_jobs_may_run_is_kept_whole(place, is_silent):
    left = place.run_of_jobs("left", over=False, status=Status.FAIL, original_run_id="original")
    other, original = place.run_of_jobs("other"), place.run_of_jobs("original", status=Status.FAIL)
    job = JobState(Job("1_0", "key", 0, Phase.RUNNING, "RUNNING"), "left", "a", "", "")

    def change(state):
        state.is_silent = is_silent
        state.jobs["1_0"] = job

    place.system.change(change)
    result = place.clean_up(run_logs=True)
    assert result.keep_reasons == {"left": "it may be running", "original": "resumed by left"}
    assert (left.exists(), original.exists(), other.exists()) == (True, True, False)
    assert (left / ".jobs" / "environment").exists()
    assert place.system.calls("jobs") == 1


def test_a_folder_that_a_link_replaced_stays_and_the_link_too(place, tmp_path):
    folder = place.run_of_jobs("mine")
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    result = place.clean_up(run_logs=True)
    assert re.search(
        r"^left: the folder 'jobs/mine': a symbolic link leads from it out of '.*/jobs'$",
        cleaned_up(result, NOW, really=True),
        re.MULTILINE,
    )
    assert folder.is_symlink()
    assert sorted(file.name for file in (tmp_path / "elsewhere").iterdir()) == [".of-run", "1_0.out"]


def test_a_folder_of_jobs_that_is_a_link_is_where_the_user_wants_it(place, tmp_path):
    (tmp_path / "scratch").mkdir()
    (place.folder / "jobs").symlink_to(tmp_path / "scratch")
    place.run_of_jobs("mine")
    assert place.clean_up().runs[0].folders[0].usage == Usage(2, 5)
    assert (place.folder / "jobs").is_symlink()
    assert not (tmp_path / "scratch" / "mine").exists()


def test_links_in_the_folder_are_not_followed(place, tmp_path):
    folder = place.run_of_jobs("mine")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").touch()
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "read-only").mkdir()
    (folder / "read-only" / "file").touch()
    (folder / "read-only").chmod(0o500)
    place.clean_up()
    assert not folder.exists()
    assert (tmp_path / "outside" / "file").exists()
    assert (tmp_path / "outside").stat().st_mode & 0o777 == 0o755


def test_the_folder_of_a_run_without_output_is_not_there(place):
    files = RunFolder(place.folder / "jobs", "mine")
    files.make({})
    files.remove()
    assert not files.logs.exists()


def test_an_executor_that_is_not_installed_any_more_hinders_nothing(place, monkeypatch):
    folder = place.run_of_jobs("mine")
    monkeypatch.delitem(plugins.BUILT_IN["executor"], "fake-batch")
    result = place.clean_up(run_logs=True)
    assert [(each.run.run_id, list(each.folders)) for each in result.runs] == [("mine", [])]
    assert folder.exists()
