"""Opens the services of a configuration for use cases that read runs, and for use cases that maintain stores."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from magnus.app.composition import services
from magnus.app.composition.configuration import ServiceConfiguration
from magnus.app.composition.load_configuration import load_configuration
from magnus.errors import InvalidConfiguration
from magnus.graph.path import BranchPath
from magnus.interfaces.catalog import Catalog, Collected, Maintained, ReadsLogs
from magnus.interfaces.pickler import Picklers
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import CatalogRecord, StepRecord


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

    def contents(self) -> tuple[Catalog, Picklers]:
        """The catalog and the picklers of the configuration."""
        return self.catalog, services.picklers(self._configuration)

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


class MaintainedServices(Struct, frozen=True):
    """The services to maintain; the use case that gets them closes the store."""

    store: RunLogStore
    catalog: Maintained


def open_services(
    configuration_file: str, environment: Mapping[str, str], working_directory: Path
) -> MaintainedServices:
    """The services of the configuration; InvalidConfiguration when magnus cannot maintain the catalog."""
    configuration = load_configuration(configuration_file, environment, working_directory)
    store = services.run_log_store(configuration, working_directory)
    catalog = services.catalog(configuration, working_directory)
    if isinstance(catalog, Maintained):
        return MaintainedServices(store, catalog)
    if catalog.capabilities.keeps:
        raise InvalidConfiguration(
            f"the catalog of type '{configuration.catalog.type}' cannot be cleaned up or verified by magnus",
            fix="use the means of what it keeps files in",
            location=configuration.catalog.locate(),
        )
    return MaintainedServices(store, _NoFiles())


def steps_below(store: RunLogStore, run_id: str, branch: BranchPath) -> Iterator[StepRecord]:
    """The steps of a branch, each after the steps of its own branches."""
    for step in store.list_steps(run_id, branch):
        for key in step.branching.keys if step.branching else ():
            yield from steps_below(store, run_id, step.path.into(key))
        yield step


class _NoFiles:
    """Stands for a catalog that keeps nothing."""

    def usage(self, _run_id: str) -> None:
        """No run has files."""

    def remove_run(self, _run_id: str) -> None:
        """There is nothing to remove."""

    def was_removed(self, _run_id: str) -> bool:
        """No run was removed."""
        return False

    def collect(self, *_referred: object, **_options: object) -> Collected:
        """There is nothing to collect."""
        return Collected()

    def verify(self, entries: Sequence[CatalogRecord]) -> Sequence[str]:
        """Content that is not kept cannot be damaged."""
        return [""] * len(entries)
