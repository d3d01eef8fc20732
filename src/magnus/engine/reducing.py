"""Runs the reducer of a map as user code is run: captured, in the working directory, with the process restored.

Used at the end of a map by the orchestrator and by `app.fan`.
"""

from collections.abc import Sequence

from magnus.engine import process_state
from magnus.engine.context import RunContext
from magnus.engine.fan import Reduce
from magnus.errors import TaskFailed
from magnus.graph.path import StepPath
from magnus.interfaces.reporter import StepOutput
from magnus.values import Json


def reducing(context: RunContext, path: StepPath) -> Reduce:
    """How reducers of the composite at the path are called; what they print is the output of that step."""

    def reduce(reducer: str, values: Sequence[Json]) -> Json:
        with (
            context.pump.step(
                open_log=lambda: context.services.catalog.open_log(context.run_id, path),
                show=lambda shown: context.reporter.report(StepOutput(path, shown)),
            ),
            process_state.applied({}, context.working_directory),
        ):
            reduced = context.services.reduce(reducer, values)
        if context.masker.contains(reduced):
            raise TaskFailed("it returned a value that contains a secret, and results are kept in the run log")
        return reduced

    return reduce
