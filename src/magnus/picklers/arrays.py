"""The `npy` pickler: arrays of numpy, and the `joblib` pickler: objects with large arrays in them."""

from typing import BinaryIO

from msgspec import Struct

from magnus.picklers.packages import require
from magnus.values import UserObject


class ArrayOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """It has none."""


class NpyPickler:
    """One array of numpy; any reader of `.npy` reads the files."""

    options = ArrayOptions
    extension = ".npy"

    def __init__(self, _options: ArrayOptions) -> None:
        """InvalidConfiguration without numpy."""
        require("numpy", "npy")

    def dump(self, value: UserObject, file: BinaryIO) -> None:
        """Write the array; TypeError for other values, ValueError for an array of objects."""
        import numpy as np  # lazy: needed where an array is written or read alone

        if type(value) is not np.ndarray:
            message = f"the format 'npy' holds an array of numpy, not a value of type {type(value).__name__}"
            raise TypeError(message)
        np.save(file, value, allow_pickle=False)

    def load(self, file: BinaryIO) -> UserObject:
        """The array."""
        import numpy as np  # lazy: as above

        return np.load(file, allow_pickle=False)


class JoblibPickler:
    """Objects as `joblib.dump` writes them, such as models of scikit-learn; `joblib.load` reads the files."""

    options = ArrayOptions
    extension = ".joblib"

    def __init__(self, _options: ArrayOptions) -> None:
        """InvalidConfiguration without joblib."""
        require("joblib", "joblib")

    def dump(self, value: UserObject, file: BinaryIO) -> None:
        """Write the object."""
        import joblib  # lazy: needed where an object is written or read alone

        joblib.dump(value, file)

    def load(self, file: BinaryIO) -> UserObject:
        """The object; trusted as much as the catalog."""
        import joblib  # lazy: as above

        return joblib.load(file)
