"""Pauses the garbage collector while magnus loads, which makes many objects and no garbage.

Called by `cli.main`, by the commands that run user code, and by `app.reentry.acts`; a program of a user that uses magnus
is not touched.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def pause() -> None:
    """Collect no garbage until `resume`."""
    gc.disable()


def resume() -> None:
    """Collect garbage again, but not among the present objects, which are needed until the end."""
    gc.freeze()
    gc.enable()


@contextmanager
def paused() -> Iterator[None]:
    """Collect no garbage inside, and afterwards only if it was collected before."""
    was_enabled = gc.isenabled()
    pause()
    try:
        yield
    finally:
        if was_enabled:
            resume()
