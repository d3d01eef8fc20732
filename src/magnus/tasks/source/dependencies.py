"""Follows which pieces of a project functions, scripts and notebook cells depend on, transitively. Used by task kinds.

Modules are followed below the working directory, below the folder that the function's own module was found in, and below
other entries of the import path that nothing is installed to; an installed package counts by its version. If code looks up
attributes by a computed name, as by `getattr`, or imports a module by a text, that module counts as a whole.
"""

import ast
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from magnus.tasks.source.definitions import FileStatus, bases, keeps
from magnus.tasks.source.locate import own_entries
from magnus.tasks.source.modules import ProjectModules, shown_name, status_of
from magnus.tasks.source.names import ANY_MODULE, IMPORTERS, WHOLE_MODULES, Chain, Imported, Uses
from magnus.tasks.source.pieces import Piece, Source, TextPiece, short_hash

REST: Final = ""
SCRIPT: Final = "__main__"
_WHOLE: Final = "*"
_TEXT: Final = "text"
_SOURCES: Final = "src"
_MOST_HOPS: Final = 100
_OWN: Final = "magnus"
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


class Reach(NamedTuple):
    """All code that a task reaches.

    Attributes:
        pieces: as `CodeDependencies.of` gives them.
        statuses: the files that were read for them, each with its status before that; () for one that is not there.
        sees_all: whether the code may read any parameter of its step, or start a program that may.
        sees_files: whether the code may ask the catalog for any file or object.
        moves_imports: whether the code may change the folders in which modules are found.
    """

    pieces: Mapping[str, str]
    statuses: Mapping[str, FileStatus]
    sees_all: bool
    sees_files: bool = False
    moves_imports: bool = False

    @property
    def problem(self) -> str:
        """Why these may not be all pieces; "" if they are."""
        return "its code changes where python finds modules (sys.path, PYTHONPATH)" if self.moves_imports else ""


class CodeDependencies:
    """Gives the pieces of any number of tasks; the uses followed for one task are cached for the next."""

    def __init__(self, working_directory: Path) -> None:
        self.working_directory = str(working_directory)
        self._followers: dict[tuple[str, ...], _Follower] = {}
        self._of_functions: dict[tuple[Path, str, tuple[str, ...]], Reach] = {}
        self._statuses: dict[str, FileStatus] = {}
        self._sees_all = self._sees_files = self._moves_imports = False

    def reach(self, find: Callable[[], Mapping[str, str]]) -> Reach:
        """All that `find` reaches, which gets pieces from this object."""
        self._statuses, self._sees_all, self._sees_files, self._moves_imports = {}, False, False, False
        pieces = find()
        return Reach(pieces, self._statuses, self._sees_all, self._sees_files, self._moves_imports)

    def note(self, file: str) -> None:
        """Add a file to the reach, before the caller reads it itself."""
        self._statuses.setdefault(file, status_of(file))

    def note_moved_imports(self) -> None:
        """Note that the code may change the folders in which modules are found."""
        self._moves_imports = True

    def of(self, file: Path, module: str, names: Sequence[str]) -> Mapping[str, str]:
        """The pieces, `<file>:<name>`, or `<file>` for statements that define nothing, each with a short hash.

        `names` are the name and attributes of it in the module, which goes by the dotted name `module`, "" for a script.
        """
        function = (file, module, tuple(names))
        if function not in self._of_functions:
            follower = self._below(_root(file, module))
            self._of_functions[function] = follower.reach([Lookup(str(file), tuple(names))])
        return self._noted(self._of_functions[function])

    def of_script(self, file: Path) -> Mapping[str, str]:
        """The pieces of a file that is run by python."""
        follower = self._below(str(file.parent))
        return self._noted(follower.reach([Use(str(file), _WHOLE), Use(str(file), SCRIPT)]))

    def of_module(self, module: str) -> Mapping[str, str]:
        """The pieces of a module of the project that is run by `python -m`."""
        follower = self._below(self.working_directory)
        candidates = [follower.modules.find("", name) for name in (f"{module}.__main__", module)]
        files = [file for file in candidates if file]
        return self._noted(follower.reach(Use(file, name) for file in files for name in (_WHOLE, SCRIPT)))

    def of_text(self, text: str, beside: str = "") -> Mapping[str, str]:
        """The pieces of modules that some python uses which is in no module itself, but beside some of the project."""
        root = os.path.normpath(f"{self.working_directory}/{beside}")
        return self._noted(self._below(root).reach_of_text(text))

    def _noted(self, reach: Reach) -> Mapping[str, str]:
        """The pieces; the rest is added to the reach that somebody asks for."""
        self._statuses.update(reach.statuses)
        self._sees_all = self._sees_all or reach.sees_all
        self._sees_files = self._sees_files or reach.sees_files
        self._moves_imports = self._moves_imports or reach.moves_imports
        return reach.pieces

    def _below(self, root: str) -> "_Follower":
        roots = dict.fromkeys((root, self.working_directory, *own_entries(), f"{self.working_directory}/{_SOURCES}"))
        ours = tuple(root for root in roots if not _is_installed(root))
        if ours not in self._followers:
            self._followers[ours] = _Follower(ProjectModules(ours, self.working_directory))
        return self._followers[ours]


