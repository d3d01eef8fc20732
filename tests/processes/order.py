"""Which tests are begun first when pytest-xdist spreads them: the long ones, so that no process is busy after the others.

Groups (`xdist_group`) come before all of them, the largest first: that is what `--dist loadgroup` does.
"""

LONGEST_FIRST = (
    "tests/faults/test_killed_runs.py",
    "tests/faults/test_resumed_runs.py",
    "tests/equivalence/test_equivalence.py",
    "tests/faults/",
    "tests/equivalence/",
    "tests/features/",
    "tests/end_to_end/test_argo.py",
    "tests/end_to_end/test_notebooks.py",
    "tests/end_to_end/test_terminal.py",
    "tests/end_to_end/",
    "tests/unit/tasks/test_notebook.py",
    "tests/contracts/",
    "tests/property/",
)


def rank(nodeid):
    """What is lower is begun earlier."""
    return next((number for number, start in enumerate(LONGEST_FIRST) if nodeid.startswith(start)), len(LONGEST_FIRST))
