"""Finds the definitions behind names and attributes in the files of a project, wherever they were imported from."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from magnus.tasks.source.modules import ProjectModules
from magnus.tasks.source.names import Chain, Imported
from magnus.tasks.source.pieces import Piece, Source

REST: Final = ""
SCRIPT: Final = "__main__"
WHOLE: Final = "*"
_MOST_HOPS: Final = 100
_OF_ITS_NAMES: Final = frozenset({"__dict__", "__getattr__", "__annotations__", "__annotate__"})
"""Attributes of a module that its own names decide."""


class Use(NamedTuple):
    """A name in a file: of a definition or of something that is imported, REST, SCRIPT, or all of them."""

    file: str
    name: str


class Lookup(NamedTuple):
    """A chain of attributes of the module in a file; without attributes, the whole module."""

    file: str
    chain: Chain


def _is_of_every_module(name: str) -> bool:
    return name.startswith("__") and name.endswith("__") and name not in _OF_ITS_NAMES


class Lookups:
    """Finds what names and attributes of the files of `modules` are."""

    def __init__(self, modules: ProjectModules) -> None:
        self.modules = modules

    def definitions(self, file: str, chain: Chain) -> Iterator[tuple[str, Piece, Chain]]:
        """The pieces that define a name in a file, wherever it was imported from, and the attributes asked of it."""
        todo: list[Use | Lookup] = [Lookup(file, chain)]
        for _ in range(_MOST_HOPS):
            if not todo:
                return
            use = todo.pop()
            source = self.modules.source(use.file)
            names = use.chain if isinstance(use, Lookup) else (use.name,)
            if source is None or not names:
                continue
            if names[0] in source.imports:
                todo += [
                    starred
                    for target in source.imports[names[0]]
                    for starred in self.imported(use.file, target, names[1:])
                ]
            elif (piece := source.definitions.get(names[0])) is not None:
                yield use.file, piece, names[1:]
            elif inner := self.modules.inside(use.file, names[0]):
                todo.append(Lookup(inner, names[1:]))
            else:
                starred = (self.modules.find(use.file, module) for module in source.stars)
                todo += [Lookup(other, names) for other in starred if other]

    def at_place(self, file: str, place: str) -> Iterator[Lookup]:
        """The definition that a text names, `package.module.function` or `module:function`."""
        names = place.replace(":", ".").split(".")
        for count in range(len(names), 0, -1):
            if module := self.modules.find(file, ".".join(names[:count])):
                if module.endswith(".py"):
                    yield Lookup(module, tuple(names[count:]))
                return

    def named(self, file: str, source: Source, chain: Chain) -> Iterator[Use | Lookup]:
        """The definitions and imports behind a name of a module."""
        name = chain[0]
        if name in source.definitions:
            yield Use(file, name)
        if name in source.imports:
            for target in source.imports[name]:
                module = self.modules.find(file, target.module)
                if not module or self.modules.is_folder(module):
                    yield Use(file, name)
                yield from self.imported(file, target, chain[1:])
        for module in source.stars:  # one of them may give the name another meaning
            if other := self.modules.find(file, module):
                yield from self._star(other, chain, frozenset({file}))

    def _star(self, file: str, chain: Chain, seen: frozenset[str]) -> Iterator[Use | Lookup]:
        """A name that may come from a module of which all names are imported."""
        source = self.modules.source(file)
        if source is None or file in seen:
            return
        if "__all__" in source.definitions:
            yield Use(file, "__all__")
        if chain[0] in source.definitions or chain[0] in source.imports:
            yield Lookup(file, chain)
            return
        for module in source.stars:
            if other := self.modules.find(file, module):
                yield from self._star(other, chain, seen | {file})

    def imported(self, file: str, target: Imported, attributes: Chain) -> Iterator[Use | Lookup]:
        """The use of an import of a file, by the attributes that the code looks up."""
        module = self.modules.find(file, target.module)
        if not module:
            return
        yield Lookup(module, (target.attribute, *attributes) if target.attribute else attributes)

    def looked_up(self, file: str, chain: Chain) -> Iterator[Use | Lookup]:
        """The definitions behind attributes of the module in `file`; modules may import names from one another in a circle."""
        yield Use(file, REST)
        source = self.modules.source(file)
        if not chain:
            yield Use(file, WHOLE)
        elif source is not None and (chain[0] in source.definitions or chain[0] in source.imports):
            yield from self.named(file, source, chain)
        elif inner := self.modules.inside(file, chain[0]):
            yield Lookup(inner, chain[1:])
        elif source is not None and not _is_of_every_module(chain[0]):
            stars = [other for module in source.stars if (other := self.modules.find(file, module))]
            starred = [use for other in stars for use in self._star(other, chain, frozenset({file}))]
            yield from starred or [Use(file, WHOLE)]