def _root(file: Path, module: str) -> str:
    """The folder on the import path that the module was found in."""
    folder = file.parent if file.stem == "__init__" else file
    for _ in module.split("."):
        folder = folder.parent
    return str(folder)


def _is_installed(root: str) -> bool:
    return "site-packages" in root or "dist-packages" in root


class _Follower:
    """Follows uses from piece to piece."""

    def __init__(self, modules: ProjectModules) -> None:
        self.modules = modules
        self._next: dict[Use | Lookup, tuple[Use | Lookup, ...]] = {}

    def reach(self, uses: Iterable[Use | Lookup]) -> Reach:
        """The reach of these uses and of all that they use."""
        todo = list(dict.fromkeys(uses))
        seen = set(todo)
        while todo:
            use = todo.pop()
            if use not in self._next:
                following = self._uses(use) if isinstance(use, Use) else self._looked_up(use.file, use.chain)
                self._next[use] = tuple(dict.fromkeys(following))
            fresh = [other for other in self._next[use] if other not in seen]
            seen.update(fresh)
            todo += fresh
        followed = [use for use in seen if isinstance(use, Use)]
        texts = any(self._reads_docs(use) for use in followed)
        digests = {self._shown(use): text for use in followed if (text := self._digest(use, texts=texts))}
        if any(self._reads_source(use) for use in followed):
            digests |= {
                self._shown(Use(file, _TEXT)): self.modules.other_file(file) for file in {use.file for use in followed}
            }
        statuses = self.modules.statuses
        files = {use.file: statuses[use.file] for use in seen if use.file in statuses}
        sight = [self._sight(use) for use in followed]
        return Reach(
            dict(sorted(digests.items())),
            files,
            any(each.parameters for each in sight),
            any(each.files for each in sight),
            any(each.moves_imports for each in sight),
        )

    def reach_of_text(self, text: str) -> Reach:
        """As `CodeDependencies.of_text`."""
        source = Source(text)
        try:
            piece = Piece(ast.parse(text).body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return Reach({}, {}, sees_all=True, sees_files=True)
        around = f"{self.modules.working_directory}/"
        reach = self.reach(self._of_piece(around, source, piece))
        own = _sight(source, piece)
        return reach._replace(
            sees_all=reach.sees_all or own.parameters,
            sees_files=reach.sees_files or own.files,
            moves_imports=reach.moves_imports or own.moves_imports,
        )

    def _sight(self, use: Use) -> "_Sight":
        """What the code can see; a file that is no python that can be read sees any parameter."""
        if use.name == REST and self.modules.quiet(use.file) is not None:
            return _NOTHING
        source = self.modules.source(use.file)
        if source is None:
            return _Sight(parameters=not os.path.isdir(use.file), files=False)  # noqa: PTH112 - texts throughout
        piece = _piece(source, use.name)
        return _NOTHING if piece is None else _sight(source, piece)

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
        outside = [
            target for target in source.imports.get(use.name, ()) if not self.modules.find(use.file, target.module)
        ]
        return short_hash(repr(outside).encode()) if outside else ""

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
            return
        if use.name == REST:
            yield from self._loaded(file, source)
        else:
            yield Use(file, REST)
        if use.name == _WHOLE:
            yield from self._whole(file, source)
        if (piece := _piece(source, use.name)) is not None:
            yield from self._of_piece(file, source, piece)

    def _whole(self, file: str, source: Source) -> Iterator[Use | Lookup]:
        """All that can be asked of a module by a name that is made while the program runs."""
        yield from (Use(file, name) for name in source.definitions)
        for name, targets in source.imports.items():
            for target in targets:
                if not (module := self.modules.find(file, target.module)):
                    yield Use(file, name)
                elif target.attribute:
                    yield Lookup(module, (target.attribute,))
                else:
                    yield Use(module, REST)
        yield from (Use(other, _WHOLE) for module in source.stars if (other := self.modules.find(file, module)))

    def _loaded(self, file: str, source: Source) -> Iterator[Use]:
        """The code that runs when the file is imported, besides its own statements."""
        for package in self.modules.packages_around(file):
            yield Use(package, REST)
        for module in source.loaded:
            if imported := self.modules.find(file, module):
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
            for other, piece, rest in self._definitions(around, attributes):
                if keeps(piece.statements, piece.uses, rest, arguments=arguments):
                    return True
                following = {(other, used) for used in (*piece.uses.chains, *bases(piece.statements))} - seen
                seen |= following
                todo += following
        return False

    def _definitions(self, file: str, chain: Chain) -> Iterator[tuple[str, Piece, Chain]]:
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
                    for starred in self._imported(use.file, target, names[1:])
                ]
            elif (piece := source.definitions.get(names[0])) is not None:
                yield use.file, piece, names[1:]
            elif inner := self.modules.inside(use.file, names[0]):
                todo.append(Lookup(inner, names[1:]))
            else:
                starred = (self.modules.find(use.file, module) for module in source.stars)
                todo += [Lookup(other, names) for other in starred if other]

    def _of_piece(self, file: str, source: Source, piece: Piece) -> Iterator[Use | Lookup]:
        uses = piece.uses
        for chain in uses.chains:
            own = uses.imports.get(chain[0], ())
            for target in own:
                yield from self._imported(file, target, chain[1:])
            if not own or chain[0] in source.definitions or chain[0] in source.imports:
                yield from self._named(file, source, chain)
        yield from self._by_texts(file, source, uses)
        yield from (Use(other, REST) for module in uses.loaded if (other := self.modules.find(file, module)))
        for module in uses.modules:
            yield from (Use(other, _WHOLE) for other in self.modules.named_by(file, module))
        if uses.own_module:
            yield Use(file, _WHOLE)
        for name in uses.files:
            if script := self.modules.script(file, name):
                yield from (Use(script, part) for part in ((_WHOLE, SCRIPT) if script.endswith(".py") else (REST,)))

    def _by_texts(self, file: str, source: Source, uses: Uses) -> Iterator[Use | Lookup]:
        """What code reaches by texts, by importers under another name, and as attributes of its classes."""
        for target in uses.in_classes:
            yield from self._imported(file, target, ())
        for place in uses.places:
            yield from self._at_place(file, place)
        if any(self._imports_any(source, chain) for chain in uses.chains):
            yield from (Use(other, _WHOLE) for other in self.modules.named_by(file, ANY_MODULE))

    def _at_place(self, file: str, place: str) -> Iterator[Lookup]:
        """The definition that a text names, `package.module.function` or `module:function`."""
        names = place.replace(":", ".").split(".")
        for count in range(len(names), 0, -1):
            if module := self.modules.find(file, ".".join(names[:count])):
                if module.endswith(".py"):
                    yield Lookup(module, tuple(names[count:]))
                return

    def _imports_any(self, source: Source, chain: Chain) -> bool:
        """Whether a name is a function that imports modules, under another name."""
        return chain[0] not in IMPORTERS and any(
            target.attribute in IMPORTERS for target in source.imports.get(chain[0], ())
        )

    def _named(self, file: str, source: Source, chain: Chain) -> Iterator[Use | Lookup]:
        """The definitions and imports behind a name of a module."""
        name = chain[0]
        if name in source.definitions:
            yield Use(file, name)
        if name in source.imports:
            for target in source.imports[name]:
                if not self.modules.find(file, target.module):
                    yield Use(file, name)
                else:
                    yield from self._imported(file, target, chain[1:])
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

    def _imported(self, file: str, target: Imported, attributes: Chain) -> Iterator[Use | Lookup]:
        """The use of an import of a file, by the attributes that the code looks up."""
        module = self.modules.find(file, target.module)
        if not module:
            return
        yield Lookup(module, (target.attribute, *attributes) if target.attribute else attributes)

    def _looked_up(self, file: str, chain: Chain) -> Iterator[Use | Lookup]:
        """The definitions behind attributes of the module in `file`; modules may import names from one another in a circle."""
        yield Use(file, REST)
        source = self.modules.source(file)
        if not chain:
            yield Use(file, _WHOLE)
        elif source is not None and (chain[0] in source.definitions or chain[0] in source.imports):
            yield from self._named(file, source, chain)
        elif inner := self.modules.inside(file, chain[0]):
            yield Lookup(inner, chain[1:])
        elif source is not None and not _is_of_every_module(chain[0]):
            stars = [other for module in source.stars if (other := self.modules.find(file, module))]
            starred = [use for other in stars for use in self._star(other, chain, frozenset({file}))]
            yield from starred or [Use(file, _WHOLE)]


