"""Finds the class behind the name of a service: built-in ones in a table, others among the installed entry points."""

from importlib import import_module
from typing import Any, Final

from magnus.errors import InvalidConfiguration
from magnus.graph.check import near

BUILT_IN: Final[dict[str, dict[str, str]]] = {
    "executor": {"local": "magnus.executors.local:LocalExecutor"},
    "run_log_store": {
        "buffered": "magnus.run_log_stores.buffered:BufferedRunLogStore",
        "chunked-fs": "magnus.run_log_stores.chunked_file_system:ChunkedRunLogStore",
        "file-system": "magnus.run_log_stores.file_system:FileSystemRunLogStore",
    },
    "catalog": {
        "do-nothing": "magnus.catalogs.do_nothing:DoNothingCatalog",
        "file-system": "magnus.catalogs.file_system:FileSystemCatalog",
    },
    "secrets": {"do-nothing": "magnus.secrets.do_nothing:DoNothingSecrets"},
    "tasks": {
        "noop": "magnus.tasks.noop:NoopTask",
        "python": "magnus.tasks.python:PythonTask",
        "python-lambda": "magnus.tasks.python_lambda:PythonLambdaTask",
        "shell": "magnus.tasks.shell:ShellTask",
    },
}
"""By family and name: the place of the class. Imported when it is used, and not before."""


def find(family: str, name: str) -> Any:
    """The class of the service `name` of `family`; InvalidConfiguration when there is none or it cannot be loaded."""
    place = BUILT_IN.get(family, {}).get(name)
    if place is not None:
        module, _, attribute = place.partition(":")
        return getattr(import_module(module), attribute)
    from importlib.metadata import entry_points  # lazy: reading the installed packages takes longer than a run

    found = {entry.name: entry for group in (family, f"magnus.{family}") for entry in entry_points(group=group)}
    if name not in found:
        names = sorted({*BUILT_IN.get(family, {}), *found})
        match = near(name, names)
        fix = f"did you mean '{match}'?" if match else f"there are {', '.join(repr(known) for known in names)}"
        raise InvalidConfiguration(f"{family} has no type '{name}'", fix=fix)
    try:
        return found[name].load()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise InvalidConfiguration(
            f"{family} '{name}' is installed but cannot be loaded: {reason}", fix="mend or remove that package"
        ) from error
