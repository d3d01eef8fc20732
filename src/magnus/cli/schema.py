"""`magnus schema`: JSON Schema of the files that users write."""

from pathlib import Path

import click

from magnus.cli import console


@click.command()
@click.argument("what", type=click.Choice(["pipeline", "configuration"]), default="pipeline")
@click.option("-o", "--output", default="", metavar="FILE", help="Write it to this file.")
def command(what: str, output: str) -> int:
    """Print the JSON Schema of pipelines or configurations.

    Editors complete and check files by it.

    The task kinds and services of packages that are installed beside magnus are in it.
    """
    import json  # lazy: --help needs none of it

    from magnus.app.schema import configuration_schema, pipeline_schema
    from magnus.app.whole_files import write_output

    schema = configuration_schema() if what == "configuration" else pipeline_schema()
    text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    if output:
        write_output(Path(output), text)
    else:
        console.emit(text)
    return 0
