"""Which pieces of code a function is made of: its own block, and what that uses in its module and in modules beside it.

Used by the task kinds that call python. Uses are told by words: a block is used when its name stands in a block that is.
So what runs may be less, but a change that matters is not missed, as long as names are written out. Modules are followed
below the working directory and below the folder that the function's own module was found in; what is installed is known by
its version.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from magnus.tasks import source_text
from magnus.tasks.source_text import Block, Imported, Source


def parts_of(file: Path, module: str, names: Sequence[str], working_directory: Path) -> Mapping[str, str]:
    """The pieces, `<file>:<name>`, or `<file>` for statements that define nothing, each with a short hash.

    `names` are the name and attributes of it in the module, which goes by the dotted name `module`, "" for a script.
    """
    roots = dict.fromkeys((_root(file, module), working_directory))
    walk = _Walk([root for root in roots if "site-packages" not in root.parts], working_directory)
    walk.use(file, names[0])
    return dict(sorted(walk.parts.items()))


def parts_used_by(text: str, working_directory: Path) -> Mapping[str, str]:
    """The pieces of modules below the working directory that some python uses, which is in no module."""
    walk = _Walk([working_directory], working_directory)
    walk.use_in(text)
    return dict(sorted(walk.parts.items()))


def _root(file: Path, module: str) -> Path:
    """The folder on the import path that the module was found in."""
    folder = file.parent if file.stem == "__init__" else file
    for _ in module.split("."):
        folder = folder.parent
    return folder


Use = tuple[Path, str, frozenset[str]]
"""A name in a file, and the words of the block that uses it: attributes of what it stands for are among them."""

_NONE: Final[frozenset[str]] = frozenset()


class _Walk:
    """Follows uses; every one once."""

    def __init__(self, roots: Sequence[Path], working_directory: Path) -> None:
        self._roots = roots
        self._working_directory = working_directory
        self._sources: dict[Path, Source | None] = {}
        self._files: dict[tuple[Path, str], Path | None] = {}
        self._seen: set[Use] = set()
        self.parts: dict[str, str] = {}

    def use(self, file: Path, name: str) -> None:
        """Take the piece of this name, if the file has it, and what it uses."""
        self._follow([(file, name, _NONE)])

    def use_in(self, text: str) -> None:
        """Take what the text imports and uses."""
        block = Block(text)
        here = self._working_directory / "text"
        self._follow(
            [use for imported in block.imports.values() for use in self._imported(here, imported, block.words)]
        )

    def _follow(self, todo: list[Use]) -> None:
        while todo:
            use = todo.pop()
            if use not in self._seen:
                self._seen.add(use)
                todo += self._used_by(*use)

    def _used_by(self, file: Path, name: str, words: frozenset[str]) -> Iterator[Use]:
        source = self._source(file)
        if source is None:
            return
        if name:
            yield file, "", _NONE
        if not name:
            yield from self._within(file, source, source.rest, "")
        elif name in source.definitions:
            yield from self._within(file, source, source.definitions[name], name)
        elif name in source.imports:
            yield from self._imported(file, source.imports[name], words)
        else:
            others = (self._file(file, module) for module in source.stars)
            yield from ((other, name, words) for other in others if other is not None)

    def _within(self, file: Path, source: Source, block: Block, name: str) -> Iterator[Use]:
        if block.text:
            self.parts[self._shown(file, name)] = block.digest
        yield from ((file, word, block.words) for word in source.known(block.words))
        for imported in block.imports.values():
            yield from self._imported(file, imported, block.words)

    def _imported(self, file: Path, imported: Imported, words: frozenset[str]) -> Iterator[Use]:
        """What is meant by something that a file imports, in a block of these words."""
        module = self._file(file, imported.inner)
        if module is not None:
            source = self._source(module)
            yield module, "", _NONE
            yield from ((module, word, words) for word in (source.known(words) if source else ()))
        if imported.attribute and (around := self._file(file, imported.module)) is not None:
            yield around, imported.attribute, words

    def _source(self, file: Path) -> Source | None:
        if file not in self._sources:
            self._sources[file] = source_text.read(file)
        return self._sources[file]

    def _file(self, file: Path, module: str) -> Path | None:
        """The file of a module that another file imports, where it is one of ours."""
        key = (file.parent if module.startswith(".") else Path(), module)
        if key not in self._files:
            self._files[key] = next(self._found(file, module), None)
        return self._files[key]

    def _found(self, file: Path, module: str) -> Iterator[Path]:
        relative = module.lstrip(".")
        folder = file.parent
        for _ in range(len(module) - len(relative) - 1):
            folder = folder.parent
        for root in (folder,) if module.startswith(".") else self._roots:
            place = root.joinpath(*relative.split(".")) if relative else root
            candidates = (place / "__init__.py", place.with_name(place.name + ".py"))
            yield from (candidate for candidate in candidates if candidate.is_file())

    def _shown(self, file: Path, name: str) -> str:
        inside = file.is_relative_to(self._working_directory)
        shown = str(file.relative_to(self._working_directory) if inside else file)
        return f"{shown}:{name}" if name else shown
