"""Tells the parameters a function sets, by its declared results, its annotation and its source."""

import ast
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from types import NoneType
from typing import Any, Final, TypeGuard, get_args, get_origin, is_typeddict

from msgspec import Struct
from msgspec.structs import replace

from magnus.errors import Problem
from magnus.graph.dataflow.facts import Setting
from magnus.graph.dataflow.shapes import ANYTHING, Shape, joined
from magnus.graph.nodes import Return
from magnus.tasks.static.annotations import Part, annotation_text, parts_of, shape_of
from magnus.tasks.static.function_bodies import Body, returned_settings, settings_of, shape_of_source
from magnus.values import UserObject

_WITHOUT_NAMES: Final = frozenset({bool, int, float, str, list, set, frozenset, tuple, date, datetime, Path, bytes})
FIX_UNNAMED: Final = "the value is dropped; to keep it, declare a name: returns: [NAME]"
FIX_COUNT: Final = "declare one name for each value that it returns"
_ONE_VALUE: Final = frozenset(
    {bool, int, float, str, list, set, frozenset, dict, date, datetime, Path, bytes, NoneType}
)


class ResultFacts(Struct, frozen=True):
    """Facts about results: the parameters they set, whether they may set others, and mistakes."""

    sets: tuple[Setting, ...] = ()
    others: bool = False
    problems: tuple[Problem, ...] = ()


class Returned(Struct, frozen=True):
    """A function's results: its annotation (Any if there is none, or code may change the results), and its source.

    `parts` knows the parts of what a call in the source makes, `named` are the parts of the annotated class, where
    that is known from its source alone.
    """

    title: str
    annotation: UserObject = Any
    body: Body | None = None
    parts: Callable[[ast.expr], dict[str, Shape] | None] = lambda _value: None
    named: Sequence[Part] | None = None


def result_facts(returns: Sequence[Return] | None, returned: Returned) -> ResultFacts:
    """The parameters the function sets as a task that declares these results."""
    if returned.body is not None and returned.body.is_empty:
        facts = _declared_or_not(returns, replace(returned, annotation=NoneType))
        problem = _without_result(returned) if returns or returned.annotation not in {None, NoneType, Any} else ()
        return ResultFacts(facts.sets, facts.others, (*problem, *facts.problems))
    return _declared_or_not(returns, returned)


def _without_result(returned: Returned) -> tuple[Problem, ...]:
    if returned.annotation in {None, NoneType} or "null" in (_annotated(returned).kinds or ()):
        return ()
    fix = "return the result at the end of the function"
    return (Problem(f"{returned.title} ends without returning a value", fix, severity="warning"),)


def _annotated(returned: Returned) -> Shape:
    return ANYTHING if returned.annotation is Any else shape_of(returned.annotation)


def _declared_or_not(returns: Sequence[Return] | None, returned: Returned) -> ResultFacts:
    if returns is None:
        return _undeclared(returned)
    match len(returns):
        case 0:
            return ResultFacts()
        case 1:
            return ResultFacts((Setting(returns[0].name, _stored(returns[0], _whole(returned))),))
        case _:
            return _several(returns, returned)


def _stored(declared: Return, shape: Shape) -> Shape:
    return Shape(frozenset({"object"})) if declared.kind == "object" else shape


def _whole(returned: Returned) -> Shape:
    """The shape of the value that the function returns."""
    annotated = _annotated(returned)
    body = returned.body
    is_vague = annotated == ANYTHING or (annotated.kinds == frozenset({"dict"}) and annotated.fields is None)
    if not is_vague or body is None or not body.is_known or not body.values:
        return annotated
    read = joined(shape_of_source(value) for value in body.values)
    return read if annotated == ANYTHING or read.kinds == annotated.kinds else annotated


def _several(returns: Sequence[Return], returned: Returned) -> ResultFacts:
    count = len(returns)
    shapes, mismatch = _of_tuple(returned, count)
    if mismatch:
        names = ", ".join(item.name for item in returns)
        message = f"{returned.title} returns {mismatch}; 'returns' declares a tuple of {count}: {names}"
        return ResultFacts(tuple(Setting(item.name) for item in returns), problems=(Problem(message, FIX_COUNT),))
    return ResultFacts(
        tuple(Setting(item.name, _stored(item, shape)) for item, shape in zip(returns, shapes, strict=True))
    )


