"""Runs that put, get, end and go in any order, against a plain dict: what a run that is left needs is always there."""

from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from upkeep_places import NOW, ROOT, Place

from magnus.app.cleanup import collect_garbage, verify_content
from magnus.app.cleanup.collect_garbage import Rules
from magnus.app.inspect.viewer import open_services
from magnus.engine.processes import liveness
from magnus.run_log.records import Status
from magnus.testing.pieces import contents, make_folder

RUNS = st.sampled_from(("a", "b", "c", "d"))
BRANCHES = st.sampled_from((ROOT, ROOT.step("map").into("0")))
FILES = st.dictionaries(
    st.sampled_from(("x", "folder/y", "z")), st.sampled_from((b"1", b"2", b"3" * 3000)), min_size=1, max_size=3
)


class CleanupMachine(RuleBasedStateMachine):
    """`kept` has what each run put, ever, as long as its files are there; `alive` the runs that have not ended."""

    def __init__(self):
        super().__init__()
        self.cleanup = ExitStack()
        self.place = Place(Path(self.cleanup.enter_context(TemporaryDirectory())))
        self.cleanup.callback(self.place.store.close)
        self.keep_reasons = {}
        self.known = set()
        self.alive = set()
        self.tags = {}
        self.old = set()
        self.steps = 0

    def teardown(self):
        self.cleanup.close()

    @rule(run=RUNS, files=FILES, tag=st.sampled_from(("", "x")), alive=st.booleans())
    def begin(self, run, files, tag, alive):
        if run in self.known:
            return
        owner, status = (liveness.this_process(), Status.PROCESSING) if alive else (None, Status.SUCCESS)
        self.keep_reasons[run] = list(self.place.run(run, files, status=status, owner=owner, tag=tag))
        self.known.add(run)
        self.tags[run] = tag
        if alive:
            self.alive.add(run)
        self.put_now(files)

    @rule(run=RUNS, files=FILES, branch=BRANCHES)
    def put(self, run, files, branch):
        if run in self.keep_reasons:
            self.steps += 1
            self.keep_reasons[run] += self.place.step(run, f"s{self.steps}", files, branch)
            self.put_now(files)

    @rule(run=RUNS)
    def end(self, run):
        if run in self.alive:
            from msgspec.structs import replace

            self.place.store.update_run(replace(self.place.store.get_run(run), status=Status.SUCCESS))
            self.alive.discard(run)

    @rule()
    def wait(self):
        self.place.make_old()
        self.old = self.place.contents()

    @rule(tags=st.sampled_from((frozenset(), frozenset("x"))), records=st.booleans(), really=st.booleans())
    def clean_up(self, tags, records, really):
        before = self.place.contents()
        services = open_services("", {}, self.place.folder)
        result = collect_garbage.clean_up(services, Rules(last=0, tags=tags), NOW, run_logs=records, really=really)
        going = {run for run in self.known if run not in self.alive and self.tags[run] not in tags}
        listed = {gone.run.run_id for gone in result.runs}
        assert listed == (going if records else going & self.keep_reasons.keys())
        after = self.place.contents()
        if not really:
            assert after == before
            return
        for run in going:
            self.keep_reasons.pop(run, None)
        if records:
            self.known -= going
        needed = {entry.data_hash for entries in self.keep_reasons.values() for entry in entries}
        assert after == {one for one in before if one in needed or one not in self.old}
        assert result.content.removed.files == len(before - after)

    def put_now(self, files):
        self.old -= {sha256(content).hexdigest() for content in files.values()}

    @invariant()
    def what_runs_put_can_be_got(self):
        if not self.keep_reasons:
            return
        assert verify_content.verify(open_services("", {}, self.place.folder), []).problems == []
        for run, entries in self.keep_reasons.items():
            with TemporaryDirectory() as folder:
                self.place.catalog.get(
                    run, ROOT, tuple({entry.name: entry for entry in entries}.values()), make_folder(Path(folder, "w"))
                )
                assert set(contents(Path(folder, "w"))) == {entry.name for entry in entries}


CleanupMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
TestCleanup = CleanupMachine.TestCase
