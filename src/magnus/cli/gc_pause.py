"""When the garbage collector looks for cycles: not while magnus loads, which makes many objects and no garbage.

Called by `main` and by the commands that run user code; a program of a user that uses magnus is not touched.
"""

import gc


def pause() -> None:
    """Look for no garbage until `resume`."""
    gc.disable()


def resume() -> None:
    """Look for garbage again, but not among what is there now: it is needed until the end."""
    gc.freeze()
    gc.enable()
