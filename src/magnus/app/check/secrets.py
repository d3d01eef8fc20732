"""Checks that the secrets that steps name exist; no value is shown or kept."""

from collections.abc import Iterable, Iterator

from magnus.app.parameters.data_flow import DescribedTask
from magnus.errors import MagnusError, Problem
from magnus.graph.dataflow.findings import Severity
from magnus.graph.dataflow.reachability import caught_steps
from magnus.graph.nodes import Graph
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality, SecretVariableNames
from magnus.interfaces.secrets import Secrets


def problems(
    described: Iterable[DescribedTask], provider: Secrets, spread: ExecutorCapabilities, graph: Graph | None
) -> Iterator[Problem]:
    """The missing secrets: an error where a step lists one, a warning where its code may ask for one.

    It is a warning too where the failure of the step leads to success in the `graph`. Steps on other machines have the
    environment that the executor gives them.
    """
    caught = set() if graph is None else {id(node) for node in caught_steps(graph)}
    results: dict[str, Problem | None] = {}
    for task in described:
        for number, name in enumerate(task.node.secrets):
            if (problem := _missing(name, provider, spread, results)) is not None:
                severity: Severity = "warning" if id(task.node) in caught else "error"
                yield Problem(
                    problem.message, problem.fix, task.step.locate("secrets", number), task.step.step, severity
                )
        for name in task.facts.description.secrets:
            if name not in task.node.secrets and (problem := _missing(name, provider, spread, results)) is not None:
                message = f"{task.node.task.command} asks for a secret: {problem.message}"
                yield Problem(message, problem.fix, task.step.locate("command"), task.step.step, "warning")


def _missing(
    name: str, provider: Secrets, spread: ExecutorCapabilities, results: dict[str, Problem | None]
) -> Problem | None:
    """The reason why the secret is missing; None when it exists."""
    if name not in results:
        results[name] = _look_up(name, provider, spread)
    return results[name]


def _look_up(name: str, provider: Secrets, spread: ExecutorCapabilities) -> Problem | None:
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
