"""Files of steps for trackers that take them: from the catalog, verified, without secrets, and sent again when missed."""

import pytest

from magnus.app.composition.picklers import ConfiguredPicklers, of_type
from magnus.catalogs.file_system.catalog import FileSystemCatalog, FileSystemOptions
from magnus.engine.context import now
from magnus.engine.files.objects import StepObjects
from magnus.engine.interaction.tracked_files import tracked_files
from magnus.engine.interaction.tracking import Tracking
from magnus.engine.secrets.masking import Masker
from magnus.errors import DamagedContent, ExperimentTrackerError
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.experiment_tracker import TrackedRun
from magnus.run_log.records import AttemptRecord, Status, StepRecord
from magnus.testing.in_memory_tracker import InMemoryTracker
from magnus.testing.records import MOMENT


class TakingTracker(InMemoryTracker):
    """Takes the files whose names start with "a"."""

    def __init__(self):
        super().__init__()
        self.files = {}

    def takes(self, file):
        return file.name.startswith("a")

    def log_file(self, run, step, file):
        self._of(run)
        self.files[f"{step.path}/{file.name}"] = file


class Quiet:
    def __init__(self):
        self.warnings = []

    def report(self, event):
        self.warnings.append(event.message)


@pytest.fixture
def catalog(tmp_path):
    return FileSystemCatalog(FileSystemOptions(), tmp_path)


@pytest.fixture
def picklers():
    return ConfiguredPicklers(of_type("pickle"))


@pytest.fixture
def record(catalog, picklers, tmp_path):
    """A step that put two files and an object."""
    (tmp_path / "a.txt").write_text("hello")
    (tmp_path / "b.txt").write_text("other")
    entries = catalog.put("r", BranchPath(), tmp_path, ["a.txt", "b.txt"], unchanged={})
    _, entry = StepObjects(catalog, picklers, "r", BranchPath()).put("a model", {"x": 1})
    attempt = AttemptRecord(0, MOMENT, MOMENT, 0.0, Status.SUCCESS)
    return StepRecord(StepPath(("fit",)), 0, Status.SUCCESS, "task", attempts=(attempt,), catalog=(*entries, entry))


def tracking(tracker, catalog, picklers, **more):
    options = {"masker": Masker(), "reporter": Quiet(), "now": now, "monotonic": lambda: 1000.0, **more}
    return Tracking(tracker, {"type": "memory", "config": {}}, contents=(catalog, picklers), **options)


def test_the_files_that_the_tracker_takes_are_sent_after_the_step(catalog, picklers, record, tmp_path):
    tracker = TakingTracker()
    tracking(tracker, catalog, picklers).end_step(TrackedRun("r"), record)
    assert sorted(tracker.files) == ["fit/a model.pickle", "fit/a.txt"]
    tracker.files["fit/a.txt"].copy(tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "hello"
    model = tracker.files["fit/a model.pickle"]
    assert (model.object_name, model.load()) == ("a model", {"x": 1})


def test_files_that_were_missed_are_sent_later(catalog, picklers, record):
    tracker, seconds = TakingTracker(), [1000.0]
    sends = tracking(tracker, catalog, picklers, monotonic=lambda: seconds[0])
    tracker.disconnect()
    sends.end_step(TrackedRun("r"), record)
    tracker.fails = None
    seconds[0] += 100
    sends.end_run(TrackedRun("r"), Status.SUCCESS, "")
    assert len(tracker.files) == 2


def test_a_file_with_a_secret_and_a_damaged_one_are_not_given_away(catalog, picklers, record, tmp_path):
    masker = Masker()
    masker.add("key", "hello")
    files = {file.name: file for file in tracked_files(catalog, picklers, "r", record, masker)}
    with pytest.raises(ExperimentTrackerError, match=r"the file 'a.txt' contains a secret"):
        files["a.txt"].copy(tmp_path / "copy")
    [stored] = [
        path
        for path in (tmp_path / ".catalog" / ".store").rglob("*")
        if path.is_file() and path.read_bytes() == b"other"
    ]
    stored.chmod(0o644)
    stored.write_text("0ther")
    with pytest.raises(DamagedContent):
        files["b.txt"].copy(tmp_path / "copy")


def test_an_object_whose_class_is_gone_is_an_error_of_the_tracker(catalog, picklers, tmp_path):
    entry = catalog.put_stream("r", BranchPath(), ".objects/a.pickle", lambda file: file.write(b"cnowhere\nNothing\n."))
    record = StepRecord(StepPath(("fit",)), 0, Status.SUCCESS, "task", catalog=(entry,))
    [file] = tracked_files(catalog, picklers, "r", record, Masker())
    with pytest.raises(ExperimentTrackerError, match=r"'a.pickle' cannot be loaded: ModuleNotFoundError"):
        file.load()
