"""The named parts of a class as its source has them. Used where nothing may be imported."""

import ast
from collections.abc import Iterator, Sequence

from magnus.tasks.described.annotations import Part
from magnus.tasks.described.signatures import meaning

_BASES = frozenset({"BaseModel", "NamedTuple", "TypedDict"})
_CHANGES_NAMES = frozenset({"alias", "serialization_alias", "exclude"})


def parts_in_source(module: ast.Module, annotation: ast.expr | None) -> Sequence[Part] | None:
    """The parts of the class of this module that an annotation names; None when they cannot all be read off."""
    if not isinstance(annotation, ast.Name):
        return None
    found = [node for node in module.body if isinstance(node, ast.ClassDef)]
    named = [node for node in found if node.name == annotation.id]
    is_base = any(annotation.id in map(_last, node.bases) for node in found)
    if len(named) != 1 or is_base or not _has_parts(named[0]):
        return None
    try:
        return list(_parts(named[0]))
    except ValueError:
        return None


def _last(written: ast.expr) -> str:
    bare = written.func if isinstance(written, ast.Call) else written
    return bare.attr if isinstance(bare, ast.Attribute) else getattr(bare, "id", "")


def _has_parts(written: ast.ClassDef) -> bool:
    """Whether its annotated names are what it is made of, and nothing else adds any."""
    if written.keywords:
        return False
    decorators = [_last(decorator) for decorator in written.decorator_list]
    if decorators == ["dataclass"]:
        return not written.bases
    return not decorators and len(written.bases) == 1 and _last(written.bases[0]) in _BASES


def _parts(written: ast.ClassDef) -> Iterator[Part]:
    for statement in written.body:
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
                raise ValueError(written.name)
            case _:
                pass


def _adds(decorator: ast.expr) -> bool:
    """Whether a decorator of a method adds a part, or changes them."""
    return "computed" in _last(decorator) or "serializer" in _last(decorator)
