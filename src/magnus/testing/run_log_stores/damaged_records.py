"""What becomes of records that were damaged or removed, as tests. A part of `RunLogStoreContract`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final, TypeAlias

import pytest
from msgspec.structs import replace

from magnus.errors import RunLogStoreError, RunNotFound
from magnus.graph.path import BranchPath
from magnus.interfaces.run_log_store import FindsDamage, RunLogStore
from magnus.run_log.records import Branching, RunRecord, Status, StepRecord
from magnus.run_log.step_walk import gaps
from magnus.testing.pieces import Piece, flipped
from magnus.testing.records import MOMENT, run_record, step_record
from magnus.testing.run_log_stores.place import OpenStore

_RUN_ID: Final = "damaged"
_BEGUN: Final = run_record(_RUN_ID)
_ENDED: Final = replace(_BEGUN, status=Status.SUCCESS, end_time=MOMENT)
_EACH: Final = replace(
    step_record("each", position=1), step_type="map", branching=Branching(count=2, values=("x", "y"))
)


def _steps() -> Iterator[StepRecord]:
    """The records of a run in the order of execution, two for each step that succeeds: of its start and of its end."""

    def both(step: StepRecord) -> Iterator[StepRecord]:
        yield replace(step, status=Status.PROCESSING, attempts=(), parameters={})
        yield step

    yield from both(step_record("first"))
    started, ended = both(_EACH)
    yield started
    for branch in (_EACH.path.into("0"), _EACH.path.into("1")):
        yield from both(replace(step_record(), path=branch.step("inner")))
        yield replace(step_record(), path=branch.step("success"), position=1, step_type="success", parameters={})
    yield ended
    yield from both(step_record("last", position=2))
    yield replace(step_record("success", position=3), step_type="success", attempts=(), parameters={})


_STEPS: Final = tuple(_steps())
_BRANCHES: Final = (BranchPath(), _EACH.path.into("0"), _EACH.path.into("1"))

Facts: TypeAlias = tuple[RunRecord, Mapping[BranchPath, Sequence[StepRecord]]]


class DamagedRecordsContract:
    """Say in `pieces` where records are kept; without, these tests are skipped."""

    def pieces(self, store: RunLogStore, run_id: str) -> Sequence[Piece]:  # noqa: ARG002 - others need them
        """The records of the run where the store keeps them, one by one, so that a test can damage each."""
        return ()

    @pytest.fixture
    def damageable(self, open_store: OpenStore) -> Sequence[Piece]:
        """The records of a run that succeeded."""
        store = open_store()
        _make(store, _RUN_ID)
        pieces = self.pieces(store, _RUN_ID)
        if not pieces:
            persistent = store.capabilities.persistent
            pytest.skip("say in `pieces` where records are kept" if persistent else "what it keeps is in memory alone")
        return pieces

    @pytest.mark.parametrize("bits", [0x01, 0x80])
    def test_a_record_with_a_changed_byte_is_never_believed_and_always_reported(
        self, open_store: OpenStore, damageable: Sequence[Piece], bits: int
    ) -> None:
        whole = _facts(open_store())
        for piece in damageable:
            content = piece.read()
            places = {0, 1, len(content) // 2, len(content) - 1, *range(0, len(content), max(len(content) // 7, 1))}
            for place in places:
                with _changed(piece, content, flipped(content, place, bits)):
                    store = open_store()
                    assert isinstance(store, FindsDamage), "a store that outlives its process is to say what it skips"
                    assert store.damaged_records(_RUN_ID), f"byte {place} of {content!r}"
                    _assert_believable(store, whole)
                    store.close()

    def test_a_record_that_was_cut_is_never_believed_and_always_reported(
        self, open_store: OpenStore, damageable: Sequence[Piece]
    ) -> None:
        whole = _facts(open_store())
        for piece in damageable:
            content = piece.read()
            for length in (1, len(content) // 3, len(content) - 2):
                with _changed(piece, content, content[:length]):
                    store = open_store()
                    assert isinstance(store, FindsDamage)
                    assert store.damaged_records(_RUN_ID), f"cut at {length}: {content!r}"
                    _assert_believable(store, whole)
                    store.close()

    def test_a_record_that_is_missing_changes_nothing_or_is_told_from_the_rest(
        self, open_store: OpenStore, damageable: Sequence[Piece]
    ) -> None:
        for number in range(len(damageable)):
            store, run_id = open_store(), f"without-{number}"
            _make(store, run_id)
            whole = _facts(store, run_id)
            self.pieces(store, run_id)[number].remove()
            _assert_believable(open_store(), whole)

    def test_a_step_that_succeeds_again_has_its_record_again(
        self, open_store: OpenStore, damageable: Sequence[Piece]
    ) -> None:
        for piece in damageable:
            content = piece.read()
            with _changed(piece, content, flipped(content, len(content) // 2)):
                store = open_store()
                with suppress(RunLogStoreError):  # where it is the record of the run
                    store.put_step(_RUN_ID, step_record("first"))
                    assert store.get_step(_RUN_ID, step_record("first").path) == step_record("first")
                store.close()


def _make(store: RunLogStore, run_id: str) -> None:
    store.create_run(replace(_BEGUN, run_id=run_id))
    for step in _STEPS:
        store.put_step(run_id, step)
    store.update_run(replace(_ENDED, run_id=run_id))
    store.close()


@contextmanager
def _changed(piece: Piece, content: bytes, other: bytes) -> Iterator[None]:
    piece.write(other)
    try:
        yield
    finally:
        piece.write(content)


def _facts(store: RunLogStore, run_id: str = _RUN_ID) -> Facts:
    return store.get_run(run_id), {branch: list(store.list_steps(run_id, branch)) for branch in _BRANCHES}


def _assert_believable(store: RunLogStore, whole: Facts) -> None:
    """What is read was written, and where it is not all that was, somebody says so."""
    ended = whole[0]
    try:
        records = run, steps = _facts(store, ended.run_id)
    except (RunLogStoreError, RunNotFound):
        return
    assert run in (ended, replace(_BEGUN, run_id=ended.run_id))
    assert all(step in _STEPS for listed in steps.values() for step in listed)
    if records != whole and run == ended:
        skipped = store.damaged_records(run.run_id) if isinstance(store, FindsDamage) else ()
        missing = tuple(gaps(run, lambda branch: steps.get(branch, ())))
        assert skipped or missing
