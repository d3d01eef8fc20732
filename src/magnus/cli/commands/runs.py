"""`magnus runs`: lists runs with their status."""

from typing import Final, TypedDict, Unpack

import click

from magnus.cli import console, options

_MOST_ON_A_TERMINAL: Final = 25


class ValueOptions(TypedDict):
    """The options about values of runs."""

    metrics: tuple[str, ...]
    params: tuple[str, ...]
    sort_by: str
    ascending: bool


@click.command(epilog="Example: magnus runs --status FAIL --since 2d")
@options.configuration_file
@click.option(
    "--status", "statuses", multiple=True, metavar="STATUS",
    help="Only runs of this status, such as SUCCESS, FAIL, PROCESSING, LOST (nothing of it runs any more) or DAMAGED; repeatable.",
)  # fmt: skip
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only runs with this tag; repeatable.")
@click.option("--pipeline", "pipelines", multiple=True, metavar="NAME", help="Only runs of this pipeline; repeatable.")
@click.option(
    "--since", default="", metavar="WHEN", help="Only runs started then or later: 2d, 1h30m ago, or 2026-01-31."
)
@click.option("--before", default="", metavar="WHEN", help="Only runs started before; the same formats.")
@click.option(
    "--metrics", multiple=True, metavar="NAME", help="Add a column with this metric; repeatable, or NAME,NAME."
)
@click.option(
    "--params", multiple=True, metavar="NAME", help="Add a column with this parameter; likewise. Dots lead inside."
)
@click.option(
    "--sort", "sort_by", default="", metavar="NAME", help="Sort by a metric or a parameter, the largest first."
)
@click.option("--ascending", is_flag=True, help="With --sort, the smallest first.")
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
    **values: Unpack[ValueOptions],
) -> int:
    """List the runs, the newest first.

    Times are UTC.
    """
    from datetime import UTC, datetime  # lazy: --help needs none of it
    from functools import cache
    from itertools import islice

    from magnus.app.inspect.damage import with_damage
    from magnus.app.inspect.list_runs import RunFilter, list_runs, run_filter
    from magnus.app.inspect.run_object import Run
    from magnus.app.inspect.run_values import order_of, values_of
    from magnus.app.inspect.viewer import viewer
    from magnus.cli.text import run_table

    chosen = run_filter(statuses=statuses, tags=tags, pipelines=pipelines, since=since, before=before)
    is_short = limit is None and not as_json and console.is_terminal()
    most = _MOST_ON_A_TERMINAL if is_short else limit or None
    with viewer(configuration_file, console.environment()) as services:
        if not services.store.capabilities.persistent:
            console.note(f"the run log store of type '{services.store_type}' keeps no runs for other processes")
        runs = with_damage(services.store, list_runs(services.store, chosen))
        read = cache(lambda run: values_of(Run(run, services.store, services.working_directory)))
        columns = run_table.columns_of(values["metrics"], values["params"], read)
        if values["sort_by"]:
            listed = list(runs)
            order = order_of([*map(read, listed)], values["sort_by"], ascending=values["ascending"])
            runs = (listed[number] for number in order)
        if as_json:
            console.emit(run_table.as_json(islice(runs, most), columns))
            return 0
        shown = list(islice(runs, most))
        console.emit(run_table.as_table(shown, datetime.now(UTC), columns))
        is_cut = is_short and next(runs, None) is not None
        for remark in run_table.remarks(shown, is_cut=is_cut, is_filtered=chosen != RunFilter()):
            console.note(remark)
    return 0
