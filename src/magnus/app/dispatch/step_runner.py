"""The executor of a run, with what it needs to run steps: in this process, in workers, or by re-entry commands."""

from collections.abc import Mapping
from types import MappingProxyType

from magnus.app.composition.configuration import Configuration
from magnus.app.composition.services import executor_type
from magnus.engine.context import RunContext
from magnus.engine.step.run_step import run_step
from magnus.interfaces.executor import Executor, ReentrySpec, StepRequest, WarmStart, WorkerSpec


def executor(
    configuration: Configuration,
    context: RunContext,
    warm_start: WarmStart | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Executor:
    """The executor of the configuration, for the steps of the run of `context`; `warm_start` is what `begin` gave.

    `variables` are the variables of the environment that pipeline and configuration use.
    """
    executor_class, options = executor_type(configuration)
    more = {} if warm_start is None else {"warm_start": warm_start}
    instance: Executor = executor_class(options, _Steps(configuration, context, variables), **more)
    return instance


class _Steps:
    """Runs the steps of a run, as a StepRunner."""

    def __init__(self, configuration: Configuration, context: RunContext, variables: Mapping[str, str]) -> None:
        self._configuration = configuration
        self._context = context
        self._variables = variables

    def __call__(self, request: StepRequest) -> None:
        run_step(self._context, request)

    def worker_spec(self) -> WorkerSpec:
        from magnus.app.dispatch.worker import worker_spec  # lazy: most runs have no workers

        return worker_spec(self._configuration, self._context)

    def reentry_spec(self) -> ReentrySpec:
        from magnus.app.dispatch.reentry_spec import reentry_spec  # lazy: as above

        return reentry_spec(self._configuration, self._context, self._variables)
