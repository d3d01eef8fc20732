"""Finds packages that are installed as links to their sources by a finder of their own. Used by `tasks.source.modules`.

Setuptools installs such a finder for a project whose package lies beside its other folders (PEP 660). Links by a `.pth` file
are folders of the import path, and need nothing here.
"""

import sys
from collections.abc import Iterator

from magnus.tasks.source.import_path import is_own
from magnus.tasks.source.locate import found_by_others


def editable_place(name: str) -> str:
    """The place of a top-level module in its sources, without a suffix; "" if no finder has one that is of the project."""
    spec = found_by_others(name, ())
    if spec is None:
        return ""
    places = [spec.origin] if spec.has_location and spec.origin else list(spec.submodule_search_locations or ())
    place = next((place.removesuffix(".py").removesuffix("/__init__") for place in places), "")
    return place if place.startswith("/") and is_own(place) else ""


def editable_modules() -> Iterator[str]:
    """The folders of packages, and files of modules, that the finders of setuptools list."""
    for finder in sys.meta_path:
        module = sys.modules.get(getattr(finder, "__module__", ""))
        mapping = getattr(module, "MAPPING", None)
        if isinstance(mapping, dict):
            for place in map(str, mapping.values()):
                if is_own(place):
                    yield place
