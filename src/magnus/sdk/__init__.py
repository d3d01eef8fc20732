"""Pipelines and their steps as objects, with the fields of YAML.

`from magnus.sdk import Pipeline` gives what `from magnus import Pipeline` does, as in the 2024 generation.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    import magnus  # lazy: PEP 562; the names have their homes there

    if name == "__all__":
        return magnus.__all__
    if name not in magnus.__all__:
        raise AttributeError(f"module 'magnus.sdk' has no attribute '{name}'")
    return getattr(magnus, name)
