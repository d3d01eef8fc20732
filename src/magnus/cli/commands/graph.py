"""`magnus graph`: the pipeline as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from magnus.cli import console, options

if TYPE_CHECKING:
    from magnus.graph.nodes import Graph


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
@click.option("-o", "--output", default="", metavar="FILE", help="Write it to this file.")
def command(file: str | None, file_option: str | None, format_: str, output: str) -> int:
    """Draw a pipeline without running it.

    FILE is the pipeline, pipeline.yaml when none is named.
    """
    from magnus.app.pipelines import load_pipeline  # lazy: --help needs none of it

    name = options.pipeline_file(file, file_option) or "pipeline.yaml"
    own = console.reserve_output()  # the pipeline may be a script, which is executed
    graph = load_pipeline(name, None, console.environment(), Path.cwd()).graph
    if not output and format_ == "text":
        from magnus.cli.text.pipeline_tree import pipeline_tree  # lazy: --help needs none of it

        own.give_back()
        console.emit(pipeline_tree(graph, graph.name or name, console.can_show))
        return 0
    text = _drawn(graph, name, format_)
    if output:
        console.write_file(Path(output), text)
    else:
        own.emit(text)
    return 0


def _drawn(graph: "Graph", name: str, format_: str) -> str:
    match format_:
        case "svg":
            from magnus.app.draw.svg import svg  # lazy: one format at a time

            return svg(graph)
        case "mermaid":
            from magnus.app.draw.mermaid import mermaid

            return mermaid(graph)
        case _:
            from magnus.app.draw.tree import plain, tree

            return plain(tree(graph, graph.name or name))
