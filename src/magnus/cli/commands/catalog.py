"""`magnus catalog`: checks the content of the catalog."""

import click

from magnus.cli import console, options


@click.group(epilog="Example: magnus catalog verify latest")
def command() -> None:
    """Check the content of the catalog."""


@command.command(epilog="Example: magnus catalog verify latest")
@options.configuration_file
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("runs", nargs=-1, metavar="[RUN ...]")
def verify(configuration_file: str, as_json: bool, runs: tuple[str, ...]) -> int:  # noqa: FBT001 - click's way
    """Find damaged and missing content of runs.

    It reads all content that the runs RUN keep in the catalog, and lists what is damaged or missing. Without RUN it reads
    that of all runs.

    The exit status is 1 if something is damaged or missing.
    """
    from pathlib import Path  # lazy: --help needs none of it

    from magnus.app.cleanup.verify_content import verify
    from magnus.app.inspect.viewer import open_services
    from magnus.cli.text import cleanup

    result = verify(open_services(configuration_file, console.environment(), Path.cwd()), runs)
    console.emit(cleanup.verified_json(result) if as_json else cleanup.verified(result))
    return 1 if result.problems else 0
