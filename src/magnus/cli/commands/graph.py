"""`magnus graph`: the pipeline as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from magnus.cli import console, options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from magnus.app.draw.data_names import DataNames
    from magnus.graph.nodes import Graph
    from magnus.graph.path import StepPath


@click.command(epilog="Example: magnus graph pipeline.yaml --format svg -o pipeline.svg")
@click.argument("file", required=False)
@options.file
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "mermaid", "svg"]),
    default="text",
    help="A tree of text (the default), a mermaid flowchart, or an SVG picture.",
)
@click.option("--data", is_flag=True, help="Show the names of parameters, objects and files on the edges.")
@click.option("--across", is_flag=True, help="Draw from the left to the right: for svg and mermaid.")
@click.option("-o", "--output", default="", metavar="FILE", help="Write it to this file.")
def command(file: str | None, file_option: str | None, format_: str, output: str, *, data: bool, across: bool) -> int:
    """Draw a pipeline without running it.

    FILE is the pipeline, pipeline.yaml when none is named.
    """
    from magnus.app.run.load_pipeline import load_pipeline  # lazy: --help needs none of it

    name = options.pipeline_file(file, file_option) or "pipeline.yaml"
    own = console.reserve_output()  # the pipeline may be a script, which is executed
    graph = load_pipeline(name, None, console.environment(), Path.cwd()).graph
    names = _data(graph) if data else {}
    if not output and format_ == "text":
        own.give_back()
        console.emit(_tree(graph, name, names))
        return 0
    text = _drawn(graph, name, format_, names, across=across)
    if output:
        console.write_file(Path(output), text)
    else:
        own.emit(text)
    return 0


def _data(graph: "Graph") -> "Mapping[StepPath, DataNames]":
    from magnus.app.draw.task_data import task_data  # lazy: only --data reads the code of tasks

    return task_data(graph, Path.cwd())


def _drawn(graph: "Graph", name: str, format_: str, data: "Mapping[StepPath, DataNames]", *, across: bool) -> str:
    match format_:
        case "svg":
            from magnus.app.draw.svg import svg  # lazy: one format at a time

            return svg(graph, data=data, across=across)
        case "mermaid":
            from magnus.app.draw.mermaid import mermaid

            return mermaid(graph, data, across=across)
        case _:
            from magnus.app.draw.tree import plain, tree

            return plain(tree(graph, graph.name or name, data=data))


def _tree(graph: "Graph", name: str, data: "Mapping[StepPath, DataNames]") -> str:
    """The tree of the pipeline, in the colours and the width of the terminal."""
    from magnus.app.draw.tree import ASCII, UNICODE, tree  # lazy: as above
    from magnus.app.text.palette import Style
    from magnus.cli.text.styled_text import has_colour, line_of, terminal_width

    styles = {
        "frame": Style.QUIET,
        "name": Style.STRONG,
        "kind": Style.BUSY,
        "detail": Style.QUIET,
        "data": Style.QUIET,
        "branch": Style.BRANCH,
        "next": Style.NEXT,
        "failure": Style.BAD,
        "warning": Style.CAREFUL,
    }
    signs = UNICODE if console.can_show("├─└│→✗…") else ASCII
    lines = tree(graph, graph.name or name, data=data, columns=terminal_width(), signs=signs)
    colour = has_colour()
    texts = (
        line_of([(span.text, styles.get(span.role, Style.PLAIN)) for span in line], colour=colour) for line in lines
    )
    return "".join(f"{text.rstrip()}\n" for text in texts)
