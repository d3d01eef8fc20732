"""Docstrings and comments name modules and names of magnus that exist, and users that import what they use."""

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest

import magnus

SOURCE = Path(magnus.__file__).parent
FOLDERS = frozenset(path.stem for path in SOURCE.iterdir() if path.is_dir() or path.suffix == ".py")
FOREIGN = frozenset({"mlflow"})  # packages with the name of a module of magnus
EMPTY_BASES = frozenset({"ABC", "Enum", "Protocol", "Struct"})  # classes of them define their own names
REFERENCE = re.compile(r"`((?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*)`")
USERS = re.compile(r"\b(?:[Uu]sed|[Cc]alled) by ((?:`[\w.]+`(?:, | and |, and )?)+)")
IN_BACKTICKS = re.compile(r"`([\w.]+)`")


def texts(source):
    """The docstrings and comments of a module; comments in successive lines are one text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value
    block, last = [], 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if block and token.start[0] != last + 1:
                yield "\n".join(block)
                block = []
            block.append(token.string.lstrip("# "))
            last = token.start[0]
    yield "\n".join(block)


@cache
def tree_of(dotted):
    """The syntax tree of a module, `engine.run`; None if there is none."""
    base = SOURCE.joinpath(*dotted.split("."))
    file = next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)
    return ast.parse(file.read_text(encoding="utf-8")) if file else None


def definitions(body):
    """The names that a body defines or imports, each with its statement."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from ((alias.asname or alias.name, None) for alias in names)
            case ast.Assign(targets=targets):
                yield from (
                    (name.id, None) for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)
                )
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name, None
            case ast.If(body=inner, orelse=other):
                yield from definitions([*inner, *other])
            case ast.Try(body=inner, handlers=handlers):
                yield from definitions([*inner, *(statement for handler in handlers for statement in handler.body)])


def exists(dotted):
    """Whether it is a package, a module, or a name in a module; of a class also what its body defines."""
    parts = dotted.split(".")
    if SOURCE.joinpath(*parts).is_dir():
        return True
    module = next((end for end in range(len(parts), 0, -1) if tree_of(".".join(parts[:end]))), 0)
    if not module:
        return False
    body = tree_of(".".join(parts[:module])).body
    for name in parts[module:]:
        names = dict(definitions(body))
        if name not in names:
            return False
        if not isinstance(names[name], ast.ClassDef):
            return True
        if (
            not {ast.unparse(base).partition("[")[0] for base in names[name].bases} <= EMPTY_BASES
        ):  # a base may define it
            return True
        body = names[name].body
    return True


def of_magnus(dotted, package):
    """The name below `magnus` if it looks like one of magnus, also from a module of the same package, else ""."""
    below = dotted.removeprefix("magnus.")
    first = below.split(".")[0]
    if (first in FOREIGN and first != below) or first.startswith("__"):
        return ""
    beside = f"{package}.{first}" if package else first
    if below == dotted and is_module(beside):
        return f"{package}.{below}" if package else below
    return below if first in FOLDERS else ""


def is_a_variable(dotted, source):
    """Whether the first part is a parameter or variable of the module that has the text, `values.get`."""
    first = dotted.split(".")[0]
    return any(
        (isinstance(node, ast.arg) and node.arg == first) or (isinstance(node, ast.Name) and node.id == first)
        for node in ast.walk(ast.parse(source))
    )


def missing(source, package):
    for text in texts(source):
        for dotted in REFERENCE.findall(text):
            below = of_magnus(dotted, package)
            if below and not exists(below) and not is_a_variable(dotted, source):
                yield f"`{dotted}` does not exist"


@cache
def imports(dotted):
    return frozenset(imported(dotted))


def imported(dotted):
    """The modules and names that a module, or the modules of a package, import; also by the text of a lazy table."""
    base = SOURCE.joinpath(*dotted.split("."))
    files = [*base.rglob("*.py")] if base.is_dir() else [base.with_suffix(".py")]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.ImportFrom(module=str(module), names=names):
                    yield module
                    yield from (f"{module}.{alias.name}" for alias in names)
                case ast.Import(names=names):
                    yield from (alias.name for alias in names)
                case ast.Constant(value=str(text)) if text.startswith("magnus."):
                    yield text.partition(":")[0]


def module_of(dotted):
    """The package or module that holds a name."""
    parts = dotted.split(".")
    ends = range(len(parts), 0, -1)
    return next((".".join(parts[:end]) for end in ends if is_module(".".join(parts[:end]))), "")


def is_module(dotted):
    return SOURCE.joinpath(*dotted.split(".")).is_dir() or tree_of(dotted) is not None


def without_import(source, own, package):
    """The users in the docstring of a module `own` that do not exist or do not import it; classes are not looked up."""
    for listed in USERS.findall(ast.get_docstring(ast.parse(source)) or ""):
        for dotted in IN_BACKTICKS.findall(listed):
            below = of_magnus(dotted, package)
            user = module_of(below) if below else ""
            if not user and dotted[0].islower():
                yield f"`{dotted}` does not exist"
            elif user and f"magnus.{own}" not in imports(user):
                yield f"`{dotted}` does not import it"


def modules():
    """The name, the package and the text of each module."""
    for file in sorted(SOURCE.rglob("*.py")):
        place = file.relative_to(SOURCE).with_suffix("")
        own = ".".join(place.parts).removesuffix(".__init__")
        yield own, ".".join(place.parent.parts), file.read_text(encoding="utf-8")


def test_modules_and_names_in_docstrings_and_comments_exist():
    problems = [f"{name}: {problem}" for name, package, text in modules() for problem in missing(text, package)]
    assert not problems, "\n".join(problems)


def test_modules_that_use_a_module_by_its_docstring_import_it():
    problems = [
        f"{name}: {problem}" for name, package, text in modules() for problem in without_import(text, name, package)
    ]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    "source",
    [
        '"""Read by `engine.rules.no_such_module`."""',
        '"""Raises `magnus.errors.NoSuchError`."""',
        'def walk():\n    """As `graph.path.StepPath.no_such_method` does."""',
        "x = 1  # see `traversal.no_such_function`",
    ],
)
def test_a_name_that_does_not_exist_is_a_problem(source):
    assert [*missing(source, "engine.rules")]


@pytest.mark.parametrize(
    "source",
    [
        '"""Read by `engine.rules.traversal`, `traversal.FanOut` and `magnus.errors`."""',
        'def get(values):\n    """Calls `values.get`."""',
        '"""Reads `os.environ` and `pyproject.toml`."""',
    ],
)
def test_names_that_exist_are_no_problem(source):
    assert not [*missing(source, "engine.rules")]


@pytest.mark.parametrize("user", ["engine.rules.scope", "scope", "engine.rules.removed", "removed"])
def test_a_user_that_does_not_import_the_module_is_a_problem(user):
    assert [*without_import(f'"""Decides. Used by `traversal` and `{user}`."""', "cli.console", "engine.rules")]
