"""Has the names that code uses, with what they say of it, and reads names of imports and attributes. Pure."""

import ast
from collections.abc import Iterator
from typing import Final, TypeAlias

from msgspec import Struct, field

Chain: TypeAlias = tuple[str, ...]
"""A name and attributes of it, as in `package.module.function`."""

ANY_MODULE: Final = ""
"""An import of a module whose name is made while the program runs."""
IMPORTERS: Final = frozenset({"import_module", "__import__", "run_module"})
LOADERS: Final = frozenset({"resolve_name", "run_path"})
"""Functions of python that load what a text names: a module, something in it, or a script."""
FINDERS: Final = frozenset(
    "iter_modules walk_packages spec_from_file_location SourceFileLoader SourcelessFileLoader ExtensionFileLoader FileFinder "
    "exec_module load_module load_source find_loader get_loader zipimporter pydoc entry_points EntryPoint dictConfig fileConfig "
    "TestLoader defaultTestLoader loadTestsFromName loadTestsFromNames pytest".split()
)
"""Names of python by which code finds modules in folders, or by names in data."""
_READING: Final = frozenset(
    {"getsource", "getsourcelines", "getcomments", "findsource", "co_firstlineno", "co_lines", "co_positions"}
)
"""Names by which code reads the text of code, or the numbers of its lines."""
_IMPORT_PATHS: Final = frozenset({("sys", "path"), ("sys", "meta_path"), ("sys", "path_hooks")})
_PACKAGE_PATH: Final = "__path__"
_EXTENDING: Final = frozenset({"append", "extend", "insert"})
_ADDS_FOLDER: Final = "addsitedir"
_DOCUMENTING: Final = frozenset({"__doc__", "getdoc"})
SEES_ALL: Final = frozenset(
    "environ environb getenv getenvb subprocess posix pty system popen Popen pexpect plumbum posix_spawn posix_spawnp execv execve execvp "
    "execvpe execl execle execlp execlpe spawnv spawnve spawnvp spawnvpe spawnl spawnle spawnlp spawnlpe fork_exec "
    "create_subprocess_exec create_subprocess_shell argparse Namespace get_parameter get_run_log get_from_catalog "
    "get_object get_experiment_tracker_context".split()
)
"""Names of python and magnus by which code reads the environment, starts programs or asks for any parameter."""
SEES_FILES: Final = frozenset({"get_from_catalog", "get_object", "get_run_log"})
"""Functions of magnus by which code asks for any file or object."""
WHOLE_MODULES: Final = frozenset({"os", "magnus", "magnus.interaction"})
"""Modules that have such names: code that passes one of them on may look up any name in it."""


class Imported(Struct, frozen=True):
    """A module, or with `attribute` a name in it; `module` may begin with dots."""

    module: str
    attribute: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names it consists of."""
        return (*self.module.split("."), *filter(None, (self.attribute,)))


class Uses(Struct):
    """The names some statements use.

    Attributes:
        chains: names that are bound outside of it, each with the attributes that it reads.
        imports: the imported modules or attributes, by the names that they get in it.
        loaded: the modules that it imports, used or not, and names in them that may be modules.
        modules: modules that are imported by a text; a name that ends in a dot stands for all modules of that package.
        files: texts that may name scripts.
        places: texts that may be dotted paths of modules and names in them.
        in_classes: what it imports in bodies of classes, which are attributes of these.
        own_module: whether names of the module may be made or looked up while it runs.
        sees_all: whether it may read any parameter of the step, or start a program that may.
        sees_files: whether it may ask the catalog for any file or object.
        reads_docs: whether it may read the docstring of anything.
        reads_source: whether it may read the text of anything, comments and layout with it.
        moves_imports: whether it may change the folders in which modules are found.
    """

    chains: set[Chain]
    imports: dict[str, list[Imported]]
    loaded: set[str]
    modules: set[str]
    files: set[str]
    own_module: bool = False
    sees_all: bool = False
    sees_files: bool = False
    reads_docs: bool = False
    reads_source: bool = False
    moves_imports: bool = False
    places: set[str] = field(default_factory=set)
    in_classes: list[Imported] = field(default_factory=list)

    def note(self, names: Chain) -> None:
        """Note what code can see and do that uses these names, each an attribute of the one before."""
        self.moves_imports = self.moves_imports or names[:2] in _IMPORT_PATHS or _ADDS_FOLDER in names
        if names[-2:-1] == (_PACKAGE_PATH,) and names[-1] in _EXTENDING:
            self.moves_imports = True
        for name in names:
            self.sees_all = self.sees_all or name in SEES_ALL
            self.sees_files = self.sees_files or name in SEES_FILES
            self.reads_docs = self.reads_docs or name in _DOCUMENTING
            self.reads_source = self.reads_source or name in _READING
            if name in FINDERS:
                self.modules.add(ANY_MODULE)


def imported(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Imported]]:
    """The imports behind the names that the statement binds; `*` for all names of a module."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            if alias.asname:
                yield alias.asname, Imported(alias.name)
            else:
                yield alias.name.partition(".")[0], Imported(alias.name.partition(".")[0])
        return
    module = "." * statement.level + (statement.module or "")
    for alias in statement.names:
        yield alias.asname or alias.name, Imported(module, "" if alias.name == "*" else alias.name)


def loaded_by(statement: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """The modules that the statement imports, and the names that it imports from these, which may be modules."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
        return
    module = "." * statement.level + (statement.module or "")
    dot = "" if module.endswith(".") else "."
    yield module
    yield from (f"{module}{dot}{alias.name}" for alias in statement.names if alias.name != "*")


def chain_of(node: ast.AST) -> Chain | None:
    """The name and the attributes of it; None for attributes of anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else None
