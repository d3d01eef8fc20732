"""`magnus runs`: lists runs with their status."""

import click

from magnus.cli import options


@click.command(epilog="Example: magnus runs --status FAIL --since 2d")
@options.configuration_file
@click.option(
    "--status", "statuses", multiple=True, metavar="STATUS",
    help="Only runs of this status, such as SUCCESS, FAIL, PROCESSING, LOST (its process is gone) or DAMAGED; repeatable.",
)  # fmt: skip
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only runs with this tag; repeatable.")
@click.option("--pipeline", "pipelines", multiple=True, metavar="NAME", help="Only runs of this pipeline; repeatable.")
@click.option(
    "--since", default="", metavar="WHEN", help="Only runs started then or later: 2d, 1h30m ago, or 2026-01-31."
)
@click.option("--before", default="", metavar="WHEN", help="Only runs started before; the same formats.")
@click.option(
    "-n", "--limit", type=click.IntRange(min=0), metavar="N",
    help="Show at most N runs, 0 for all. Default: 25 on a terminal, else all.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list with an object for each run.")
def command(
    configuration_file: str,
    statuses: tuple[str, ...],
    tags: tuple[str, ...],
    pipelines: tuple[str, ...],
    since: str,
    before: str,
    limit: int | None,
    as_json: bool,  # noqa: FBT001 - an option
) -> int:
    """List the runs, the newest first.

    Times are UTC.
    """
    from magnus.app.inspect.list_runs import run_filter  # lazy: --help needs none of it
    from magnus.cli.text import run_table

    chosen = run_filter(statuses=statuses, tags=tags, pipelines=pipelines, since=since, before=before)
    run_table.show(configuration_file, chosen, limit, as_json=as_json)
    return 0
