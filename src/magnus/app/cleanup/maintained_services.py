"""The run log store and the catalog of a configuration, opened for the use cases that maintain them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from magnus.app.composition import services
from magnus.app.composition.load_configuration import load_configuration
from magnus.errors import InvalidConfiguration
from magnus.graph.path import BranchPath
from magnus.interfaces.catalog import Collected, Maintained
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import CatalogRecord, StepRecord


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
