"""`magnus check`: what is wrong with a pipeline, before it runs."""

from pathlib import Path

import click

from magnus.cli import console, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.asking import asked


@click.command(cls=TakesParameters, options_metavar="[OPTIONS] [--name value ...]")
@options.of_run
@click.option("--run-id", default="", metavar="ID", help="The id that the run would have.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="How to say what is wrong.")
@click.option("--no-import", is_flag=True, help="Read the code of tasks without importing it.")
@options.resuming
@options.progress
@options.log_level
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    ctx: click.Context,
    file: str | None,
    file_option: str | None,
    configuration_file: str,
    parameters_file: str,
    tag: str,
    run_id: str,
    output: str,
    no_import: bool,  # noqa: FBT001 - an option
    use_cached: str | None,
    strict: bool,  # noqa: ARG001, FBT001 - taken, as by execute
    dry_run: bool,  # noqa: ARG001, FBT001 - likewise
    log_level: str | None,  # noqa: ARG001 - read from the context
) -> int:
    """Check the pipeline FILE (pipeline.yaml when none is named) without running it.

    Takes what `magnus execute` takes. The exit status is 2 when there are errors; warnings are no errors.
    """
    from msgspec.structs import replace  # lazy: --help needs none of it

    from magnus.app.checking.use_case import check
    from magnus.cli import problem_texts

    original, run_id = options.original_of(use_cached, run_id)
    wanted = asked(
        ctx,
        file=options.pipeline_file(file, file_option),
        configuration_file=configuration_file,
        parameters_file=parameters_file,
        tag=tag,
        run_id=run_id,
    )
    found = check(replace(wanted, use_cached=original), imports=not no_import)
    console.emit(problem_texts.checked_json(found) if output == "json" else problem_texts.checked(found, _Lines()))
    return 2 if found.errors else 0


class _Lines:
    """The lines of files, each read once."""

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {}

    def __call__(self, file: str) -> list[str]:
        if file not in self._known:
            try:
                self._known[file] = Path(file).read_text(encoding="utf-8").split("\n")
            except (OSError, UnicodeDecodeError):
                self._known[file] = []
        return self._known[file]
