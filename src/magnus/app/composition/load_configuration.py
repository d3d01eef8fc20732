"""The configuration of a run, from files and the environment, which is input here."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.composition.configuration import FAMILIES, Configuration, ServiceConfiguration, nowhere
from magnus.errors import InvalidConfiguration, Location, Problem
from magnus.suggest import near
from magnus.values import Json

if TYPE_CHECKING:
    from magnus.definition.yaml_text import Document

FILE_VARIABLE: Final = "MAGNUS_CONFIGURATION_FILE"
FOLDER_VARIABLE: Final = "MAGNUS_CONFIGURATION_FOLDER"
"""Names the folder that stands for the working directory in all that concerns the configuration."""
DEFAULTS_FILE: Final = "magnus-config.yaml"
WITHOUT_A_SERVICE: Final = {"job-executor": "leave it out: jobs run on the executor of pipelines"}
"""Services of other generations that have no counterpart, and what to do."""
_SERVICE_FIELDS: Final = ("type", "config")
_PARAMETERS_FILE: Final = "parameters_file"
"""Stands beside the services under `defaults:`."""


def load_configuration(file: str, environment: Mapping[str, str], working_directory: Path) -> Configuration:
    """For each service the first that says something: the file, the defaults of the folder, the built-in defaults.

    `file` may be "": then `MAGNUS_CONFIGURATION_FILE` names it, or there is none. InvalidConfiguration carries all
    that is wrong with the files, and its places. `MAGNUS_CONFIGURATION_FOLDER` stands for the working directory.
    """
    configuration, problems = examine_configuration(file, environment, working_directory)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise InvalidConfiguration.of(errors)
    return replace(configuration, warnings=tuple(problems))


def examine_configuration(
    file: str, environment: Mapping[str, str], working_directory: Path
) -> tuple[Configuration, list[Problem]]:
    """The same of files in which something is wrong, without what is; warnings are among the problems.

    InvalidConfiguration when a file cannot be read.
    """
    name = file or environment.get(FILE_VARIABLE, "")
    folder = _folder(environment)
    place = folder or working_directory
    sources: list[_Source] = []
    if name:
        sources.append(_source(place / name, name, environment))
    defaults = place / DEFAULTS_FILE
    if defaults.is_file() and defaults.resolve() != (place / name).resolve():
        sources.append(_source(defaults, DEFAULTS_FILE, environment, section="defaults"))
    services = {family: _resolved(family, sources) for family in FAMILIES}
    names = frozenset[str]().union(*(source.names for source in sources))
    problems = [problem for source in sources for problem in source.problems]
    files = [source.parameters_file for source in sources if source.parameters_file]
    parameters_file = "".join(files)
    configuration = Configuration(
        **services, file=name, variables=names, warnings=(), parameters_file=parameters_file, folder=folder
    )
    return configuration, problems


def _folder(environment: Mapping[str, str]) -> Path | None:
    folder = environment.get(FOLDER_VARIABLE, "")
    if not folder:
        return None
    if not Path(folder).is_absolute() or not Path(folder).is_dir():
        message = f"{FOLDER_VARIABLE} must be the absolute path of a folder, and is '{folder}'"
        raise InvalidConfiguration(message, fix="unset it; then paths are relative to the working directory")
    return Path(folder)


class _Source(Struct, frozen=True):
    """The services one file configures, as far as nothing is wrong with them; `path` is where in the document they stand."""

    services: Mapping[str, Json]
    document: "Document"
    path: tuple[str, ...]
    names: frozenset[str]
    problems: tuple[Problem, ...]
    parameters_file: str = ""


def _source(path: Path, name: str, environment: Mapping[str, str], *, section: str = "") -> _Source:
    from magnus.app.composition.renamed_services import with_our_words
    from magnus.definition.variables import replace_variables  # lazy: most runs are configured by no file
    from magnus.definition.yaml_text import read_with_faults

    reading = read_with_faults(path, InvalidConfiguration, "the configuration", name=name, empty={})
    document, notes = with_our_words(reading.document, section)
    if not isinstance(document.value, dict):
        raise InvalidConfiguration(
            "the configuration must be a mapping", location=document.locate(), fix="write 'executor:' and the like"
        )
    replaced = replace_variables(document, environment, bare=True)
    broken = [*reading.wrong, *replaced.unset]
    services: Json = replaced.value
    where: tuple[str, ...] = ()
    if section:
        services, where = services.get(section) or {}, (section,)
    depth = len(where)
    wrong = {str(key[depth]): None for key, _ in broken if len(key) > depth and key[:depth] == where}
    beside = [
        (name, _beside(name, section, document.locate(name))) for name in replaced.value if section and name != section
    ]
    parameters_file = ""
    if section and isinstance(services, dict) and _PARAMETERS_FILE in services:
        services = dict(services)
        parameters_file = services.pop(_PARAMETERS_FILE)
    found = [(family, problem) for family, problem in _problems(services, document, where) if family not in wrong]
    if not isinstance(parameters_file, str):
        place = document.locate(*where, _PARAMETERS_FILE)
        found.append((_PARAMETERS_FILE, Problem("parameters_file must be text", "write the path of a file", place)))
    wrong |= dict.fromkeys(family for family, _ in found)
    right = {family: service for family, service in services.items() if family not in wrong} if "" not in wrong else {}
    problems = tuple(problem for _, problem in (*broken, *beside, *found)) + notes
    file = "" if _PARAMETERS_FILE in wrong else parameters_file
    return _Source(right, document, where, replaced.names, problems, file)


def _problems(services: Json, document: "Document", where: tuple[str, ...]) -> Iterator[tuple[str, Problem]]:
    """What is wrong, by the service, or by "" for all of them."""
    if not isinstance(services, dict):
        yield "", Problem("the services must be a mapping", "write 'executor:' and the like", document.locate(*where))
        return
    for family, service in services.items():
        for problem in _of_service(family, service, document, where):
            yield family, problem


def _of_service(family: str, service: Json, document: "Document", where: tuple[str, ...]) -> Iterator[Problem]:
    if family not in FAMILIES:
        place = document.locate(*where, family)
        yield _unknown(family, tuple(FAMILIES), place, WITHOUT_A_SERVICE.get(family, ""))
    elif not isinstance(service, dict) or not isinstance(service.get("type"), str):
        place = document.locate(*where, family)
        kind = service if isinstance(service, str) else FAMILIES[family]
        yield Problem(f"{family} must say its type", f"write type: {kind} below it", place)
    else:
        for key in service:
            if key not in _SERVICE_FIELDS:
                place = document.locate(*where, family, key)
                fix = "" if near(key, _SERVICE_FIELDS) else f"options stand under 'config:' of {family}"
                yield _unknown(f"{family}.{key}", _SERVICE_FIELDS, place, fix)
        if not isinstance(service.get("config") or {}, dict):
            yield Problem(
                f"config of {family} must be a mapping",
                "write its options below it, as 'name: value' lines",
                document.locate(*where, family, "config"),
            )


def _beside(name: str, section: str, place: Location) -> Problem:
    """What stands beside the one section of a file, where nothing would read it."""
    if name in FAMILIES:
        return Problem(
            f"'{name}' must stand below '{section}:' in this file", f"write '{section}:' above it, and indent it", place
        )
    return _unknown(name, (section,), place)


def _unknown(name: str, known: tuple[str, ...], place: Location, fix: str = "") -> Problem:
    if name == _PARAMETERS_FILE:
        fix = f"write it below 'defaults:' of {DEFAULTS_FILE}, or name the file with -p"
    if name == "defaults":
        fix = (
            f"only {DEFAULTS_FILE} of the working directory has 'defaults:'; write the services at the top of this file"
        )
    match = near(name.rpartition(".")[2], known)
    known_ones = f"there are {', '.join(repr(word) for word in known)}"
    return Problem(f"unknown key '{name}'", fix or (f"did you mean '{match}'?" if match else known_ones), place)


def _resolved(family: str, sources: list[_Source]) -> ServiceConfiguration:
    for source in sources:
        if family in source.services:
            service, path = source.services[family], (*source.path, family)

            def locate(*keys: str | int, source: _Source = source, path: tuple[str, ...] = path) -> Location:
                return source.document.locate(*path, *(("config", *keys) if keys else ("type",)))

            return ServiceConfiguration(service["type"], service.get("config") or {}, locate)
    return ServiceConfiguration(FAMILIES[family], {}, nowhere)
