"""`magnus ui`: the runs of a store in a browser."""

import click

from magnus.cli import console, options


@click.command(epilog="Example: magnus ui --open")
@options.configuration_file
@click.option(
    "--host", default="127.0.0.1", show_default=True, metavar="HOST",
    help="The address to listen on. Another one than that of this machine alone needs a token, which the URL has.",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8642, show_default=True, metavar="PORT",
    help="The port; 0 takes a free one.",
)  # fmt: skip
@click.option("--open", "open_browser", is_flag=True, help="Open the page in a browser.")
def command(configuration_file: str, host: str, port: int, open_browser: bool) -> int:  # noqa: FBT001 - an option
    """Show runs in a browser, live.

    The pages list the runs, follow runs that still run, and compare runs. They only read. Ctrl-C ends the server.
    It needs the extra `ui`.
    """
    from magnus.app.ui.serve import Address, serve  # lazy: --help needs none of it

    def announce(url: str) -> None:
        console.emit(f"{url}\n")
        console.note("Ctrl-C stops it")

    try:
        serve(
            configuration_file, console.environment(), Address(host, port), announce=announce, open_browser=open_browser
        )
    except KeyboardInterrupt as error:
        if type(error) is not KeyboardInterrupt:  # SIGTERM
            raise
    return 0
