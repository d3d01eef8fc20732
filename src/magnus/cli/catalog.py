"""`magnus catalog`: look after what the catalog holds."""

import click

from magnus.cli import console, options


@click.group()
def command() -> None:
    """Look after what the catalog holds."""


@command.command()
@options.configuration_file
@click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")
@click.argument("runs", nargs=-1, metavar="[RUN ...]")
def verify(configuration_file: str, as_json: bool, runs: tuple[str, ...]) -> int:  # noqa: FBT001 - click's way
    """Verify that what runs keep in the catalog is whole.

    It reads again what the runs RUN, or all there are, keep there, and says what is damaged or missing.

    Exits with 1 when something is.
    """
    from pathlib import Path  # lazy: --help needs none of it

    from magnus.app.upkeep import Upkeep
    from magnus.cli import upkeep_texts

    verified = Upkeep(configuration_file, console.environment(), Path.cwd()).verify(runs)
    console.emit(upkeep_texts.verified_json(verified) if as_json else upkeep_texts.verified(verified))
    return 1 if verified.wrong else 0
