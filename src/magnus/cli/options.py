"""Options that several commands share."""

from collections.abc import Callable
from typing import Any, Final, NotRequired, TypedDict, TypeVar

import click

from magnus.app.log_levels import LEVELS
from magnus.app.log_levels import log_level as log_level_of
from magnus.cli.arguments import NO_VALUE

_SHOWN: Final = "magnus.shown"
CallableT = TypeVar("CallableT", bound=Callable[..., Any])

file = click.option("-f", "--file", "file_option", metavar="FILE", help="The pipeline.")
configuration_file = click.option(
    "-c", "--config-file", "--config", "configuration_file", default="", metavar="FILE", help="The configuration."
)
parameters_file = click.option(
    "-p", "--parameters-file", "--parameters", default="", metavar="FILE", help="Initial parameters, YAML or JSON."
)
tag = click.option("--tag", default="", metavar="TEXT", help="A word to find the run by.")
run_id = click.option("--run-id", default="", metavar="ID", help="The id of the run; one is made when none is given.")


class Asked(TypedDict):
    """What the options say that each command has which runs something."""

    configuration_file: str
    parameters_file: str
    tag: str
    log_level: NotRequired[str | None]


class OfRun(Asked):
    """What `of_run`, `resuming` and the id of the run say."""

    file: str | None
    file_option: str | None
    run_id: str
    use_cached: str | None
    strict: bool
    assume_lost: bool
    dry_run: bool


class OfReentry(Asked):
    """What `of_reentry` says."""

    file_option: str | None
    use_cached: str
    workflow_name: str
    workflow_uid: str


def resuming(function: CallableT) -> CallableT:
    """The options with which a run goes on with another one."""
    return applied(
        click.option(
            "--use-cached", default=None, is_flag=False, flag_value=NO_VALUE, metavar="[RUN]",
            help="Go on with this run: what succeeded in it is not run again.",
        ),
        strict, assume_lost, dry_run,
    )(function)  # fmt: skip


def of_run(function: CallableT) -> CallableT:
    """The pipeline of a run, as an argument or an option, and what goes with it."""
    return applied(
        click.argument("file", required=False), file, configuration_file, parameters_file, tag
    )(function)  # fmt: skip


strict = click.option("--strict", is_flag=True, help="Going on with a run: refuse when anything changed since.")
assume_lost = click.option(
    "--assume-lost", is_flag=True, help="Going on with a run: it has ended, although that cannot be told from here."
)
dry_run = click.option("--dry-run", is_flag=True, help="Going on with a run: show what would run, and run nothing.")


class _Level(click.Choice[str]):
    """A level, or another word for one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(super().convert(log_level_of(str(value)) or value, param, ctx))


log_level = click.option(
    "--log-level", type=_Level(LEVELS, case_sensitive=False), help="Show what magnus logs for diagnosis."
)


workflow = click.option(
    "--workflow-uid", default="", metavar="UID",
    help="The workflow that the run belongs to; the id of the run where RUN is empty.",
)  # fmt: skip


def of_reentry(function: CallableT) -> CallableT:
    """The options with which an engine runs a part of a run; it has a place for the id of the original in any case."""
    return applied(
        file, configuration_file, parameters_file, tag,
        click.option(
            "--use-cached", "use_cached", default="", metavar="RUN",
            help="The run that a run begun here goes on with; may be empty.",
        ),
        click.option("--workflow-name", default="", metavar="NAME", help="What the engine calls a run begun here."),
        workflow,
        log_level,
    )(function)  # fmt: skip


def progress(function: CallableT) -> CallableT:
    """The options that say what is shown of a run; `shown` has them."""
    return applied(
        click.option(
            "-q", "--quiet", is_flag=True, expose_value=False, callback=_kept,
            help="Show nothing but why the run failed.",
        ),
        click.option(
            "--show-output", type=click.Choice(["all", "tail", "none"]), default="all", expose_value=False,
            callback=_kept, help="Of what steps print: all, the end while they run and when they fail, or nothing.",
        ),
    )(function)  # fmt: skip


def shown(ctx: click.Context) -> dict[str, Any]:
    """What the options of `progress` say, by name, and that there may be a live tree."""
    said: dict[str, Any] = ctx.meta.get(_SHOWN, {})
    return {
        "quiet": said.get("quiet", False),
        "output": said.get("show_output", "all"),
        "is_live": True,
    }


def prints_run_log(ctx: click.Context) -> str:
    """When the run log is printed, as `--json` of `progress` says."""
    said: dict[str, Any] = ctx.meta.get(_SHOWN, {})
    return str(said.get("run_log", "auto"))


def _kept(ctx: click.Context, option: click.Parameter, value: Any) -> None:
    ctx.meta.setdefault(_SHOWN, {})[option.name] = value


run_log = click.option(
    "--json", "run_log", type=click.Choice(["auto", "always", "never"]), default="auto", expose_value=False,
    callback=_kept,
    help="Print the run log: unless a terminal would be flooded by it, always, or never.",
)  # fmt: skip


def applied(*options: Callable[[CallableT], CallableT]) -> Callable[[CallableT], CallableT]:
    """One decorator of several, the first one listed first in the help."""

    def decorate(function: CallableT) -> CallableT:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def pipeline_file(argument: str | None, option: str | None) -> str:
    """The pipeline that is named as an argument or with `--file`; "" for none."""
    if argument and option and argument != option:
        raise click.UsageError(f"two pipelines are named: '{argument}' and, with --file, '{option}'")
    return argument or option or ""


def refuse_without_original(use_cached: str, *, strict: bool, dry_run: bool, assume_lost: bool) -> None:
    """UsageError for an option that says how to go on with another run where none is named."""
    if use_cached:
        return
    if dry_run:
        raise click.UsageError("--dry-run shows how a run would go on with another one: name it with --use-cached RUN")
    if assume_lost:
        raise click.UsageError("--assume-lost is about the run that is gone on with: name it with --use-cached RUN")
    if strict:
        raise click.UsageError("--strict compares with the run that is gone on with: name it with --use-cached RUN")


def original_of(use_cached: str | None, run_id: str) -> tuple[str, str]:
    """The run to go on with, and the id of the new one; `--run-id RUN --use-cached` is how the first generation said it."""
    if use_cached != NO_VALUE:
        return use_cached or "", run_id
    if not run_id:
        raise click.UsageError("--use-cached needs a run: --use-cached RUN")
    return run_id, ""
