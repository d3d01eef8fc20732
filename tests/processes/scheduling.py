"""Which tests run in one process, and which are begun first, when pytest-xdist spreads them with `--dist loadgroup`.

A file with the mark `xdist_group` runs in one process, since what it starts takes long. It is looked for in the text of
the file: the mark alone does nothing with pytest 9.2 and pytest-xdist 3.8, which cannot write it into the ids of tests.
Files are begun before single tests, and long tests before short ones, so that no process is busy long after the others.
"""

import re
from functools import cache
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

GROUP = re.compile(r'xdist_group\("(\w+)"\)')
LONGEST_FIRST = (
    "tests/faults/test_killed_runs.py",
    "tests/faults/test_resumed_runs.py",
    "tests/equivalence/test_equivalence.py",
    "tests/faults/",
    "tests/equivalence/",
    "tests/end_to_end/test_argo.py",
    "tests/end_to_end/test_notebooks.py",
    "tests/end_to_end/test_terminal.py",
    "tests/end_to_end/",
    "tests/unit/tasks/test_notebook.py",
    "tests/contracts/",
    "tests/property/",
)


class Scheduling(LoadScopeScheduling):
    """Tests one by one, but those of a file with a group together."""

    def _split_scope(self, nodeid):
        return together(self.config.rootpath, nodeid)


def together(root, nodeid):
    """What is the same for tests that run in one process."""
    return group(root / nodeid.partition("::")[0]) or nodeid


@cache
def group(file: Path) -> str:
    """The group that all tests of the file belong to, or ""."""
    found = GROUP.search(file.read_text()) if file.suffix == ".py" and file.exists() else None
    return found[1] if found else ""


def rank(nodeid):
    """What is lower is begun earlier."""
    return next((number for number, start in enumerate(LONGEST_FIRST) if nodeid.startswith(start)), len(LONGEST_FIRST))
