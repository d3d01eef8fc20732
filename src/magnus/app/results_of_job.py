"""What is wrong with the names that the results of one function get, seen before it is called. Used by `cli.jobs`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from magnus.errors import Problem
from magnus.graph.nodes import Return, TaskSpec
from magnus.tasks.static import results
from magnus.tasks.static.functions import describe

_FIXES = {
    results.FIX_UNNAMED: "the value is dropped; to keep it, give it a name: --returns NAME",
    results.FIX_COUNT: "give --returns NAME once for each value that it returns, in order",
}


def problems(command: str, returns: Sequence[Return], working_directory: Path) -> Iterator[Problem]:
    """The problems, with command-line options as their fixes; the function is looked at in its source alone."""
    spec = TaskSpec("python", command, returns=tuple(returns) or None)
    for problem in describe(spec, working_directory, imports=False).problems:
        if problem.fix in _FIXES:
            yield replace(problem, fix=_FIXES[problem.fix])
