"""Names for the values that cross the border to user code and JSON; everything else is typed exactly."""

from typing import Any, TypeAlias

__all__ = ["Json", "UserObject"]

Json: TypeAlias = Any
"""A JSON value: null, boolean, number, text, list, or mapping with text keys."""

UserObject: TypeAlias = Any
"""Any value that a function of the user takes or returns."""
