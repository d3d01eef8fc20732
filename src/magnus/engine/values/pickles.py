"""Values that travel between processes of one run on one machine, as pickles. Used where a step leaves this process."""

import pickle
from collections.abc import Mapping
from copyreg import dispatch_table
from io import BytesIO
from types import MappingProxyType
from typing import BinaryIO

from magnus.values import UserObject


def dump(value: UserObject, file: BinaryIO) -> None:
    """Append the value to the file; what pickle raises for values it cannot take comes through."""
    pickler = pickle.Pickler(file, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = {**dispatch_table, MappingProxyType: _as_dict}
    pickler.dump(value)
    file.flush()


def dumped(value: UserObject) -> bytes:
    """The pickle of the value."""
    file = BytesIO()
    dump(value, file)
    return file.getvalue()


def load(file: BinaryIO) -> UserObject:
    """The next value of the file."""
    return pickle.load(file)  # noqa: S301 - written by this program, where nobody else can write


def loaded(data: bytes) -> UserObject:
    """The value of the pickle."""
    return pickle.loads(data)  # noqa: S301 - as above


def _as_dict(view: Mapping[str, UserObject]) -> tuple[type, tuple[dict[str, UserObject]]]:
    """How a read-only view of a mapping, which cannot be pickled, travels."""
    return dict, (dict(view),)
