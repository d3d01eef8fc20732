"""Whether the secrets that steps name are there. Used by `check`; no value is shown or kept."""

from collections.abc import Iterable, Iterator

from magnus.app.parameters.data_flow import Described
from magnus.errors import MagnusError, Problem
from magnus.graph.dataflow.findings import Severity
from magnus.graph.dataflow.reachability import caught_steps
from magnus.graph.nodes import Graph
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality, SecretVariableNames
from magnus.interfaces.secrets import Secrets


def problems(
    described: Iterable[Described], provider: Secrets, spread: ExecutorCapabilities, graph: Graph | None
) -> Iterator[Problem]:
    """What the provider does not have: an error where a step lists it, a warning where its code may ask for it.

    It is a warning too where the failure of the step leads to success in the `graph`. On other machines the environment
    is the one that the executor gives.
    """
    caught = set() if graph is None else {id(node) for node in caught_steps(graph)}
    known: dict[str, Problem | None] = {}
    for found in described:
        for number, name in enumerate(found.node.secrets):
            if (wrong := _missing(name, provider, spread, known)) is not None:
                severity: Severity = "warning" if id(found.node) in caught else "error"
                yield Problem(wrong.message, wrong.fix, found.step.locate("secrets", number), found.step.step, severity)
        for name in found.facts.description.secrets:
            if name not in found.node.secrets and (wrong := _missing(name, provider, spread, known)) is not None:
                message = f"{found.node.task.command} asks for a secret: {wrong.message}"
                yield Problem(message, wrong.fix, found.step.locate("command"), found.step.step, "warning")


def _missing(
    name: str, provider: Secrets, spread: ExecutorCapabilities, known: dict[str, Problem | None]
) -> Problem | None:
    """Why there is no such secret; None when there is one."""
    if name not in known:
        known[name] = _looked_up(name, provider, spread)
    return known[name]


def _looked_up(name: str, provider: Secrets, spread: ExecutorCapabilities) -> Problem | None:
    if spread.runs_on is Locality.NETWORK and isinstance(provider, SecretVariableNames):
        variable = provider.variable(name)
        if variable in spread.gives:
            return None
        message = f"the executor gives steps no variable '{variable}', in which the secret '{name}' is looked for"
        option = f" by '{spread.gives_by}' of the executor" if spread.gives_by else ""
        return Problem(message, f"give it to the steps{option}")
    try:
        provider.get(name)
    except MagnusError as error:
        return error.problems[0]
    return None
