"""`magnus export`: runs with their files as one archive, for other stores."""

import click

from magnus.cli import console, options


@click.command(epilog="Example: magnus export latest runs.tar")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.argument("file", metavar="FILE")
@options.configuration_file
def command(runs: tuple[str, ...], file: str, configuration_file: str) -> int:
    """Write runs with their files into one archive.

    It holds the records, the files, objects and large values, the output of steps and the captured differences from the
    commit. `magnus import` brings them into other stores. An existing file is replaced. RUN is the id of a run, a prefix of
    it, or `latest`.
    """
    from magnus.app.text.units import size  # lazy: --help needs none of it
    from magnus.app.transfer.export_runs import export_runs

    result = export_runs(runs, file, configuration_file, console.environment())
    for name in result.missing:
        console.note(f"warning: the content of '{name}' is not in the catalog, and is not in '{file}'")
    count = len(result.run_ids)
    named = f"run {result.run_ids[0]}" if count == 1 else f"{count} runs"
    contents = f"{result.contents} content{'' if result.contents == 1 else 's'}"
    console.emit(f"wrote {named} with {contents} to {file} ({size(result.size)})\n")
    return 0
