"""`magnus check`: what is wrong with a pipeline, before it runs."""

from pathlib import Path

import click

from magnus.cli import console, options
from magnus.cli.arguments import TakesParameters
from magnus.cli.asking import asked


@click.command(cls=TakesParameters, options_metavar="[OPTIONS] [--name value ...]")
@options.of_run
@click.option("--run-id", default="", metavar="ID", help="The id that the run would have.")
@click.option("--json", "as_json", is_flag=True, help="Say what is wrong as JSON.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", hidden=True)
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
    as_json: bool,  # noqa: FBT001 - an option
    output: str,
    no_import: bool,  # noqa: FBT001 - an option
    use_cached: str | None,
    strict: bool,  # noqa: FBT001 - an option
    dry_run: bool,  # noqa: FBT001 - an option
    log_level: str | None,  # noqa: ARG001 - read from the context
) -> int:
    """Check the pipeline FILE (pipeline.yaml when none is named) without running it.

    Takes every option of `magnus execute`, and what is no option of it as a parameter. The exit status is 2 when there
    are errors; warnings are no errors.
    """
    from msgspec.structs import replace  # lazy: --help needs none of it

    from magnus.app.checking.use_case import check
    from magnus.cli import problem_texts

    original, run_id = options.original_of(use_cached, run_id)
    options.refuse_without_original(original, strict=strict, dry_run=dry_run)
    wanted = asked(
        ctx,
        file=options.pipeline_file(file, file_option),
        configuration_file=configuration_file,
        parameters_file=parameters_file,
        tag=tag,
        run_id=run_id,
    )
    found = check(replace(wanted, use_cached=original, strict=strict), imports=not no_import)
    is_json = as_json or output == "json"
    console.emit(problem_texts.checked_json(found) if is_json else problem_texts.checked(found, _Lines()))
    return 2 if found.errors else 0


for _option in command.params:  # taken, as by execute, and without a meaning here
    if isinstance(_option, click.Option) and _option.name in {"tag", "dry_run", "quiet", "show_output"}:
        _option.hidden = True


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
