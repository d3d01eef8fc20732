"""Writes the report of a run as one HTML file."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from magnus.app.inspect.find import find_run
from magnus.app.inspect.viewer import viewer
from magnus.app.report.html_page import page
from magnus.app.report.pictures import DEFAULT_BUDGET
from magnus.app.report.run_report import run_report
from magnus.errors import InvalidInput
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import RunRecord
from magnus.system.atomic_files import write_text


def report_page(
    run_id: str, configuration_file: str, environment: Mapping[str, str], *, most_pictures: int = DEFAULT_BUDGET
) -> tuple[str, str]:
    """The id of the run and its report as HTML; RunNotFound when the store of the configuration has no such run."""
    with viewer(configuration_file, environment) as services:
        run = find_run(services.store, run_id)
        report = run_report(run, services.store, services.catalog, datetime.now(UTC), most_pictures=most_pictures)
        return run.run_id, page(report)


def report_html(run: RunRecord, store: RunLogStore, catalog: Catalog, now: datetime) -> str:
    """The report of the run as it stands `now`, as HTML."""
    return page(run_report(run, store, catalog, now))


def write_page(text: str, file: str) -> None:
    """Write the report to a file atomically. InvalidInput if the file cannot be written."""
    path = Path(file)
    try:
        write_text(path, text)
    except OSError as error:
        fix = "make the folder first, or name another file" if isinstance(error, FileNotFoundError) else ""
        reason = error.strerror if path.parent.is_dir() else f"there is no folder '{path.parent}'"
        raise InvalidInput(
            f"the report cannot be written to '{file}': {reason}", fix=fix or "name another file"
        ) from error
