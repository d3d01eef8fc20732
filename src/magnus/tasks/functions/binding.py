"""Fills the arguments of a user's function by name from the parameters. Used by `tasks.functions.call`."""

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from types import FunctionType, SimpleNamespace
from typing import Any, Final, get_type_hints

from msgspec import Struct, field

from magnus.engine.values.parameter_values import find
from magnus.errors import TaskFailed
from magnus.interfaces.objects import Objects
from magnus.run_log.parameters import (
    JsonParameter,
    LargeParameter,
    ListParameter,
    MetricParameter,
    ObjectParameter,
    Parameter,
    Scope,
    argument_json,
    objects_in,
    plain,
)
from magnus.tasks.functions.casting import Cast, WrongType, fresh
from magnus.values import Json, UserObject

_REQUIRED: Final = inspect.Parameter.empty


class Bound(Struct, frozen=True):
    """The arguments of a call; arguments from parameters by name as JSON; and the objects that were loaded."""

    positional: Sequence[UserObject]
    named: Mapping[str, UserObject]
    arguments: Mapping[str, Json]
    loaded: Sequence[ObjectParameter] = ()


class _Argument(Struct, frozen=True):
    """One argument of a function; `default` is `_REQUIRED` when it has none.

    `namespace` is the class of one that receives all parameters, an `argparse.Namespace` or one derived from it.
    """

    name: str
    cast: Cast
    default: UserObject
    namespace: type | None = None


class _Plan(Struct, frozen=True):
    """The arguments of a function: positional-only, by name, and the cast of `**kwargs` if it has them."""

    positional: tuple[_Argument, ...]
    named: tuple[_Argument, ...]
    rest: Cast | None


def bind(function: Callable[..., UserObject], title: str, scope: Scope, objects: Objects | None = None) -> Bound:
    """The arguments of `function` from the parameters in `scope`; `title` is what messages call the function.

    `objects` loads parameters that are objects. A name matches exactly, or a single parameter that differs by case alone.
    `*args` get nothing, `**kwargs` all other parameters.

    Raises:
        TaskFailed: a required argument has no parameter, or a parameter cannot become what its annotation names.
    """
    plan = _plan(function, title)
    sources = _sources(plan, title, scope)
    binding = _Binding(title, scope, objects)
    positional = [
        binding.argument(argument, sources[argument.name]) if argument.name in sources else argument.default
        for argument in plan.positional
    ]
    named = {
        argument.name: binding.argument(argument, sources[argument.name])
        for argument in plan.named
        if argument.name in sources
    }
    if plan.rest is not None:
        used = set(sources.values())
        named.update({name: binding.value(name, plan.rest, name) for name in scope if name not in used})
    return Bound(positional, named, binding.arguments, tuple(binding.loaded))


class _Binding(Struct, frozen=True):
    """Values on their way into one call; `arguments` gathers their JSON for the run log, `loaded` the objects among them."""

    title: str
    scope: Scope
    objects: Objects | None
    arguments: dict[str, Json] = field(default_factory=dict)
    loaded: list[ObjectParameter] = field(default_factory=list)

    def argument(self, argument: _Argument, source: str) -> UserObject:
        """The parameter `source` as the argument wants it; with None as its default it takes null, too."""
        if argument.namespace is not None:
            return self.namespace(argument.namespace)
        if argument.default is None and _is_null(self.scope[source]):
            self.arguments[argument.name] = None
            return None
        return self.value(argument.name, argument.cast, source)

    def namespace(self, kind: Any) -> UserObject:
        """All parameters, as attributes."""
        self.arguments.update({name: argument_json(parameter) for name, parameter in self.scope.items()})
        self.loaded.extend(reference for parameter in self.scope.values() for reference in objects_in(parameter))
        return kind(**{name: fresh(python_value(parameter, self.objects)) for name, parameter in self.scope.items()})

    def value(self, name: str, cast: Cast, source: str) -> UserObject:
        """The parameter `source` as the argument `name` wants it."""
        match self.scope[source]:
            case JsonParameter(value=value, text=text) | LargeParameter(value=value, text=text):
                pass
            case MetricParameter(value=value):
                text = None
            case ObjectParameter() | ListParameter() as stored:
                self.arguments[name] = plain(stored)
                self.loaded.extend(objects_in(stored))
                return python_value(stored, self.objects)
        try:
            argument = cast(value, text)
        except WrongType as wrong:
            from magnus.tasks.text import short_json  # lazy: only mistakes need it

            raise TaskFailed(
                f"the argument '{name}' of {self.title} must be {cast.expected}, but is {short_json(value)}: {wrong}"
            ) from None
        self.arguments[name] = argument_json(self.scope[source])
        return argument


def _is_null(parameter: Parameter) -> bool:
    return isinstance(parameter, JsonParameter | MetricParameter) and parameter.value is None


