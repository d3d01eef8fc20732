"""Which pieces of code functions are made of: their own blocks, and what these use in their module and in modules beside it.

Used by the task kinds that call python. Uses are told by words: a block is used when its name stands in a block that is.
So what runs may be less, but a change that matters is not missed, as long as names are written out. Modules are followed
below the working directory and below the folder that the function's own module was found in; what is installed is known by
its version.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from magnus.tasks import source_text
from magnus.tasks.source_text import Block, Imported, Source

Use: TypeAlias = tuple[str, str, frozenset[str]]
"""A file, a name in it, and the words of the block that uses it, where attributes of what it stands for may be among them."""

_NONE: Final[frozenset[str]] = frozenset()


class CodeParts:
    """Tells the pieces of any number of functions; what was read for one is remembered for the next."""

    def __init__(self, working_directory: Path) -> None:
        self._working_directory = str(working_directory)
        self._modules: dict[tuple[str, ...], _Modules] = {}

    def of(self, file: Path, module: str, names: Sequence[str]) -> Mapping[str, str]:
        """The pieces, `<file>:<name>`, or `<file>` for statements that define nothing, each with a short hash.

        `names` are the name and attributes of it in the module, which goes by the dotted name `module`, "" for a script.
        """
        return self._below(_root(file, module)).parts([(str(file), names[0], _NONE)])

    def used_by(self, text: str) -> Mapping[str, str]:
        """The pieces of modules that some python uses which is in no module itself."""
        modules = self._below(self._working_directory)
        return modules.parts(modules.used_in(Block(text), f"{self._working_directory}/"))

    def _below(self, root: str) -> "_Modules":
        roots = dict.fromkeys((root, self._working_directory))
        ours = tuple(root for root in roots if "site-packages" not in root)
        if ours not in self._modules:
            self._modules[ours] = _Modules(ours, self._working_directory)
        return self._modules[ours]


def _root(file: Path, module: str) -> str:
    """The folder on the import path that the module was found in."""
    folder = file.parent if file.stem == "__init__" else file
    for _ in module.split("."):
        folder = folder.parent
    return str(folder)


class _Modules:
    """The modules below some folders, as far as they were asked for."""

    def __init__(self, roots: Sequence[str], working_directory: str) -> None:
        self._roots = roots
        self._working_directory = working_directory
        self._sources: dict[str, Source | None] = {}
        self._files: dict[tuple[str, str], str] = {}
        self._used: dict[Use, tuple[Use, ...]] = {}

    def parts(self, todo: list[Use]) -> Mapping[str, str]:
        """The pieces of these uses and of all that they use."""
        seen = set(todo)
        while todo:
            use = todo.pop()
            if use not in self._used:
                self._used[use] = tuple(dict.fromkeys(self._uses(*use)))
            fresh = [other for other in self._used[use] if other not in seen]
            seen.update(fresh)
            todo += fresh
        pieces = {(file, name) for file, name, _ in seen}
        found = {self._shown(file, name): block.digest for file, name in pieces if (block := self._block(file, name))}
        return dict(sorted(found.items()))

    def used_in(self, block: Block, file: str) -> list[Use]:
        """What a block uses of modules that it imports itself."""
        return [use for imported in block.imports.values() for use in self._imported(file, imported, block.words)]

    def _uses(self, file: str, name: str, words: frozenset[str]) -> Iterator[Use]:
        source = self._source(file)
        if source is None:
            return
        if name:
            yield file, "", _NONE
        if (block := self._block(file, name)) is not None:
            yield from self._within(file, source, block)
        elif name in source.imports:
            yield from self._imported(file, source.imports[name], words)
        elif name:
            others = (self._file(file, module) for module in source.stars)
            yield from ((other, name, _NONE) for other in others if other)

    def _block(self, file: str, name: str) -> Block | None:
        source = self._source(file)
        if source is None:
            return None
        return source.definitions.get(name) if name else source.rest if source.rest.text else None

    def _within(self, file: str, source: Source, block: Block) -> Iterator[Use]:
        for word in source.known(block.words):
            if word in source.imports and word not in source.definitions:
                yield from self._imported(file, source.imports[word], block.words)
            else:
                yield file, word, _NONE
        yield from self.used_in(block, file)

    def _imported(self, file: str, imported: Imported, words: frozenset[str]) -> Iterator[Use]:
        """What is meant by something that a file imports, in a block of these words."""
        module = self._file(file, imported.inner)
        if module and (source := self._source(module)) is not None:
            yield module, "", _NONE
            for word in source.known(words):
                yield module, word, words if word in source.imports else _NONE
        if imported.attribute and (around := self._file(file, imported.module)):
            yield around, imported.attribute, words

    def _source(self, file: str) -> Source | None:
        if file not in self._sources:
            self._sources[file] = source_text.read(Path(file))
        return self._sources[file]

    def _file(self, file: str, module: str) -> str:
        """The file of a module that another file imports, where it is one of ours; else ""."""
        key = (file.rpartition("/")[0] if module.startswith(".") else "", module)
        if key not in self._files:
            self._files[key] = next(self._found(*key), "")
        return self._files[key]

    def _found(self, folder: str, module: str) -> Iterator[str]:
        relative = module.lstrip(".")
        for _ in range(len(module) - len(relative) - 1):
            folder = folder.rpartition("/")[0]
        for root in (folder,) if module.startswith(".") else self._roots:
            place = "/".join(filter(None, (root, relative.replace(".", "/"))))
            yield from filter(os.path.isfile, (f"{place}/__init__.py", f"{place}.py"))

    def _shown(self, file: str, name: str) -> str:
        shown = file.removeprefix(f"{self._working_directory}/")
        return f"{shown}:{name}" if name else shown
