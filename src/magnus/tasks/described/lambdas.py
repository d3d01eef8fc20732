"""What a lambda of the pipeline file needs and sets. Used by `tasks.python_lambda`."""

import ast

from magnus.engine.parameters import VARIABLE_PREFIX
from magnus.graph.facts import UNKNOWN, Description, Need
from magnus.graph.nodes import TaskSpec
from magnus.tasks.described.bodies import body_of
from magnus.tasks.described.results import Returned, known_results
from magnus.tasks.described.signatures import arguments_of


def describe(spec: TaskSpec, written: ast.Lambda | None) -> Description:
    """What is known of it; nothing is evaluated. `written` is None when it is no lambda."""
    if written is None:
        return UNKNOWN
    needs = [
        Need(argument.name, f"the argument '{argument.name}' of the lambda", is_required=argument.is_required)
        for argument in arguments_of(written.args)
    ]
    known = known_results(spec.returns, Returned("the lambda", body=body_of(written)))
    uses = None if written.args.kwarg else frozenset[str]()
    sets_others = known.others or VARIABLE_PREFIX in spec.command
    return Description(tuple(needs), known.sets, sets_others, problems=known.problems, uses=uses)
