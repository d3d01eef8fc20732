"""Reads the arguments of functions and the fields of classes from source, where nothing may be imported."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, Optional, Union

from msgspec import Struct

from magnus.tasks.static.annotations import Part
from magnus.values import UserObject

_NAMES: Final = {
    **{kind.__name__: kind for kind in (bool, int, float, str, list, dict, tuple, set, frozenset)},
    "List": list,
    "Dict": dict,
    "Tuple": tuple,
    "Set": set,
    "Sequence": Sequence,
    "Mapping": Mapping,
    "Optional": Optional,
    "Union": Union,
    "Literal": Literal,
    "None": None,
}
"""The usual types of names in annotations; every other name may be any type."""


class Argument(Struct, frozen=True):
    """An argument that is filled by name or position; its annotation is Any when it has none, or none that is known."""

    name: str
    annotation: UserObject
    is_required: bool


def arguments_in_source(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
) -> tuple[Sequence[Argument], UserObject]:
    """The arguments, but for `*args` and `**kwargs`, and what is annotated to come back."""
    returned = Any if function.returns is None else meaning(function.returns)
    return arguments_of(function.args), returned


def arguments_of(arguments: ast.arguments) -> Sequence[Argument]:
    """The arguments as a definition or a lambda has them."""
    ordered = [*arguments.posonlyargs, *arguments.args]
    first_default = len(ordered) - len(arguments.defaults)
    found = [_argument(arg, is_required=place < first_default) for place, arg in enumerate(ordered)]
    found += [
        _argument(arg, is_required=default is None)
        for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    namespaces = {arg.arg for arg in (*ordered, *arguments.kwonlyargs) if _is_namespace(arg.annotation)}
    return [argument for argument in found if argument.name not in namespaces]


def takes_namespace(arguments: ast.arguments) -> bool:
    """Whether one of the arguments receives all parameters."""
    return any(
        _is_namespace(arg.annotation) for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    )


def _is_namespace(annotation: ast.expr | None) -> bool:
    """Whether it is most likely `argparse.Namespace`, which receives all parameters."""
    match annotation:
        case ast.Name(id="Namespace") | ast.Attribute(value=ast.Name(id="argparse"), attr="Namespace"):
            return True
        case ast.Constant(value="Namespace" | "argparse.Namespace"):
            return True
        case _:
            return False


def _argument(argument: ast.arg, *, is_required: bool) -> Argument:
    annotation = Any if argument.annotation is None else meaning(argument.annotation)
    return Argument(argument.arg, annotation, is_required)


def meaning(annotation: ast.expr) -> UserObject:
    """The type that an annotation names; Any if the source alone does not show it."""
    try:
        return _meaning(annotation)
    except (KeyError, TypeError, SyntaxError, ValueError):
        return Any


def _meaning(annotation: ast.expr) -> UserObject:
    match annotation:
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=str(text)):
            return _meaning(ast.parse(text, mode="eval").body)
        case ast.Name(id=name) | ast.Attribute(attr=name, value=ast.Name(id="typing" | "t")):
            return _NAMES[name]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return Union[_meaning(left), _meaning(right)]  # noqa: UP007 - the values are only known here
        case ast.Subscript(value=value, slice=inside):
            return _subscribed(_meaning(value), inside)
        case _:
            raise KeyError


def _subscribed(kind: UserObject, inside: ast.expr) -> UserObject:
    parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
    if kind is Literal:
        return Literal[tuple(ast.literal_eval(part) for part in parts)]
    arguments = tuple(
        Ellipsis if isinstance(part, ast.Constant) and part.value is ... else meaning(part) for part in parts
    )
    if kind is Optional or kind is Union:
        options = (*arguments, None) if kind is Optional else arguments
        return Any if Any in arguments else Union[options]  # noqa: UP007 - as above
    return kind[arguments if len(arguments) > 1 else arguments[0]]


_BASES = frozenset({"BaseModel", "NamedTuple", "TypedDict"})
_CHANGES_NAMES = frozenset({"alias", "serialization_alias", "exclude"})


def parts_in_source(module: ast.Module, annotation: ast.expr | None) -> Sequence[Part] | None:
    """The parts of the class of this module that an annotation names; None when they cannot all be read off."""
    if not isinstance(annotation, ast.Name):
        return None
    classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
    named = [node for node in classes if node.name == annotation.id]
    is_base = any(annotation.id in map(_last, node.bases) for node in classes)
    if len(named) != 1 or is_base or not _has_parts(named[0]):
        return None
    try:
        return list(_parts(named[0]))
    except ValueError:
        return None


def _last(expression: ast.expr) -> str:
    bare = expression.func if isinstance(expression, ast.Call) else expression
    return bare.attr if isinstance(bare, ast.Attribute) else getattr(bare, "id", "")


def _has_parts(definition: ast.ClassDef) -> bool:
    """Whether its annotated names are what it is made of, and nothing else adds any."""
    if definition.keywords:
        return False
    decorators = [_last(decorator) for decorator in definition.decorator_list]
    if decorators == ["dataclass"]:
        return not definition.bases
    return not decorators and len(definition.bases) == 1 and _last(definition.bases[0]) in _BASES


def _parts(definition: ast.ClassDef) -> Iterator[Part]:
    for statement in definition.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                if "ClassVar" in ast.unparse(annotation) or name.startswith("_"):
                    continue
                if isinstance(value, ast.Call) and any(
                    word.arg is None or word.arg in _CHANGES_NAMES for word in value.keywords
                ):
                    raise ValueError(name)
                yield Part((name,), meaning(annotation), is_required=value is None)
            case ast.FunctionDef(decorator_list=decorators) if any(map(_adds, decorators)):
                raise ValueError(statement.name)
            case ast.Assign() | ast.AugAssign():
                raise ValueError(definition.name)
            case _:
                pass


def _adds(decorator: ast.expr) -> bool:
    """Whether a decorator of a method adds a part, or changes them."""
    return "computed" in _last(decorator) or "serializer" in _last(decorator)
