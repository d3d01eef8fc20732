"""The steps that the arguments of a re-entry command name. Pure; used by `app.reentry`."""

from collections.abc import Sequence

from magnus.errors import InvalidInput
from magnus.graph.nodes import Graph
from magnus.graph.path import StepPath
from magnus.suggest import nearest_or_all


def step_path(graph: Graph, text: str) -> StepPath:
    """The path that `text` says: parts joined by `/`, percent-encoded, or with `%` for a space; InvalidInput if none."""
    for candidate in dict.fromkeys((text, text.replace("%", "%20"))):
        try:
            path = StepPath.parse(candidate)
            graph.step(path)
        except (ValueError, KeyError):
            continue
        return path
    names = [str(StepPath((name,))) for name in graph.nodes]
    fix = nearest_or_all(text, names, there_are="the steps are")
    raise InvalidInput(f"the pipeline has no step '{text}'", fix=fix)


def names_beside(graph: Graph, path: StepPath, names: Sequence[str]) -> list[str]:
    """The names of steps beside the step at `path`; InvalidInput for one that is not there."""
    within = graph.within(path.branch)
    paths = [step_path(within, name) for name in names]
    if wrong := next((name for name, step in zip(names, paths, strict=True) if len(step.parts) > 1), None):
        raise InvalidInput(f"'--then {wrong}' names a step inside another one", fix=f"name a step beside '{path}'")
    return [step.name for step in paths]
