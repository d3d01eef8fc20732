"""Options that several commands share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

CallableT = TypeVar("CallableT", bound=Callable[..., Any])

file = click.option("-f", "--file", "file_option", metavar="FILE", help="The pipeline.")
configuration_file = click.option(
    "-c", "--config-file", "--config", "configuration_file", default="", metavar="FILE", help="The configuration."
)
parameters_file = click.option(
    "-p", "--parameters-file", "--parameters", default="", metavar="FILE", help="Initial parameters, YAML or JSON."
)
tag = click.option("--tag", default="", metavar="TEXT", help="A word to find the run by.")
log_level = click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], case_sensitive=False),
    help="Show what magnus logs for diagnosis.",
)


def applied(*options: Callable[[CallableT], CallableT]) -> Callable[[CallableT], CallableT]:
    """One decorator of several, the first one listed first in the help."""

    def decorate(function: CallableT) -> CallableT:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate
