"""`magnus schema`: JSON Schema of the files that users write."""

from pathlib import Path

import click

from magnus.cli import console


@click.command(epilog="Example: magnus schema configuration -o configuration.schema.json")
@click.argument("what", type=click.Choice(["pipeline", "configuration"]), default="pipeline")
@click.option("-o", "--output", default="", metavar="FILE", help="Write it to this file.")
def command(what: str, output: str) -> int:
    """Print the JSON Schema of pipelines or configurations.

    Editors use it to complete and check files. It contains the task kinds and services of installed plugins.
    """
    import json  # lazy: --help needs none of it

    from magnus.app.composition.file_schemas import configuration_schema, pipeline_schema

    schema = configuration_schema() if what == "configuration" else pipeline_schema()
    text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    if output:
        console.write_file(Path(output), text)
    else:
        console.emit(text)
    return 0
