"""`magnus execute_function`: runs one function as a tracked step."""

from typing import Unpack

import click

from magnus.cli import single_task
from magnus.cli.arguments import TakesParameters


@click.command(
    "execute_function",
    cls=TakesParameters,
    options_metavar="[OPTIONS] [--name value ...]",
    epilog="Example: magnus execute_function work.fit --rate 0.1 --returns model:object",
)
@click.argument("function")
@single_task.shared
@click.pass_context
def command(ctx: click.Context, function: str, **values: Unpack[single_task.TaskOptions]) -> int:
    """Run one function as a tracked step.

    FUNCTION is `module.function` or `script.py:function`. The run log of the one step is printed.
    """
    from magnus.graph.structure import TERMINAL_TYPES  # lazy: --help needs none of it

    name = function.replace(":", ".").rpartition(".")[2]
    name = f"{name}()" if name in TERMINAL_TYPES.values() else name  # those are the ends of every pipeline
    single_task.check_results(function, values)
    return single_task.run_task(ctx, name, {"command": function}, values)
