"""Options that several task kinds share. Used by the task kinds."""

from msgspec import Struct


class NoOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Steps of the kind have no fields of their own."""
