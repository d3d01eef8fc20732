"""Runs the reducer of a map as user code is run: captured, in the working directory, with the process restored.

Used by `engine.run.composites` at the end of a map.
"""

from collections.abc import Sequence

from magnus.engine.context import RunContext
from magnus.engine.files.objects import StepObjects
from magnus.engine.rules.fan import Reduce
from magnus.engine.user_code import process_state
from magnus.errors import TaskFailed
from magnus.graph.nodes import Reducer
from magnus.graph.path import StepPath
from magnus.interfaces.reporter import StepOutput
from magnus.run_log.parameters import Parameter, plain


def reducing(context: RunContext, path: StepPath) -> Reduce:
    """How reducers of the composite at the path are called; what they print is the output of that step."""
    services = context.services
    objects = StepObjects(
        services.catalog, services.pickler, context.run_id, path.branch, context.script, context.masker
    )

    def reduce(reducer: Reducer, name: str, values: Sequence[Parameter]) -> Parameter:
        with (
            context.output_capture.step(
                open_log=lambda: services.open_log(context.run_id, path),
                show=lambda shown: context.reporter.report(StepOutput(path, shown)),
            ),
            process_state.applied({}, context.working_directory),
        ):
            reduced = services.reduce(reducer, name, values, objects)
        if context.masker.contains(plain(reduced)):
            raise TaskFailed("it returned a value that contains a secret, and results are kept in the run log")
        return reduced

    return reduce
