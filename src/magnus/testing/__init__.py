"""Contract suites for authors of plugins, and functions that run pipelines and single steps in tests."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from magnus.testing.pipelines import run_pipeline, run_step

__all__ = ["run_pipeline", "run_step"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'magnus.testing' has no attribute '{name}'")
    from importlib import import_module  # lazy: the contract suites need none of it

    return getattr(import_module("magnus.testing.pipelines"), name)
