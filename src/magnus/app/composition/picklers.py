"""Has the picklers of a run: the configured one, and all others by the format that `returns` names or a file has.

It is pickled into processes of tasks, so it holds names of formats and finds their classes where they are used.
"""

from functools import cache
from pathlib import PurePosixPath

from msgspec import Struct

from magnus.app.composition import plugins
from magnus.definition import fields
from magnus.errors import InvalidConfiguration
from magnus.interfaces.pickler import Pickler


class ConfiguredPicklers(Struct, frozen=True):
    """The picklers of a run; `default` is the configured one."""

    default: Pickler

    def of_format(self, name: str) -> Pickler:
        """The pickler of the format, the configured one for ""; InvalidConfiguration if there is none or it lacks a package."""
        return of_type(name) if name else self.default

    def of_file(self, name: str) -> Pickler:
        """The pickler that reads the file, by its extension; the configured one if no other has the extension."""
        if name.endswith(self.default.extension):
            return self.default
        return _of_extension(PurePosixPath(name).suffix) or self.default


@cache
def of_type(name: str) -> Pickler:
    """The pickler of the type, with its default options; InvalidConfiguration if it cannot be used."""
    pickler_class = plugins.find("pickler", name)
    pickler: Pickler = pickler_class(fields.read(pickler_class.options, {}))
    return pickler


@cache
def _of_extension(extension: str) -> Pickler | None:
    """The pickler that writes files with the extension; built-in picklers are looked through first."""
    for name in plugins.types("pickler"):
        try:
            if plugins.find("pickler", name).extension == extension:
                return of_type(name)
        except InvalidConfiguration:
            if plugins.is_built_in("pickler", name):
                raise
    return None
