"""`magnus diff`: compares two runs and names the earliest cause of a difference."""

import json

import click

from magnus.cli import console, options


@click.command(epilog="Example: magnus diff calm-abel latest")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@options.configuration_file
@click.option("--json", "as_json", is_flag=True, help="Print all that differs as JSON.")
@click.option("--exit-code", is_flag=True, help="Exit with status 1 when more than timing differs.")
def command(
    first: str,
    second: str,
    configuration_file: str,
    as_json: bool,  # noqa: FBT001 - an option
    exit_code: bool,  # noqa: FBT001 - an option
) -> int:
    """Compare two runs, the earliest cause first.

    A and B are run ids, prefixes of ids, `latest` or `previous`. The exit status is 0 whether or not they differ.
    """
    from magnus.app.compare.compare import diff  # lazy: --help needs none of it

    difference = diff(first, second, configuration_file, console.environment())
    for run in dict.fromkeys((difference.first, difference.second)):
        for line in run.damage:
            console.note(f"damaged: {run.run_id}: {line}")
    if as_json:
        from magnus.app.compare.document import document
        from magnus.run_log.view import without_nan

        console.emit(json.dumps(without_nan(document(difference)), indent=2) + "\n")
    else:
        from magnus.cli.text.diff import lines

        for line in lines(difference):
            console.emit(line)
    return int(exit_code and difference.verdict.differs)
