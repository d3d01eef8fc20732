"""Options of the executor for single steps: a step, or one around it, names them. Used before a run, by `check`, and by executors."""

from magnus.app.composition import services
from magnus.app.composition.configuration import Configuration
from magnus.definition.loader import LoadedPipeline
from magnus.errors import InvalidDefinition, Problem
from magnus.suggest import near


def check_overrides(pipeline: LoadedPipeline, configuration: Configuration) -> None:
    """Refuse overrides that steps name and the configuration of the executor does not have; InvalidDefinition."""
    if problems := unknown_overrides(pipeline, configuration):
        raise InvalidDefinition.of(problems)


def unknown_overrides(pipeline: LoadedPipeline, configuration: Configuration) -> list[Problem]:
    """The overrides that steps name and the configuration of the executor does not have.

    Those for other executors are not looked at, nor is anything where an executor knows none.
    """
    kind = configuration.executor.type
    named = [(step, step.node.overrides[kind]) for step in pipeline.steps if kind in step.node.overrides]
    if not named:
        return []
    _, options = services.executor_type(configuration)
    if not hasattr(options, "overrides"):
        return []
    known = list(options.overrides)
    return [
        Problem(f"the executor has no overrides '{name}'", _fix(name, known), step.locate("overrides", kind), step.step)
        for step, name in named
        if name not in known
    ]


def _fix(name: str, known: list[str]) -> str:
    if not known:
        return f"add overrides: {{{name}: {{...}}}} to the options of the executor"
    match = near(name, known)
    return f"did you mean '{match}'?" if match else f"there are {', '.join(repr(other) for other in known)}"
