"""Finds the class behind the name of a service: built-in ones in a table, others among the installed entry points.

Entry points are looked at for a name that is not built in, and for nothing else: it takes longer than a short run.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from magnus.errors import InvalidConfiguration
from magnus.suggest import nearest_or_all

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

PREFIX: Final = "magnus."
"""Of the entry-point groups; groups named after a family alone, as the 2024 generation had them, are read too."""

BUILT_IN: Final[Mapping[str, Mapping[str, str]]] = {
    "executor": {
        "local": "magnus.executors.local:LocalExecutor",
        "local-container": "magnus.executors.container:ContainerExecutor",
        "mocked": "magnus.executors.mocked:MockedExecutor",
        "slurm": "magnus.executors.slurm:SlurmExecutor",
    },
    "transpiler": {
        "argo": "magnus.transpilers.argo:ArgoTranspiler",
        "aws-step-functions": "magnus.transpilers.step_functions:StepFunctionsTranspiler",
    },
    "run_log_store": {
        "buffered": "magnus.run_log_stores.buffered:BufferedRunLogStore",
        "chunked-fs": "magnus.run_log_stores.chunked_file_system:ChunkedRunLogStore",
        "db": "magnus.run_log_stores.sql.store:SqlRunLogStore",
        "file-system": "magnus.run_log_stores.file_system:FileSystemRunLogStore",
        "object-store": "magnus.run_log_stores.object_store:ObjectStoreRunLogStore[object-store]",
        "s3": "magnus.run_log_stores.object_store:ObjectStoreRunLogStore[object-store]",
        "sql": "magnus.run_log_stores.sql.store:SqlRunLogStore",
    },
    "catalog": {
        "do-nothing": "magnus.catalogs.do_nothing:DoNothingCatalog",
        "file-system": "magnus.catalogs.file_system.catalog:FileSystemCatalog",
        "object-store": "magnus.catalogs.object_store.catalog:ObjectStoreCatalog[object-store]",
        "s3": "magnus.catalogs.object_store.catalog:ObjectStoreCatalog[object-store]",
    },
    "pickler": {
        "joblib": "magnus.picklers.arrays:JoblibPickler[joblib]",
        "json": "magnus.picklers.text:JsonPickler",
        "npy": "magnus.picklers.arrays:NpyPickler[npy]",
        "parquet": "magnus.picklers.parquet:ParquetPickler[parquet]",
        "pickle": "magnus.picklers.pickle:PicklePickler",
        "text": "magnus.picklers.text:TextPickler",
    },
    "secrets": {
        "aws-secrets-manager": "magnus.secrets.aws:AwsSecretsManager",
        "aws-ssm": "magnus.secrets.aws:AwsParameterStore",
        "do-nothing": "magnus.secrets.do_nothing:DoNothingSecrets",
        "dotenv": "magnus.secrets.dotenv:DotenvSecrets",
        "env-secrets-manager": "magnus.secrets.env_secrets:EnvSecrets",
        "files": "magnus.secrets.files:FilesSecrets",
        "vault": "magnus.secrets.vault:VaultSecrets",
    },
    "experiment_tracker": {
        "do-nothing": "magnus.experiment_trackers.do_nothing:DoNothingTracker",
        "mlflow": "magnus.experiment_trackers.mlflow:MlflowTracker[mlflow]",
    },
    "tasks": {
        "noop": "magnus.tasks.noop:NoopTask",
        "notebook": "magnus.tasks.notebook:NotebookTask[notebook]",
        "python": "magnus.tasks.python:PythonTask",
        "python-lambda": "magnus.tasks.python:PythonLambdaTask",
        "supply": "magnus.tasks.noop:SupplyTask",
        "shell": "magnus.tasks.shell:ShellTask",
    },
}
"""By family and name: the place of the class, `module:class`, and in brackets the extra that it needs, if any."""

_INTERNAL: Final = frozenset({"noop", "supply"})
"""Task kinds that pipelines are given, and that nobody writes."""

_PAGES: Final = {
    "executor": "write-an-executor",
    "nodes": "write-a-node-type",
    "run_log_store": "write-a-run-log-store",
    "secrets": "write-a-secrets-provider",
    "tasks": "write-a-task-kind",
    "transpiler": "write-a-transpiler",
}
"""The pages of the documentation on plugins."""

ENGINES: Final = ("executor", "transpiler")
"""The families that `executor:` of a configuration names: magnus walks the graph, or another engine does."""

_UNKNOWN: Final = {"nodes": "unknown node type", "pickler": "unknown pickler", "tasks": "unknown command_type"}
"""What stands before the name, in families that pipelines name."""

EntryPoints = Callable[[str], "Iterable[EntryPoint]"]


def installed(group: str) -> "Iterable[EntryPoint]":
    """The entry points of a group among the installed distributions."""
    from importlib.metadata import entry_points  # lazy: reading the installed packages takes longer than a run

    return entry_points(group=group)


def is_built_in(family: str, name: str) -> bool:
    """Whether the type is one of magnus itself."""
    return name in BUILT_IN.get(family, {})


def find(
    family: str,
    name: str,
    *,
    built_in: Mapping[str, Mapping[str, str]] = BUILT_IN,
    entry_points: EntryPoints = installed,
) -> Any:
    """The class of the type `name` of `family`.

    InvalidConfiguration when there is none, when it cannot be loaded, or does not do what its family has to.
    """
    place = built_in.get(family, {}).get(name)
    if place is not None:
        return _built_in(family, name, place)
    prefixed = _named(family, name, entry_points)
    if prefixed:
        return _of_package(family, name, _only(family, name, prefixed))
    ignored: list[str] = []
    for entry in (entry for entry in entry_points(family) if entry.name == name):
        plugin, reason = _if_ours(family, entry)
        if plugin is not None:
            return plugin
        ignored.append(reason)
    families = ENGINES if family in ENGINES else (family,)
    names = {known for each in families for known in types(each, built_in=built_in, entry_points=entry_points)}
    raise _unknown(family, name, sorted(names - _INTERNAL), ignored)


def find_engine(
    name: str,
    *,
    built_in: Mapping[str, Mapping[str, str]] = BUILT_IN,
    entry_points: EntryPoints = installed,
) -> tuple[str, Any]:
    """The family and the class of the type `name` of `executor:`; InvalidConfiguration as from `find`.

    A name that packages offer in both families is refused: each of them would be as right as the other.
    """
    family = next((family for family in ENGINES if name in built_in.get(family, {})), None)
    if family is None:
        offers = {family: entries for family in ENGINES if (entries := _named(family, name, entry_points))}
        if len(offers) > 1:
            raise _offered_twice(name, offers)
        family = next(iter(offers), "executor")
    return family, find(family, name, built_in=built_in, entry_points=entry_points)


def types(
    family: str,
    *,
    built_in: Mapping[str, Mapping[str, str]] = BUILT_IN,
    entry_points: EntryPoints = installed,
) -> list[str]:
    """The types of a family: built-in types, then types of other packages."""
    others = sorted(entry.name for entry in entry_points(PREFIX + family))
    return list(dict.fromkeys([*built_in.get(family, {}), *others]))


def offered(family: str, *, entry_points: EntryPoints = installed) -> list[str]:
    """The names that other packages offer in a family, whether they can be used or not."""
    return sorted({entry.name for group in (PREFIX + family, family) for entry in entry_points(group)})


def load_all(group: str, *, entry_points: EntryPoints = installed) -> list[Any]:
    """Everything under the entry points of a group of ours; InvalidConfiguration when one cannot be loaded."""
    return [_loaded(group.removeprefix(PREFIX), entry.name, entry) for entry in entry_points(group)]


def _built_in(family: str, name: str, place: str) -> Any:
    place, _, extra = place.partition("[")
    module, _, attribute = place.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if not extra or (error.name or "").partition(".")[0] == "magnus":
            raise
        extra = extra.rstrip("]")
        message = f"{family} '{name}' needs the package '{error.name}', which is not installed"
        raise InvalidConfiguration(message, fix=f"pip install 'magnus[{extra}]'") from error


def _named(family: str, name: str, entry_points: EntryPoints) -> "list[EntryPoint]":
    return [entry for entry in entry_points(PREFIX + family) if entry.name == name]


def _offered_twice(name: str, offers: "Mapping[str, Sequence[EntryPoint]]") -> InvalidConfiguration:
    by = (f"as {_a(family)} by the package {_packages(entries)}" for family, entries in offers.items())
    return InvalidConfiguration(f"executor '{name}' is offered {' and '.join(by)}", fix="remove one of them")


def _a(family: str) -> str:
    return f"{'an' if family[0] in 'aeiou' else 'a'} {family}"


def _packages(entries: "Iterable[EntryPoint]") -> str:
    return " and ".join(sorted({_package(entry) for entry in entries}))


def _only(family: str, name: str, entries: "Sequence[EntryPoint]") -> "EntryPoint":
    if len({entry.value for entry in entries}) > 1:
        raise InvalidConfiguration(
            f"{family} '{name}' is offered by several packages: {_packages(entries)}",
            fix="remove all but one of them",
        )
    return entries[0]


def _page(family: str) -> str:
    """Where authors of such a plugin find what it needs."""
    return f"; docs/how-to/{_PAGES[family]}.md has what it needs" if family in _PAGES else ""


def _of_package(family: str, name: str, entry: "EntryPoint") -> Any:
    from magnus.app.composition.plugin_contracts import missing_members  # lazy: contracts are checked for plugins alone

    plugin = _loaded(family, name, entry)
    if missing := missing_members(family, plugin):
        other = next((other for other in ENGINES if family in ENGINES and not missing_members(other, plugin)), None)
        fix = f"register it under '{PREFIX}{other}'" if other else "update that package"
        raise InvalidConfiguration(
            f"{family} '{name}' of the package {_package(entry)} cannot be used: it has no {_listed(missing)}",
            fix=f"{fix}{_page(other or family)}",
        )
    return plugin


def _loaded(family: str, name: str, entry: "EntryPoint") -> Any:
    try:
        return entry.load()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise InvalidConfiguration(
            f"{family} '{name}' of the package {_package(entry)} cannot be loaded: {reason}",
            fix="fix, update or remove that package",
        ) from error


def _if_ours(family: str, entry: "EntryPoint") -> tuple[Any, str]:
    """What is under an entry point that others may have meant for something else; or None, and why it is not ours."""
    from magnus.app.composition.plugin_contracts import missing_members  # lazy: as above

    try:
        plugin = entry.load()
    except Exception as error:  # noqa: BLE001 - somebody else's code
        return None, f"that of the package {_package(entry)} cannot be loaded: {type(error).__name__}: {error}"
    if missing := missing_members(family, plugin):
        return None, f"that of the package {_package(entry)} is none of magnus: it has no {_listed(missing)}"
    return plugin, ""


def _unknown(family: str, name: str, names: Sequence[str], ignored: Sequence[str]) -> InvalidConfiguration:
    if ignored:
        fix = f"update that package for this generation of magnus{_page(family)}"
    elif len(names) == 1:
        fix = f"there is '{names[0]}'"
    else:
        fix = nearest_or_all(name, names, none="see the name, or install the package that has it")
    return InvalidConfiguration("; ".join([unknown(family, name), *ignored]), fix=fix)


def unknown(family: str, name: str) -> str:
    """The first words of the message if a family has no such name."""
    return f"{_UNKNOWN[family]} '{name}'" if family in _UNKNOWN else f"{family} has no type '{name}'"


def _package(entry: "EntryPoint") -> str:
    return f"'{entry.dist.name}'" if entry.dist is not None else f"of '{entry.value}'"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
