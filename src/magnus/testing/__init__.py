"""What is shipped for tests: contract suites for plugins, and ways to run pipelines and single steps."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from magnus.testing.pipelines import run_pipeline, run_step

__all__ = ["run_pipeline", "run_step"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'magnus.testing' has no attribute '{name}'")
    from importlib import import_module  # lazy: the contract suites need none of it

    return getattr(import_module("magnus.testing.pipelines"), name)
