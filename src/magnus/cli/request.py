"""Turns options and parameters into a run request, for the commands that run a pipeline or a part of it."""

from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from magnus.cli import console, options
from magnus.cli.run_log_output import RunLogOutput
from magnus.system import gc_pause

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from magnus.app.reentry.acts import Then
    from magnus.app.run.request import RunRequest
    from magnus.interfaces.reporter import Reporter


def execute_request(request: "RunRequest", *, dry_run: bool = False) -> int:
    """Run the pipeline and print its run log, or only show the plan; returns the exit status."""
    from msgspec.structs import replace  # lazy: as below

    from magnus.app.run.execute import execute
    from magnus.app.run.prepare import prepare, prepare_to_execute, transpiles
    from magnus.run_log.records import Status

    own = console.reserve_output()
    if dry_run:
        with console.reporter() as reporter:
            prepared = prepare(replace(request, still_running="show"), reporter)
            if not request.use_cached:
                from magnus.app.run.cache_plan import show_plan  # lazy: few commands show a plan

                show_plan(prepared, reporter)
        return 0
    if transpiles(request):
        for option, value in request.only_here().items():
            if value:
                message = f"{option} is for runs that start here; the executor only writes the pipeline down"
                raise click.UsageError(message)
        with console.reporter() as reporter:
            return _transpiled(request, reporter)
    shown = options.display_options(click.get_current_context())
    with (
        console.reporter(**shown, to_terminal=own.is_terminal) as reporter,
        _reported(reporter, request.log_level),
    ):
        prepared = prepare_to_execute(request, reporter)
        gc_pause.resume()
        when = options.prints_run_log(click.get_current_context())
        with RunLogOutput(own, when, prepared.services.run_log_store, request.run_id) as output:
            ended = execute(prepared, reporter, output.emit)
    return 0 if ended.status is Status.SUCCESS else 1


def _reported(reporter: "Reporter", log_level: str) -> "AbstractContextManager[None]":
    """Show log messages of magnus through the reporter, if a level is set."""
    if not log_level:
        return nullcontext()
    from magnus.cli.diagnosis import reported  # lazy: as in `console.set_up_logging`

    return reported(reporter)


def _transpiled(request: "RunRequest", reporter: "Reporter") -> int:
    """Write the pipeline down for another engine, and note the next commands."""
    from magnus.app.run.transpile import transpile  # lazy: as below

    written = transpile(request, reporter)
    console.note("\n".join(written.lines()))
    return 0


def run_request(
    ctx: click.Context,
    values: options.CommonOptions,
    *,
    run_id: str,
    file: str = "",
    use_cached: str = "",
    strict: bool = False,
    assume_lost: bool = False,
    from_step: str = "",
) -> "RunRequest":
    """The run request of options and parameters; sets up logging as `--log-level` says."""
    from magnus.app.run.request import RunRequest  # lazy: --help needs none of it

    log_level = values.get("log_level")
    console.set_up_logging(log_level)
    return RunRequest(
        file=file,
        configuration_file=values["configuration_file"],
        parameters_file=values["parameters_file"],
        arguments=ctx.obj,
        tag=values["tag"],
        run_id=run_id,
        environment=console.environment(),
        log_level=log_level or "",
        use_cached=use_cached,
        strict=strict,
        assume_lost=assume_lost,
        still_running=values.get("still_running", "wait"),
        from_step=from_step,
        no_cache=values.get("no_cache", False),
        refresh=values.get("refresh", ()),
        until=values.get("until", ""),
        command_line=console.command_line(),
    )


def reentry_request(ctx: click.Context, run: str, values: options.ReentryOptions) -> "RunRequest":
    """The same for a command by which an engine runs a part of a run."""
    from msgspec.structs import replace  # lazy: --help needs none of it

    workflow = values["workflow_uid"]
    request = run_request(
        ctx,
        values,
        file=values["file_option"] or "pipeline.yaml",
        run_id=run or workflow,
        use_cached=values["use_cached"],
        assume_lost=True,  # the engine that started the run confirmed it, and started all that still runs
    )
    return replace(request, workflow=workflow, workflow_name=values["workflow_name"], still_running="ignore")


def following_steps(names: tuple[str, ...], values: options.AttemptOptions, branches_file: str) -> "Then":
    """The steps that a re-entry command runs after the first one, and the attempts it makes."""
    from magnus.app.reentry.acts import Then  # lazy: --help needs none of it
    from magnus.engine.reentry.attempts import OneAttempt

    if not values["one_attempt"]:
        return Then(names, branches_file)
    last = values["last_exit"]  # an engine without a status passes other text
    exit_status = int(last) if last.isascii() and last.isdigit() else None
    return Then(names, branches_file, OneAttempt(exit_status, values["attempts"]))


def pipeline_request(ctx: click.Context, values: options.RunOptions) -> "RunRequest":
    """The same for a command that takes a pipeline, and may resume a run."""
    original, run_id = options.original_of(values["use_cached"], values["run_id"])
    strict, assume_lost = values["strict"], values["assume_lost"]
    cancels = values.get("still_running") == "cancel"
    options.refuse_without_original(
        original, strict=strict, assume_lost=assume_lost, from_step=values["from_step"], cancels=cancels
    )
    return run_request(
        ctx,
        values,
        file=options.pipeline_file(values["file"], values["file_option"]),
        run_id=run_id,
        use_cached=original,
        strict=strict,
        assume_lost=assume_lost,
        from_step=values["from_step"],
    )
