"""What people call the steps of a run that is going on: branches of a map by their elements. Used for trackers."""

from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.branches import branches_of


class StepNames:
    """Looks at the record of a step with branches once, and when a step in one of them is named."""

    def __init__(self, store: RunLogStore, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._labels: dict[BranchPath, str] = {}

    def __call__(self, path: StepPath) -> tuple[str, ...]:
        """The names of the branches and steps around the step, and its own."""
        names = list(path.parts)
        branch = path.branch
        while branch.parts:
            names[len(branch.parts) - 1] = self._label(branch)
            composite = branch.composite
            branch = BranchPath() if composite is None else composite.branch
        return tuple(names)

    def _label(self, branch: BranchPath) -> str:
        if branch not in self._labels and (composite := branch.composite) is not None:
            record = self._store.get_step(self._run_id, composite)
            if record is not None:  # of a loop there are more rounds each time
                self._labels.update({found.path: found.label for found in branches_of(record)})
        return self._labels.get(branch, branch.parts[-1])
