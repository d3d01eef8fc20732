"""Pauses the garbage collector while magnus loads, which makes many objects and no garbage.

Called by `main` and by the commands that run user code; a program of a user that uses magnus is not touched.
"""

import gc


def pause() -> None:
    """Collect no garbage until `resume`."""
    gc.disable()


def resume() -> None:
    """Collect garbage again, but not among the present objects, which are needed until the end."""
    gc.freeze()
    gc.enable()
