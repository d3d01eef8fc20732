"""Makes a service of what is configured. Used by `app.wiring`, and by what looks at runs and loads nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from magnus.app import plugins
from magnus.app.composition.configuration import Configuration, ServiceConfiguration
from magnus.definition import fields
from magnus.definition.wrong_fields import WrongFields
from magnus.engine.files.large_values import LargeValues
from magnus.engine.files.spilling_store import SpillingStore
from magnus.errors import InvalidConfiguration
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.run_log_store import RunLogStore


def run_log_store(
    configuration: Configuration, working_directory: Path, kept: Callable[[], Catalog] | None = None
) -> RunLogStore:
    """The run log store of the configuration, which has large values in its catalog; `kept` is that, if it is made."""
    store: RunLogStore = service("run_log_store", configuration.run_log_store, working_directory)
    return SpillingStore(store, LargeValues(kept or partial(catalog, configuration, working_directory)))


def catalog(configuration: Configuration, working_directory: Path) -> Catalog:
    """The catalog of the configuration."""
    made: Catalog = service("catalog", configuration.catalog, working_directory)
    return made


def service(family: str, configured: ServiceConfiguration, working_directory: Path) -> Any:
    """A service of this family; InvalidConfiguration when there is none of its type, or its options are wrong."""
    found = class_of(family, configured)
    return found(options_of(family, found, configured), working_directory)


def class_of(family: str, configured: ServiceConfiguration) -> Any:
    """The class of the service; InvalidConfiguration with the place where the type is written when there is none."""
    with _located(configured):
        return plugins.find(family, configured.type)


def engine_of(configured: ServiceConfiguration) -> tuple[str, Any]:
    """The family and the class of what is configured as the executor; InvalidConfiguration likewise."""
    with _located(configured):
        return plugins.find_engine(configured.type)


@contextmanager
def _located(configured: ServiceConfiguration) -> Iterator[None]:
    """Add the place where the type is written."""
    try:
        yield
    except InvalidConfiguration as error:
        [problem] = error.problems
        raise InvalidConfiguration(problem.message, fix=problem.fix, location=configured.locate()) from error


def options_of(family: str, found: Any, configured: ServiceConfiguration) -> Any:
    """The options, as the class of the service wants them; InvalidConfiguration with all that is wrong with them."""
    try:
        return fields.read(found.options, configured.config)
    except WrongFields as error:
        what = f"{family} '{configured.type}'"
        raise InvalidConfiguration.of(error.problems(configured.locate, what=what)) from error
