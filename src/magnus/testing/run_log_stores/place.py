"""The place of the stores that a contract suite tests, and records for its tests."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Final, TypeAlias

import pytest
from msgspec.structs import replace

from magnus.graph.path import BranchPath
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import StepRecord
from magnus.testing.records import run_record, step_record

OpenStore: TypeAlias = Callable[[], RunLogStore]
"""Opens the store again, as another process would."""

ROOT: Final = BranchPath()
MISSING: Final = "no-such-run"


class PlaceOfStores(ABC):
    """Opens stores on an empty place."""

    @abstractmethod
    def place(self) -> AbstractContextManager[OpenStore]:
        """An empty place for runs, gone afterwards.

        Every call of what it yields opens one more store on the place, as another process would; where the store
        is not persistent, it gives the same store again.
        """

    @pytest.fixture
    def open_store(self) -> Iterator[OpenStore]:
        """Opens stores on one place; all of them are closed afterwards."""
        opened: list[RunLogStore] = []

        def open_one() -> RunLogStore:
            opened.append(opening())
            return opened[-1]

        with self.place() as opening:
            yield open_one
            for store in opened:
                store.close()

    @pytest.fixture
    def store(self, open_store: OpenStore) -> RunLogStore:
        """A store on an empty place."""
        return open_store()

    @pytest.fixture
    def run_id(self, store: RunLogStore) -> str:
        """A run in `store` without steps."""
        store.create_run(run_record())
        return run_record().run_id


def questions(store: RunLogStore, run_id: str) -> tuple[Callable[[], object], ...]:
    """Everything that can be asked about a run that should be there."""
    return (
        lambda: store.get_run(run_id),
        lambda: store.update_run(run_record(run_id)),
        lambda: store.put_step(run_id, step_record()),
        lambda: store.get_step(run_id, step_record().path),
        lambda: store.list_steps(run_id, ROOT),
    )


def in_branch(branch: BranchPath, name: str) -> StepRecord:
    """A step of this name in the branch."""
    return replace(step_record(), path=branch.step(name))
