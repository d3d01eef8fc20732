"""What a command line asks for, for the commands that run a pipeline or a part of it. Used by them."""

from typing import TYPE_CHECKING

import click

from magnus.cli import console, garbage, options

if TYPE_CHECKING:
    from magnus.app.prepare import Execution
    from magnus.interfaces.reporter import Reporter


def executed(wanted: "Execution", *, dry_run: bool = False) -> int:
    """Run what is asked for and print its run log, or only show what would run; the exit status."""
    from magnus.app.execute import execute  # lazy: as below
    from magnus.app.prepare import prepare, prepare_to_execute, transpiles
    from magnus.run_log.records import Status

    options.refuse_without_original(wanted.use_cached, strict=wanted.strict, dry_run=dry_run)
    if dry_run:
        with console.reporter() as reporter:
            prepare(wanted, reporter)
        return 0
    if transpiles(wanted):
        with console.reporter() as reporter:
            return _transpiled(wanted, reporter)
    with console.reporter(**options.shown(click.get_current_context())) as reporter:
        prepared = prepare_to_execute(wanted, reporter)
        garbage.resume()
        ended = execute(prepared, reporter, console.emit)
    return 0 if ended.status is Status.SUCCESS else 1


def _transpiled(wanted: "Execution", reporter: "Reporter") -> int:
    """Write the pipeline down for another engine, and say what to do with it."""
    from magnus.app.transpile import transpile  # lazy: as below

    written = transpile(wanted, reporter)
    console.note("\n".join(written.lines()))
    return 0


def asked(
    ctx: click.Context, *, file: str, configuration_file: str, parameters_file: str, tag: str, run_id: str
) -> "Execution":
    """The execution that options and parameters ask for; logging is as `--log-level` says."""
    from magnus.app.prepare import Execution  # lazy: --help needs none of it

    log_level = ctx.params.get("log_level")
    console.set_up_logging(log_level)
    return Execution(
        file=file,
        configuration_file=configuration_file,
        parameters_file=parameters_file,
        arguments=ctx.obj,
        tag=tag,
        run_id=run_id,
        environment=console.environment(),
        log_level=log_level or "",
        command_line=console.command_line(),
    )
