"""The `text` pickler: text as a UTF-8 file, and the `json` pickler: values of JSON as a JSON file."""

import json
from typing import BinaryIO

from msgspec import Struct

from magnus.values import UserObject


class TextOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """It has none."""


class TextPickler:
    """Text in UTF-8, as it is; line ends stay."""

    options = TextOptions
    extension = ".txt"

    def __init__(self, options: TextOptions) -> None:
        """Nothing is kept."""

    def dump(self, value: UserObject, file: BinaryIO) -> None:
        """Write the text; TypeError for other values."""
        if not isinstance(value, str):
            message = f"the format 'text' holds text, not a value of type {type(value).__name__}"
            raise TypeError(message)
        file.write(value.encode())

    def load(self, file: BinaryIO) -> str:
        """The text."""
        return file.read().decode()


class JsonPickler:
    """Values that JSON holds without a change: no tuples, no keys that are numbers, no NaN."""

    options = TextOptions
    extension = ".json"

    def __init__(self, options: TextOptions) -> None:
        """Nothing is kept."""

    def dump(self, value: UserObject, file: BinaryIO) -> None:
        """Write the JSON; TypeError or ValueError for a value that would come back as another one."""
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        if json.loads(text) != value:
            message = "JSON would give back another value: it has no tuples, and keys are text"
            raise ValueError(message)
        file.write(text.encode())

    def load(self, file: BinaryIO) -> UserObject:
        """The value."""
        return json.load(file)
