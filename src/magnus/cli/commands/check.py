"""`magnus check`: finds mistakes in a pipeline before it runs."""

from pathlib import Path
from typing import Unpack

import click

from magnus.cli import console, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.request import pipeline_request


@click.command(
    cls=TakesParameters,
    options_metavar="[OPTIONS] [--name value ...]",
    epilog="Example: magnus check pipeline.yaml -c config.yaml --x 3",
)
@options.run_options
@click.option("--run-id", default="", metavar="ID", help="The id that the run would have.")
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", hidden=True)
@click.option("--no-import", is_flag=True, help="Read the code of tasks without importing it.")
@click.option("--connect", is_flag=True, help="Also try to reach databases and servers of services.")
@options.resume_options
@options.progress
@options.log_level
@click.pass_context
def command(
    ctx: click.Context,
    *,
    as_json: bool,
    output: str,
    no_import: bool,
    connect: bool,
    **values: Unpack[options.RunOptions],
) -> int:
    """Check a pipeline without running it.

    FILE is the pipeline, pipeline.yaml when none is named.

    It takes the options of `magnus execute`; every other `--name value` is a parameter of the pipeline. The exit status is
    2 if there are errors. Warnings do not count.
    """
    from magnus.app.check.check_pipeline import check  # lazy: --help needs none of it
    from magnus.cli.text import problems

    own = console.reserve_output()
    result = check(pipeline_request(ctx, values), imports=not no_import, connects=connect)
    is_json = as_json or output == "json"
    own.emit(problems.checked_json(result) if is_json else problems.checked(result, _FileLines()))
    return 2 if result.errors else 0


for _option in command.params:  # taken, as by execute, and without a meaning here
    if isinstance(_option, click.Option) and _option.name in {"tag", "dry_run", "quiet", "show_output"}:
        _option.hidden = True


class _FileLines:
    """The lines of files without passwords in addresses, each read once."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def __call__(self, file: str) -> list[str]:
        from magnus.app.composition.configuration import without_credentials  # lazy: --help needs none of it

        if file not in self._lines:
            try:
                self._lines[file] = without_credentials(Path(file).read_text(encoding="utf-8")).split("\n")
            except (OSError, UnicodeDecodeError):
                self._lines[file] = []
        return self._lines[file]
