"""`magnus gc`: remove runs that no rule keeps, and content that no run needs."""

from datetime import datetime

import click

from magnus.cli import console, options
from magnus.values import Json


@click.command(epilog="Example: magnus gc --keep-days 30 --keep-tag release --yes")
@options.configuration_file
@click.option("--keep-days", type=click.FloatRange(min=0), metavar="N", help="Keep runs started in the last N days.")
@click.option("--keep-last", type=click.IntRange(min=0), metavar="N", help="Keep the N newest runs.")
@click.option("--keep-tag", "keep_tags", multiple=True, metavar="TAG", help="Keep runs with this tag.")
@click.option(
    "--keep-status",
    "keep_statuses",
    multiple=True,
    type=click.Choice(["SUCCESS", "FAIL"], case_sensitive=False),
    help="Keep runs with this status; a lost run counts as FAIL.",
)
@click.option(
    "--keep", "keep_runs", multiple=True, metavar="RUN", help="Keep this run: its id, a prefix of it, or latest."
)
@click.option("--recent", is_flag=True, help="Remove content of the last day too; refused while a run is running.")
@click.option("--run-logs", is_flag=True, help="Remove the run logs of these runs too.")
@click.option("--yes", is_flag=True, help="Remove; without it, show what would be removed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(configuration_file: str, *, recent: bool, run_logs: bool, yes: bool, as_json: bool, **keep: Json) -> int:
    """Remove old runs, and content that no run needs.

    It removes the files of runs with the output of their jobs, and content of the catalog that no run needs. Nothing is
    removed without --yes.

    Runs matching any --keep option are kept. Without a --keep option all runs are kept. Runs that
    may still be running, whose record cannot be read, or that a kept run resumed are always kept.
    """
    from datetime import UTC  # lazy: --help needs none of it
    from pathlib import Path

    from magnus.app.cleanup.collect_garbage import Rules, clean_up
    from magnus.app.inspect.viewer import open_services
    from magnus.cli.text import cleanup
    from magnus.run_log.records import Status

    statuses = frozenset(Status(status.upper()) for status in keep["keep_statuses"])
    tags, runs = frozenset(keep["keep_tags"]), frozenset(keep["keep_runs"])
    rules = Rules(keep["keep_days"], keep["keep_last"], tags, statuses, runs)
    now = datetime.now(UTC)
    services = open_services(configuration_file, console.environment(), Path.cwd())
    result = clean_up(services, rules, now, run_logs=run_logs, really=yes, recent=recent)
    render = cleanup.cleaned_up_json if as_json else cleanup.cleaned_up
    console.emit(render(result, now, really=yes))
    return 0
