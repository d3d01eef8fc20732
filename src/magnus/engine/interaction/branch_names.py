"""What people call the steps of a run that is going on: branches of a map by their elements. Used for trackers."""

from contextlib import suppress

from magnus.errors import MagnusError
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.branches import branches_of


class StepNames:
    """Looks at the record of a step with branches once, and when a step in one of them is named."""

    def __init__(self, store: RunLogStore) -> None:
        self._store = store
        self._labels: dict[tuple[str, BranchPath], str] = {}

    def __call__(self, run_id: str, path: StepPath) -> tuple[str, ...]:
        """The names of the branches and steps around the step, and its own; as in its path where the run log fails."""
        names = list(path.parts)
        branch = path.branch
        while branch.parts:
            names[len(branch.parts) - 1] = self._label(run_id, branch)
            composite = branch.composite
            branch = BranchPath() if composite is None else composite.branch
        return tuple(names)

    def _label(self, run_id: str, branch: BranchPath) -> str:
        if (run_id, branch) not in self._labels and (composite := branch.composite) is not None:
            with suppress(MagnusError):  # it is about names alone
                record = self._store.get_step(run_id, composite)
                if record is not None:  # of a loop there are more rounds each time
                    self._labels.update({(run_id, found.path): found.label for found in branches_of(record)})
        return self._labels.get((run_id, branch), branch.parts[-1])
