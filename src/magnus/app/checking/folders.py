"""Whether the folders that run logs and files would be kept in can be written to. Used by `check`; nothing is made."""

import os
from collections.abc import Iterator
from pathlib import Path

from magnus.app.checking.services import CheckedServices
from magnus.errors import Problem
from magnus.graph.dataflow.findings import Severity
from magnus.interfaces.capabilities import Located


def problems(services: CheckedServices, *, needs_catalog: bool) -> Iterator[Problem]:
    """What stands in the way: an error where every run fails for it, a warning where steps may.

    With `needs_catalog` some step keeps files, and not only what it prints.
    """
    for family, what, option in (
        ("run_log_store", "the run log store", "log_folder"),
        ("catalog", "the catalog", "catalog_location"),
    ):
        severity: Severity = "warning" if family == "catalog" and not needs_catalog else "error"
        service = getattr(services.built, family)
        if isinstance(service, Located) and (wrong := _wrong(service.location)):
            message, fix = wrong
            fix = f"{fix}, or set `{option}` of {what} to another folder"
            place = getattr(services.configuration, family).locate(option)
            yield Problem(f"{what} cannot write to '{service.location}': {message}", fix, place, severity=severity)


def _wrong(folder: Path) -> tuple[str, str] | None:
    """Why nothing can be written to the folder, and what to do; None when it can, once it is made."""
    there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if not there.is_dir():
        what = "a file" if there.exists() else "a link that leads nowhere"
        return f"{what} is in the way" if there == folder else f"'{there}' is {what}", "remove it"
    if not os.access(there, os.W_OK | os.X_OK):
        return "it is not writable" if there == folder else f"'{there}' is not writable", "make it writable"
    return None
