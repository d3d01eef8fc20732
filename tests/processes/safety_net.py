"""How long a test waits for something that must come, before it fails: a safety net against hangs, which decides nothing.

It is far more than anything takes on a busy machine, and less than the `timeout` of a test in pyproject.toml, so that the
wait fails with its own message.
"""

LONGEST_SECONDS = 1000


def growing(seconds):
    """Time limits to try in turn with a step that must do something before its time is over: one is enough on any machine."""
    return seconds, 10 * seconds, 100 * seconds
