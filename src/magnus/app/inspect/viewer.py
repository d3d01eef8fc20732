"""Opens the services of a configuration that readers of runs need."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path

from magnus.app.composition import services
from magnus.app.composition.configuration import ServiceConfiguration
from magnus.app.composition.load_configuration import load_configuration
from magnus.errors import InvalidConfiguration
from magnus.interfaces.catalog import Catalog, ReadsLogs
from magnus.interfaces.run_log_store import RunLogStore


class Viewer:
    """The run log store, and the catalog, which is opened at its first use.

    Attributes:
        store: the run log store.
        working_directory: the folder that their places are relative to.
    """

    def __init__(self, configuration_file: str, environment: Mapping[str, str], working_directory: Path) -> None:
        self._configuration = load_configuration(configuration_file, environment, working_directory)
        self.working_directory = working_directory
        self.store: RunLogStore = services.run_log_store(self._configuration, working_directory)

    @cached_property
    def catalog(self) -> Catalog:
        """The catalog."""
        return services.catalog(self._configuration, self.working_directory)

    @property
    def logs(self) -> ReadsLogs:
        """The catalog as a store of logs; InvalidConfiguration if it has none."""
        return logs_of(self.catalog, self._configuration.catalog)

    @property
    def store_type(self) -> str:
        """The type of the run log store."""
        return self._configuration.run_log_store.type


def logs_of(catalog: Catalog, configured: ServiceConfiguration) -> ReadsLogs:
    """The catalog as a store of logs; InvalidConfiguration if it does not return the output of steps."""
    if isinstance(catalog, ReadsLogs):
        return catalog
    raise InvalidConfiguration(
        f"the catalog of type '{configured.type}' does not give back what steps printed",
        fix="name the configuration of the run, or use another catalog, such as 'file-system'",
        location=configured.locate(),
    )


@contextmanager
def viewer(configuration_file: str, environment: Mapping[str, str]) -> Iterator[Viewer]:
    """The services of the configuration; the store is closed afterwards."""
    opened = Viewer(configuration_file, environment, Path.cwd())
    with closing(opened.store):
        yield opened
