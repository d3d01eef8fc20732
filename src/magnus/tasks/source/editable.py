"""Finds packages that are installed as links to their sources by a finder of their own. Used by `tasks.source.modules`.

Setuptools installs such a finder for a project whose package lies beside its other folders (PEP 660). Links by a `.pth` file
are folders of the import path, and need nothing here.
"""

import sys
from collections.abc import Iterator

from magnus.tasks.source.import_path import is_own
from magnus.tasks.source.locate import found_by_others


def editable_places(name: str) -> Iterator[str]:
    """The places of a module of the project in its sources, without a suffix; of a package without `__init__.py` all."""
    if place := _place(name):
        yield place
    for linked, place in _linked():
        inner = f"/{linked[len(name) + 1 :].replace('.', '/')}"
        if linked.startswith(f"{name}.") and place.endswith(inner):
            yield place.removesuffix(inner)


def editable_modules() -> Iterator[str]:
    """The folders of packages, and files of modules, that the finders of setuptools list."""
    return (place for _, place in _linked())


def _place(name: str) -> str:
    """The place that a finder has, if it is of the project; else ""."""
    spec = found_by_others(name, ())
    if spec is None:
        return ""
    places = [spec.origin] if spec.has_location and spec.origin else list(spec.submodule_search_locations or ())
    place = next((place.removesuffix(".py").removesuffix("/__init__") for place in places), "")
    return place if place.startswith("/") and is_own(place) else ""


def _linked() -> Iterator[tuple[str, str]]:
    """The dotted names and places that the finders of setuptools list."""
    for finder in sys.meta_path:
        module = sys.modules.get(getattr(finder, "__module__", ""))
        mapping = getattr(module, "MAPPING", None)
        if isinstance(mapping, dict):
            yield from ((name, str(place)) for name, place in mapping.items() if is_own(str(place)))
