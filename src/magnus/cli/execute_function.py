"""`magnus execute_function`: call one function, tracked as a step of a pipeline is."""

import click

from magnus.cli import jobs
from magnus.cli.arguments import TakesParameters
from magnus.cli.asking import asked


@click.command("execute_function", cls=TakesParameters, options_metavar="[OPTIONS] [--name value ...]")
@click.argument("function")
@jobs.shared
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    ctx: click.Context,
    function: str,
    configuration_file: str,
    parameters_file: str,
    tag: str,
    run_id: str,
    data_folder: str,
    put: tuple[str, ...],
    returns: tuple[str, ...],
    log_level: str | None,  # noqa: ARG001 - read from the context
) -> int:
    """Call FUNCTION, `module.function` or `script.py:function`, as a pipeline of one step, and print its run log."""
    wanted = asked(
        ctx,
        file="",
        configuration_file=configuration_file,
        parameters_file=parameters_file,
        tag=tag,
        run_id=run_id,
    )
    name = function.replace(":", ".").rpartition(".")[2]
    name = f"{name}()" if name in {"success", "fail"} else name  # those are the ends of every pipeline
    return jobs.run_job(wanted, name, {"command": function}, data_folder=data_folder, put=put, returns=returns)
