"""magnus: define a data-science pipeline once, run the same definition anywhere.

The public names, loaded when they are used; importing this module does nothing else.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from magnus.interaction import get_parameter, get_run_id, get_tag, set_parameter, track_this

__version__ = "0.1.0"

__all__ = ["get_parameter", "get_run_id", "get_tag", "set_parameter", "track_this"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'magnus' has no attribute '{name}'")
    from importlib import import_module  # lazy: PEP 562

    return getattr(import_module("magnus.interaction"), name)