class _Sight(NamedTuple):
    """Whether code may see any parameter, and any file of the catalog; and whether it may change the import path."""

    parameters: bool
    files: bool
    moves_imports: bool = False


_NOTHING: Final = _Sight(parameters=False, files=False)


def _sight(source: Source, piece: Piece) -> _Sight:
    """What a piece can see by the names it uses, or by passing on a module that has such names."""
    if isinstance(piece, TextPiece):
        return _Sight(parameters=True, files=True)
    found = Uses(set(), {}, set(), set(), set())
    for chain in piece.uses.chains:
        for target in (*source.imports.get(chain[0], ()), *piece.uses.imports.get(chain[0], ())):
            found.note((*target.names, *chain[1:]))
            if len(chain) == 1 and ".".join(filter(None, (target.module, target.attribute))) in WHOLE_MODULES:
                return _Sight(parameters=True, files=target.names[0] == _OWN, moves_imports=piece.uses.moves_imports)
    return _Sight(
        piece.uses.sees_all or found.sees_all,
        piece.uses.sees_files or found.sees_files,
        piece.uses.moves_imports or found.moves_imports,
    )


def _is_of_every_module(name: str) -> bool:
    return name.startswith("__") and name.endswith("__") and name not in _OF_ITS_NAMES


def _piece(source: Source, name: str) -> Piece | None:
    if name == REST:
        return source.rest
    return source.script if name == SCRIPT else source.definitions.get(name)
