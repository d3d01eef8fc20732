"""What every run log store must do, as tests: a store proves itself by subclassing `RunLogStoreContract`.

::

    class TestMyStore(RunLogStoreContract):
        @contextmanager
        def place(self):
            with TemporaryDirectory() as folder:
                yield lambda: MyStore(MyOptions(folder=folder), Path.cwd())

        def pieces(self, store, run_id):
            return [FilePiece(path) for path in store.location.glob(f"{run_id}*")]

`pieces` are the records of a run where they are kept (`magnus.testing.pieces`), for tests that damage them. With
`pytest.register_assert_rewrite("magnus.testing")` in a `conftest.py`, before the import, failures show values.
"""

from hypothesis.stateful import run_state_machine_as_test

from magnus.interfaces.capabilities import Locality
from magnus.interfaces.run_log_store import RunLogStore
from magnus.testing.run_log_stores.damaged_records import DamagedRecordsContract
from magnus.testing.run_log_stores.machine import state_machine
from magnus.testing.run_log_stores.optional import OptionalAbilitiesContract, RemovalContract
from magnus.testing.run_log_stores.place import OpenStore
from magnus.testing.run_log_stores.steps import ConcurrencyContract, RunsContract, StepsContract

__all__ = ["OpenStore", "RunLogStoreContract"]


class RunLogStoreContract(
    RunsContract,
    StepsContract,
    OptionalAbilitiesContract,
    RemovalContract,
    ConcurrencyContract,
    DamagedRecordsContract,
):
    """Subclass it with a name that begins with `Test`, and say in `place` how to get a store, in `pieces` how it is damaged."""

    def test_it_behaves_as_a_dict(self) -> None:
        run_state_machine_as_test(state_machine(self.place))

    def test_what_it_declares_is_consistent(self, store: RunLogStore) -> None:
        assert store.capabilities.persistent or store.capabilities.reach is Locality.PROCESS
