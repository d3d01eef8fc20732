"""What `magnus show` says, as text and as JSON. Used by it."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from magnus.app.inspect import show_run
from magnus.app.inspect.viewer import viewer
from magnus.cli import console, tree_text
from magnus.cli.lines import printed


def as_text(run: str, step: str, configuration_file: str, *, everything: bool) -> Iterator[str]:
    """The run as a tree, or all that is known of the step."""
    with viewer(configuration_file, console.environment()) as services:
        if step:
            shown = show_run.show_step(services, run, step)
            _say(shown.damage)
            yield from printed(tree_text.step_lines(shown))
        else:
            tree = show_run.show_run(services, run)
            _say(tree.damage)
            yield from printed(tree_text.run_lines(tree, datetime.now(UTC), everything=everything))


def _say(damage: Sequence[str]) -> None:
    """What is wrong with the records, on standard error."""
    for line in damage:
        console.note(f"damaged: {line}")


def as_json(run: str, step: str, configuration_file: str) -> Iterator[str]:
    """The run log document, or what it says of the step."""
    with viewer(configuration_file, console.environment()) as services:
        if step:
            said = show_run.show_document_of_step(services, run, step)
            yield json.dumps(said, indent=2, ensure_ascii=False) + "\n"
        else:
            yield from show_run.show_document(services, run)