def python_value(parameter: Parameter, objects: Objects | None) -> UserObject:
    """The value of a parameter as python code gets it; of an object the object itself."""
    match parameter:
        case ListParameter(items=items):
            return [python_value(item, objects) for item in items]
        case ObjectParameter(catalog_name=name):
            if objects is None:
                raise TaskFailed(f"'{name}' is an object, and no catalog is at hand")
            return objects.get(parameter)
        case _:
            return plain(parameter)


def _sources(plan: _Plan, title: str, scope: Scope) -> dict[str, str]:
    """The name of the parameter for every argument that has one; TaskFailed when one has to and has not."""
    sources: dict[str, str] = {}
    missing = []
    for argument in (*plan.positional, *plan.named):
        if argument.namespace is not None:
            sources[argument.name] = ""
            continue
        source = argument.name if argument.name in scope else find(scope, argument.name)
        if source is not None:
            sources[argument.name] = source
        elif argument.default is _REQUIRED:
            missing.append(argument.name)
    if missing:
        raise TaskFailed(_nothing_for(missing, title, scope))
    return sources


def _nothing_for(missing: Sequence[str], title: str, scope: Iterable[str]) -> str:
    from magnus.tasks.text import name_list  # lazy: as above

    names = " and ".join(f"'{name}'" for name in missing)
    one = f"the argument {names}, and there is no such parameter"
    several = f"the arguments {names}, and there are no such parameters"
    return f"{title} needs {one if len(missing) == 1 else several}; the parameters are: {name_list(scope)}"


def _plan(function: Callable[..., UserObject], title: str) -> _Plan:
    try:
        # only plain functions are sure to be what they are equal to
        return _known_plan(function) if type(function) is FunctionType else _new_plan(function)
    except (ValueError, TypeError):
        raise TaskFailed(f"the arguments of {title} cannot be found out; call it from a function of your own") from None


def _new_plan(function: Callable[..., UserObject]) -> _Plan:
    namespace = _namespace(function)
    positional, named, rest = [], [], None
    for parameter in _signature(function).parameters.values():
        annotation = _resolve(parameter.annotation, namespace)
        cast = Cast(annotation)
        all_of_them = annotation if takes_all_parameters(annotation) else None
        argument = _Argument(parameter.name, cast, parameter.default, all_of_them)
        match parameter.kind:
            case parameter.POSITIONAL_ONLY:
                positional.append(argument)
            case parameter.POSITIONAL_OR_KEYWORD | parameter.KEYWORD_ONLY:
                named.append(argument)
            case parameter.VAR_KEYWORD:
                rest = cast
            case _:  # `*args` get nothing
                pass
    return _Plan(tuple(positional), tuple(named), rest)


def takes_all_parameters(annotation: UserObject) -> bool:
    """Whether an argument of this annotation receives all parameters: it names `argparse.Namespace`."""
    argparse = sys.modules.get("argparse")
    return argparse is not None and isinstance(annotation, type) and issubclass(annotation, argparse.Namespace)


def resolved_annotations(
    function: Callable[..., UserObject],
) -> tuple[list[tuple[inspect.Parameter, UserObject]], UserObject]:
    """The arguments, each with the type that its annotation names, and the type that comes back; Any where none is known.

    Raises ValueError or TypeError when the arguments cannot be found out.
    """
    namespace = _namespace(function)
    signature = _signature(function)
    parameters = [(p, _resolve(p.annotation, namespace)) for p in signature.parameters.values()]
    return parameters, _resolve(signature.return_annotation, namespace)


def _signature(function: Callable[..., UserObject]) -> inspect.Signature:
    """The signature, with any names in its annotations; from Python 3.14 on access to annotations evaluates them."""
    if sys.version_info >= (3, 14):
        from annotationlib import Format  # new there

        return inspect.signature(function, annotation_format=Format.FORWARDREF)
    return inspect.signature(function)


_known_plan = lru_cache(maxsize=1024)(_new_plan)


def _resolve(annotation: UserObject, namespace: Mapping[str, UserObject]) -> UserObject:
    """The type an annotation names, also when it is or holds text; anything goes when the name means nothing here.

    It does not when the type is imported for type checkers alone.
    """
    if annotation is _REQUIRED:
        return Any
    if isinstance(annotation, type) and not hasattr(annotation, "__origin__"):
        return annotation
    hints = SimpleNamespace(__annotations__={"it": annotation})
    try:
        return get_type_hints(hints, dict(namespace), include_extras=True)["it"]
    except Exception:  # noqa: BLE001 - an annotation is user code
        return Any


def _namespace(function: UserObject) -> Mapping[str, UserObject]:
    """The names in the annotations of a function or another callable, as written."""
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(function)
    if isinstance(function, type):
        return vars(sys.modules[function.__module__]) if function.__module__ in sys.modules else {}
    function = getattr(function, "__func__", function)
    if not hasattr(function, "__globals__"):
        function = type(function).__call__
    namespace: Mapping[str, UserObject] = getattr(function, "__globals__", {})
    return namespace
