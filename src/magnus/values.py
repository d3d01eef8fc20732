"""Names for the values that cross the border to user code and JSON; everything else is typed exactly."""

from typing import Any, TypeAlias

__all__ = ["Json", "UserObject"]

Json: TypeAlias = Any
"""A JSON value: null, boolean, number, text, list, or mapping with text keys."""

UserObject: TypeAlias = Any
"""Whatever a user's function takes or gives back."""
