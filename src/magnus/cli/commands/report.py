"""`magnus report`: a run as one HTML page to look at, to send, or to print."""

import click

from magnus.cli import console, options


@click.command(epilog="Example: magnus report latest -o report.html")
@click.argument("run")
@click.option("-o", "--output", default="", metavar="FILE", help="Where to write it; - is standard output.  [RUN.html]")
@click.option(
    "--pictures",
    type=options.Size(),
    default=None,
    help="Most pictures and notebooks from the catalog, 0 for none.  [4MB]",
)
@options.configuration_file
def command(run: str, output: str, pictures: int | None, configuration_file: str) -> int:
    """Write a run as one HTML file.

    The file opens in a browser, without a network.

    It shows the pipeline, when each step ran, its metrics, pictures, notebooks, files, parameters and output, and what
    failed. An existing file is replaced. RUN is the id of the run, a prefix of it, or `latest`.
    """
    from magnus.app.report.pictures import DEFAULT_BUDGET  # lazy: --help needs none of it
    from magnus.app.report.write_report import report_page, write_page

    most = DEFAULT_BUDGET if pictures is None else pictures
    run_id, page = report_page(run, configuration_file, console.environment(), most_pictures=most)
    if output == "-":
        console.emit(page)
        return 0
    file = output or f"{run_id}.html"
    write_page(page, file)
    console.emit(f"wrote {file}\n")
    return 0
