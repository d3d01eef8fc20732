"""The use case *show*: the run log document of a run, whatever became of the run."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from magnus.app import wiring
from magnus.app.config import load_configuration
from magnus.app.execute import document
from magnus.app.run_ids import check_run_id


def show(run_id: str, configuration_file: str, environment: Mapping[str, str]) -> Iterator[str]:
    """The document of the run, as pieces of text; RunNotFound when the store of the configuration has no such run."""
    working_directory = Path.cwd()
    configuration = load_configuration(configuration_file, environment, working_directory)
    return document(wiring.run_log_store(configuration, working_directory), check_run_id(run_id))
