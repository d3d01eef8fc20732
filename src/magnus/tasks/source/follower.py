"""Follows uses of names from piece to piece, transitively. Used by `dependencies`."""

import ast
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from magnus.tasks.source.lookups import REST, SCRIPT, WHOLE, Lookup, Lookups, Use
from magnus.tasks.source.modules import ProjectModules, shown_name
from magnus.tasks.source.names import ANY_MODULE, FINDERS, IMPORTERS, LOADERS, SEES_ALL, Chain, Uses
from magnus.tasks.source.pieces import Piece, Source, short_hash
from magnus.tasks.source.reach import Reach
from magnus.tasks.source.registering import bases, keeps
from magnus.tasks.source.sight import NOTHING, Sight, sight

_TEXT: Final = "text"
_LOADING: Final = IMPORTERS | LOADERS


class Follower:
    """Follows uses from piece to piece.

    `first` are the modules that python imports by itself before any program.
    """

    def __init__(self, modules: ProjectModules, first: Iterable[str] = ()) -> None:
        self.modules = modules
        self._first = tuple(Use(file, REST) for file in first)
        self._lookups = Lookups(modules)
        self._next: dict[Use | Lookup, tuple[Use | Lookup, ...]] = {}

    def reach(self, uses: Iterable[Use | Lookup]) -> Reach:
        """The reach of these uses and of all that they use."""
        todo = list(dict.fromkeys((*self._first, *uses)))
        seen = set(todo)
        while todo or (todo := self._inside_whole(seen)):
            seen.update(todo)
            use = todo.pop()
            if use not in self._next:
                following = self._uses(use) if isinstance(use, Use) else self._lookups.looked_up(use.file, use.chain)
                self._next[use] = tuple(dict.fromkeys(following))
            fresh = [other for other in self._next[use] if other not in seen]
            seen.update(fresh)
            todo += fresh
        followed = [use for use in seen if isinstance(use, Use)]
        texts = any(self._reads_docs(use) for use in followed)
        digests = [(self._shown(use), text) for use in followed if (text := self._digest(use, texts=texts))]
        if any(self._reads_source(use) for use in followed):
            files = {use.file for use in followed}
            digests += [(self._shown(Use(file, _TEXT)), self.modules.other_file(file)) for file in files]
        statuses = self.modules.statuses
        read = {use.file: statuses[use.file] for use in seen if use.file in statuses}
        sights = [self._sight(use) for use in followed]
        return Reach(
            _by_name(digests),
            read,
            any(each.parameters for each in sights),
            any(each.files for each in sights),
            any(each.moves_imports for each in sights),
            min({use.file for use in followed} & self.modules.too_large, default=""),
        )

    def _inside_whole(self, seen: Iterable[Use | Lookup]) -> list[Use | Lookup]:
        """The modules that are imported from packages of which any name may be asked, so that theirs may be asked too."""
        uses = [use for use in seen if isinstance(use, Use)]
        whole = {use.file for use in uses if use.name == WHOLE}
        packages = {file.removesuffix("/__init__.py") for file in whole}
        files = {use.file for use in uses} - whole
        return [Use(file, WHOLE) for file in files if _folder_around(file) in packages]

    def reach_of_text(self, text: str) -> Reach:
        """As `CodeDependencies.of_text`."""
        source = Source(text)
        try:
            piece = Piece(ast.parse(text).body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return Reach({}, {}, sees_all=True, sees_files=True)
        around = f"{self.modules.working_directory}/"
        reach = self.reach(self._of_piece(around, source, piece))
        own = sight(source, piece)
        return reach.joined(Reach({}, {}, own.parameters, own.files, own.moves_imports))

    def _sight(self, use: Use) -> "Sight":
        """What the code can see; a file that is no python that can be read sees any parameter."""
        if use.name == REST and self.modules.quiet(use.file) is not None:
            return NOTHING
        source = self.modules.source(use.file)
        if source is None:
            is_code = not os.path.isdir(use.file)  # noqa: PTH112 - texts throughout
            return Sight(parameters=is_code, files=is_code)
        piece = _piece(source, use.name)
        return NOTHING if piece is None else sight(source, piece)

    def _shown(self, use: Use) -> str:
        shown = shown_name(use.file, self.modules)
        return f"{shown}:{use.name}" if use.name else shown

    def _reads_docs(self, use: Use) -> bool:
        """Whether the code may read the docstring of anything it reaches."""
        piece = self._read_piece(use)
        return piece is not None and piece.uses.reads_docs

    def _reads_source(self, use: Use) -> bool:
        """Whether the code may read the text of anything it reaches."""
        piece = self._read_piece(use)
        return piece is not None and piece.uses.reads_source

    def _read_piece(self, use: Use) -> Piece | None:
        if use.name == REST and self.modules.quiet(use.file) is not None:
            return None
        source = self.modules.source(use.file)
        return None if source is None else _piece(source, use.name)

    def _digest(self, use: Use, *, texts: bool) -> str:
        own = self._own_digest(use, texts=texts)
        if use.name == REST and (order := self._order(use)):
            return short_hash(f"{own}{order}".encode())
        return own

    def _own_digest(self, use: Use, *, texts: bool) -> str:
        if use.name == REST and self.modules.quiet(use.file) is not None:
            return ""
        source = self.modules.source(use.file)
        if source is None:
            return self.modules.other_file(use.file) if use.name == REST else ""
        if (piece := _piece(source, use.name)) is not None:
            return piece.digest_with_texts if texts else piece.digest
        outside = [target for target in source.imports.get(use.name, ()) if self._is_outside(use.file, target.module)]
        return short_hash(repr(outside).encode()) if outside else ""

    def _is_outside(self, file: str, module: str) -> bool:
        """Whether an import may mean a module that is not of the project."""
        place = self.modules.find(file, module)
        return not place or self.modules.is_folder(place)

    def _order(self, use: Use) -> Sequence[str]:
        """What the import of a file does beside its own statements, in order, where the order may matter."""
        acts = [
            self._shown(other)
            for other in self._next[use]
            if isinstance(other, Use)
            and (other.file == use.file if other.name else self._own_digest(other, texts=False) != "")
        ]
        return acts if len(acts) > 1 else ()

    def _uses(self, use: Use) -> Iterator[Use | Lookup]:
        file = use.file
        if use.name == REST and (loaded := self.modules.quiet(file)) is not None:
            modules = (self.modules.find(file, module) for module in loaded)
            yield from (Use(other, REST) for other in (*self.modules.packages_around(file), *modules) if other)
            return
        source = self.modules.source(file)
        if source is None:
            if use.name == WHOLE:
                yield Use(file, REST)
            if self.modules.is_opaque(file):  # it may import any module of the project
                yield from (Use(other, WHOLE) for other in self.modules.named_by(file, ANY_MODULE))
            return
        if use.name == REST:
            yield from self._loaded(file, source)
        else:
            yield Use(file, REST)
        if use.name == WHOLE:
            yield from self._whole(file, source)
        if (piece := _piece(source, use.name)) is not None:
            yield from self._of_piece(file, source, piece)

    def _whole(self, file: str, source: Source) -> Iterator[Use | Lookup]:
        """All that can be asked of a module by a name that is made while the program runs."""
        yield from (Use(file, name) for name in source.definitions)
        for name, targets in source.imports.items():
            for target in targets:
                module = self.modules.find(file, target.module)
                if not module or self.modules.is_folder(module):
                    yield Use(file, name)
                if not module:
                    continue
                if target.attribute:
                    yield Lookup(module, (target.attribute,))
                else:
                    yield Use(module, REST)
        yield from (Use(other, WHOLE) for module in source.stars if (other := self.modules.find(file, module)))

    def _loaded(self, file: str, source: Source) -> Iterator[Use]:
        """The code that runs when the file is imported, besides its own statements."""
        for package in self.modules.packages_around(file):
            yield Use(package, REST)
        for module in source.loaded:
            if imported := self.modules.loaded(file, module):
                yield Use(imported, REST)
        for name, chains in source.registered:
            if any(self._is_kept(file, chain) for chain in chains):
                yield Use(file, name)
        for name, chains in source.called:
            if any(self._is_kept(file, chain, arguments=True) for chain in chains):
                yield Use(file, name)

    def _is_kept(self, file: str, chain: Chain, *, arguments: bool = False) -> bool:
        """Whether something of the project, by its name in a file, may note what it is called with or is the base of.

        With `arguments` also whether it may change these.
        """
        todo, seen = [(file, chain)], {(file, chain)}
        while todo:
            around, attributes = todo.pop()
            for other, piece, rest in self._lookups.definitions(around, attributes):
                if keeps(piece.statements, piece.uses, rest, arguments=arguments):
                    return True
                following = {(other, used) for used in (*piece.uses.chains, *bases(piece.statements))} - seen
                seen |= following
                todo += following
        return False

    def _of_piece(self, file: str, source: Source, piece: Piece) -> Iterator[Use | Lookup]:
        uses = piece.uses
        for chain in uses.chains:
            own = uses.imports.get(chain[0], ())
            for target in own:
                yield from self._lookups.imported(file, target, chain[1:])
            if not own or chain[0] in source.definitions or chain[0] in source.imports:
                yield from self._lookups.named(file, source, chain)
        yield from self._by_texts(file, source, uses)
        yield from (Use(other, REST) for module in uses.loaded if (other := self.modules.loaded(file, module)))
        for module in uses.modules:
            yield from (Use(other, WHOLE) for other in self.modules.named_by(file, module))
        if uses.own_module:
            yield Use(file, WHOLE)
        for name in uses.files:
            for script in self._scripts(file, name, source, piece):
                yield from (
                    Use(script, part) for part in ((REST,) if self.modules.is_data(script) else (WHOLE, SCRIPT))
                )

    def _scripts(self, file: str, name: str, source: Source, piece: Piece) -> Sequence[str]:
        """The files that a text may name; in a module that may start programs also below folders that it computes."""
        if script := self.modules.script(file, name):
            return (script,)
        starts = any(not SEES_ALL.isdisjoint(target.names) for each in source.imports.values() for target in each)
        return self.modules.scripts(name) if starts or sight(source, piece).parameters else ()

    def _by_texts(self, file: str, source: Source, uses: Uses) -> Iterator[Use | Lookup]:
        """What code reaches by texts, by importers under another name, and as attributes of its classes."""
        for target in uses.in_classes:
            yield from self._lookups.imported(file, target, ())
        for place in uses.places:
            yield from self._lookups.at_place(file, place)
        if any(_imports_any(source, uses, chain) for chain in uses.chains):
            yield from (Use(other, WHOLE) for other in self.modules.named_by(file, ANY_MODULE))


def _imports_any(source: Source, uses: Uses, chain: Chain) -> bool:
    """Whether a name is, or has, a function that imports modules, under another name."""
    targets = (*source.imports.get(chain[0], ()), *uses.imports.get(chain[0], ()))
    is_other = chain[0] not in _LOADING
    return any(
        (is_other and target.attribute in _LOADING) or not FINDERS.isdisjoint((*target.names, *chain[1:]))
        for target in targets
    )


def _by_name(digests: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """The hashes by the names of pieces; files of two folders of the import path may have one name."""
    by_name: dict[str, list[str]] = {}
    for name, text in sorted(digests):
        by_name.setdefault(name, []).append(text)
    return {
        name: texts[0] if len(texts) == 1 else short_hash("".join(texts).encode()) for name, texts in by_name.items()
    }


def _folder_around(file: str) -> str:
    return file.removesuffix("/__init__.py").rpartition("/")[0]


def _piece(source: Source, name: str) -> Piece | None:
    if name == REST:
        return source.rest
    return source.script if name == SCRIPT else source.definitions.get(name)