def _of_tuple(returned: Returned, count: int) -> tuple[Sequence[Shape], str]:
    """The shape of each value of the tuple; and the other value that the function returns, "" if it returns the tuple."""
    unknown = [ANYTHING] * count
    body = returned.body
    if body is not None and body.is_known and body.values:
        wrong = [_wrong_count(value, count) for value in body.values]
        if all(wrong):
            return unknown, wrong[0]
    annotation = returned.annotation
    if _origin(annotation) is tuple and get_args(annotation) and Ellipsis not in get_args(annotation):
        parts = get_args(annotation)
        if len(parts) != count:
            return unknown, f"{len(parts)} value{'' if len(parts) == 1 else 's'}"
        return [shape_of(part) for part in parts], ""
    if _is_one_of(annotation, _ONE_VALUE) or (parts_of(annotation) is not None and not _is_named_tuple(annotation)):
        return unknown, f"a value of type {annotation_text(annotation)}"
    tuples = [value for value in body.values if _is_tuple_of(value, count)] if body is not None else []
    if body is not None and tuples and len(tuples) == len(body.values):
        return [joined(shape_of_source(value.elts[place]) for value in tuples) for place in range(count)], ""
    return unknown, ""


def _is_one_of(annotation: UserObject, types: frozenset[Any]) -> bool:
    """Whether the annotation is one of these types, or one of them with parameters."""
    kind = _origin(annotation) or annotation
    return isinstance(kind, type) and kind in types


def _origin(annotation: UserObject) -> Any:
    return get_origin(annotation)


def _is_tuple_of(value: ast.expr | None, count: int) -> TypeGuard[ast.Tuple]:
    if not isinstance(value, ast.Tuple) or len(value.elts) != count:
        return False
    return not any(isinstance(part, ast.Starred) for part in value.elts)


def _is_named_tuple(annotation: UserObject) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, tuple)


def _wrong_count(value: ast.expr | None, count: int) -> str:
    match value:
        case None:
            return "nothing"
        case ast.Tuple(elts=parts) if not any(isinstance(part, ast.Starred) for part in parts):
            return "" if len(parts) == count else f"{len(parts)} values"
        case ast.Constant() | ast.List() | ast.Dict() | ast.JoinedStr() | ast.ListComp() | ast.DictComp():
            return "one value"
        case _:
            return ""


def _undeclared(returned: Returned) -> ResultFacts:
    annotation = returned.annotation
    if annotation is None or annotation is NoneType:
        return ResultFacts()
    if isinstance(annotation, type) and (parts := parts_of(annotation)) is not None:
        return _of_parts(annotation, parts)
    if returned.named is not None:
        return ResultFacts(tuple(Setting(part.names[0], shape_of(part.annotation)) for part in returned.named))
    if _is_one_of(annotation, _WITHOUT_NAMES):
        return _unnamed(returned.title, f"a value of type {annotation_text(annotation)}")
    body = returned.body
    if body is None or not body.is_known:
        return ResultFacts(others=True)
    ways = [returned_settings(value, returned.parts) for value in body.values]
    if ways and all(way.is_unnamed for way in ways):
        return _unnamed(returned.title, "a value")
    named = [way for way in ways if not way.is_unnamed]
    return ResultFacts(settings_of(named), others=any(way.others for way in named))


def _of_parts(kind: type[Any], parts: Sequence[Part]) -> ResultFacts:
    is_typed_dict = is_typeddict(kind)
    sets = tuple(
        Setting(part.names[0], shape_of(part.annotation), is_certain=part.is_required or not is_typed_dict)
        for part in parts
    )
    return ResultFacts(sets, others=not is_typed_dict and bool(kind.__subclasses__()))


def _unnamed(title: str, what: str) -> ResultFacts:
    message = f"{title} returns {what}, which has no name"
    return ResultFacts(problems=(Problem(message, FIX_UNNAMED, severity="warning"),))
