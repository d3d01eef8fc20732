"""Reads the initial parameters of a run from a file, the environment, options and a program, the later over the earlier.

A name with dots overrides inside a mapping that is there already. The environment is input here.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from magnus.engine.values.parameter_values import VARIABLE_PREFIX, from_text
from magnus.errors import InvalidParameters, Location, Problem
from magnus.json_text import UnusableJson
from magnus.run_log.parameters import JsonParameter, Parameter, Scope

if TYPE_CHECKING:
    from magnus.definition.yaml_text import Document
    from magnus.values import Json

_WRITE_PAIRS: Final = "write 'name: value' lines"


class ParameterOrigin(Struct, frozen=True):
    """The origin of a parameter: `title` is its name in messages, `location` its place in a file."""

    title: str
    location: Location | None = None
    is_option: bool = False


class InitialParameters(Struct, frozen=True):
    """The parameters by name, the origin of each, and warnings."""

    scope: Scope
    origins: Mapping[str, ParameterOrigin]
    warnings: tuple[Problem, ...] = ()


class _Reading(Struct):
    """The parameters as far as they are read; `base` are the parameters of the run that is resumed."""

    base: Scope
    scope: dict[str, Parameter] = field(default_factory=dict)
    origins: dict[str, ParameterOrigin] = field(default_factory=dict)
    warnings: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def source(self, parameters: Iterable[tuple[str, JsonParameter, ParameterOrigin]]) -> None:
        """Add the parameters of one source: whole parameters first, then the overrides inside them."""
        dotted: list[tuple[str, JsonParameter, ParameterOrigin]] = []
        for name, parameter, origin in parameters:
            if "." in name and name not in self.scope and name not in self.base:
                dotted.append((name, parameter, origin))
            else:
                self._set(name, parameter, origin)
        if dotted:
            from magnus.app.parameters.nested_overrides import overridden  # lazy: most names have no dots

        for name, parameter, origin in dotted:
            override = overridden({**self.base, **self.scope}, name, parameter, origin.title)
            if isinstance(override, Problem):
                self.problems.append(Problem(override.message, override.fix, origin.location))
            else:
                self._set(override.name, override.parameter, origin)

    def texts(self, texts: Iterable[tuple[str, str, ParameterOrigin]]) -> None:
        """Add the parameters of a source that has only text."""
        self.source(self._of_texts(texts))

    def _of_texts(
        self, texts: Iterable[tuple[str, str, ParameterOrigin]]
    ) -> Iterator[tuple[str, JsonParameter, ParameterOrigin]]:
        for name, text, origin in texts:
            try:
                yield name, _unquoted(from_text(text)), origin
            except UnusableJson as error:
                fix = "give a value that JSON can hold, or put it in double quotes to make it text"
                self.problems.append(Problem(f"the value of {origin.title} {error}", fix))

    def _set(self, name: str, parameter: Parameter, origin: ParameterOrigin) -> None:
        """Set it under its name, or under the name with `_` for `-` where only that one exists."""
        underscored = name.replace("-", "_")
        if origin.is_option and underscored != name and name not in self.names and underscored in self.names:
            self.warnings.append(spelled_otherwise(origin, name, underscored))
            name = underscored
        self.scope[name] = parameter
        self.origins[name] = origin

    @property
    def names(self) -> set[str]:
        return {*self.base, *self.scope}


def _unquoted(parameter: JsonParameter) -> JsonParameter:
    """The parameter; without quotes also for functions that take its text if JSON quotes made it text."""
    return JsonParameter(parameter.value, parameter.value) if isinstance(parameter.value, str) else parameter


def initial_parameters(
    parameters_file: str,
    environment: Mapping[str, str],
    arguments: Mapping[str, str],
    values: "Mapping[str, Json]",
    base: Scope | None = None,
) -> InitialParameters:
    """The initial parameters. Later sources win: file, `MAGNUS_PRM_*`, options of the command line, values.

    `base` are the parameters of the run that is resumed, which names with dots may override inside. InvalidParameters carries all
    that is problems.
    """
    reading = _Reading(base or {})
    if parameters_file:
        document = _document(parameters_file)
        written = ((name, JsonParameter(value)) for name, value in document.value.items())
        reading.source((name, value, ParameterOrigin(f"'{name}'", document.locate(name))) for name, value in written)
        reading.warnings += _not_replaced(document)
    variables = (name for name in environment if name.startswith(VARIABLE_PREFIX) and name != VARIABLE_PREFIX)
    reading.texts((name.removeprefix(VARIABLE_PREFIX), environment[name], ParameterOrigin(name)) for name in variables)
    reading.texts((name, text, ParameterOrigin(f"--{name}", is_option=True)) for name, text in arguments.items())
    reading.source((name, JsonParameter(value), ParameterOrigin(f"'{name}'")) for name, value in values.items())
    if reading.problems:
        raise InvalidParameters.of(reading.problems)
    return InitialParameters(reading.scope, reading.origins, (*reading.warnings, *_differing_by_case(reading.scope)))


def explicit_names(values: "Iterable[Mapping[str, Json]]", environment: Mapping[str, str], scope: Scope) -> set[str]:
    """The names of the parameters in `scope` that the environment or one of `values` sets, or overrides inside."""
    variables = (name.removeprefix(VARIABLE_PREFIX) for name in environment if name.startswith(VARIABLE_PREFIX))
    names = {*variables, *(name for each in values for name in each)}
    spelled = {way for name in names for way in (name, name.replace("-", "_"), name.partition(".")[0])}
    return spelled & scope.keys()


def spelled_otherwise(origin: ParameterOrigin, name: str, declared: str) -> Problem:
    """A note that an option fills the parameter that has `_` for `-`."""
    message = f"--{name} fills the parameter '{declared}'; there is none called '{name}'"
    return Problem(message, f"write --{declared}", origin.location, severity="warning")


def _document(file: str) -> "Document":
    from magnus.definition.yaml_text import read  # lazy: nothing else here reads YAML, unless it is configured

    document = read(file, InvalidParameters, "the parameters file")
    if not isinstance(document.value, dict):
        message = "the parameters file must be a mapping of names to values"
        raise InvalidParameters(message, fix=_WRITE_PAIRS, location=document.locate())
    return document


def _not_replaced(document: "Document") -> Iterator[Problem]:
    """A warning of what looks like a variable; one is enough for a file."""
    from magnus.definition.variables import replace_variables  # lazy: as above

    for path, problem in replace_variables(document, {}).unset[:1]:
        [name, *_] = path
        message = (
            f"the value of '{name}' keeps its '${{...}}': variables are replaced in the pipeline and the configuration"
        )
        fix = f"give the value itself, or as --{name} VALUE or MAGNUS_PRM_{name}"
        yield Problem(message, fix, problem.location, severity="warning")


def _differing_by_case(names: Iterable[str]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            message = f"the parameters '{other}' and '{name}' differ only by case"
            yield Problem(message, "rename one of them", severity="warning")
