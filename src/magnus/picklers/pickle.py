"""The `pickle` pickler: the pickle module of python."""

from typing import BinaryIO

from msgspec import Struct

from magnus.values import UserObject


class PickleOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """It has none."""


class PicklePickler:
    """Objects as pickles of the newest protocol; what has one is read by anything that reads pickles."""

    options = PickleOptions
    extension = ".pickle"

    def __init__(self, options: PickleOptions) -> None:
        """Nothing is kept."""

    def dump(self, value: UserObject, file: BinaryIO) -> None:
        """Write the pickle of the value."""
        import pickle  # lazy: most runs have no objects

        pickle.dump(value, file, pickle.HIGHEST_PROTOCOL)

    def load(self, file: BinaryIO) -> UserObject:
        """The value of the pickle; trusted as much as the catalog."""
        import pickle  # lazy: as above

        return pickle.load(file)  # noqa: S301 - written by a step of the user
