"""`magnus show`: a run as a tree of its steps, also one that was killed."""

from collections.abc import Iterator, Sequence

import click

from magnus.cli import console, options


@click.command(epilog="Example: magnus show latest --step fit")
@click.argument("run")
@options.configuration_file
@click.option(
    "--step", default="", metavar="STEP", help="Show everything about this step: its name, or its path in branches."
)
@click.option("--all", "everything", is_flag=True, help="Show every branch, parameter and file.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the run log document; with --step, the part about the step."
)
def command(
    run: str,
    configuration_file: str,
    step: str,
    everything: bool,  # noqa: FBT001 - an option
    as_json: bool,  # noqa: FBT001 - an option
) -> int:
    """Show a run as a tree of its steps.

    RUN is the id of the run, a prefix of it, or `latest`. A run of which nothing runs any more shows as lost.
    """
    texts = (
        _as_json(run, step, configuration_file)
        if as_json
        else _as_text(run, step, configuration_file, everything=everything)
    )
    for text in texts:
        console.emit(text)
    return 0


def _as_text(run: str, step: str, configuration_file: str, *, everything: bool) -> Iterator[str]:
    """The run as a tree, or all facts of the step."""
    from datetime import UTC, datetime  # lazy: --help needs none of it

    from magnus.app.inspect.show_run import show_run, show_step
    from magnus.app.inspect.viewer import viewer
    from magnus.cli.text.tree import printed, run_lines, step_lines

    with viewer(configuration_file, console.environment()) as services:
        if step:
            shown = show_step(services, run, step)
            _note_damage(shown.damage)
            yield from printed(step_lines(shown))
        else:
            tree = show_run(services, run)
            _note_damage(tree.damage)
            yield from printed(run_lines(tree, datetime.now(UTC), everything=everything))


def _as_json(run: str, step: str, configuration_file: str) -> Iterator[str]:
    """The run log document, or its entry for the step."""
    import json  # lazy: as above

    from magnus.app.inspect.show_run import show_document, show_document_of_step
    from magnus.app.inspect.viewer import viewer

    with viewer(configuration_file, console.environment()) as services:
        if step:
            entry = show_document_of_step(services, run, step)
            yield json.dumps(entry, indent=2, ensure_ascii=False) + "\n"
        else:
            yield from show_document(services, run)


def _note_damage(damage: Sequence[str]) -> None:
    """Write the damage of the records to standard error."""
    for line in damage:
        console.note(f"damaged: {line}")
