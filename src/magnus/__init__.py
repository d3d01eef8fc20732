"""magnus: define a data-science pipeline once, run the same definition anywhere.

The public names, loaded when they are used; importing this module does nothing else.
"""

import sys

if (
    sys.argv[:1] == ["-m"]
    and "magnus" in sys.orig_argv
    and sys.orig_argv[sys.orig_argv.index("magnus") - 1] == "-m"
    and not sys.flags.safe_path
):
    del sys.path[0]  # python -m magnus: what follows must not be imported from the working directory

TYPE_CHECKING = False  # the import of typing would cost a tenth of `magnus --help`
if TYPE_CHECKING:
    from typing import Any

    from magnus import errors
    from magnus.definition.nodes.task import Catalog
    from magnus.errors import InvalidInput, MagnusError, RunFailed, RunNotFound, ServiceError
    from magnus.interaction import (
        end_interactive_session,
        get_experiment_tracker_context,
        get_from_catalog,
        get_object,
        get_parameter,
        get_run_id,
        get_run_log,
        get_secret,
        get_tag,
        put_in_catalog,
        put_object,
        set_parameter,
        start_interactive_session,
        track_this,
    )
    from magnus.sdk.composites import Conditional, Dag, Loop, Map, Parallel
    from magnus.sdk.pipeline import Pipeline
    from magnus.sdk.run_lookup import diff, reproduce, run, runs
    from magnus.sdk.steps import Fail, Stub, Success
    from magnus.sdk.tasks import (
        NotebookJob,
        NotebookTask,
        PythonJob,
        PythonTask,
        ShellJob,
        ShellTask,
        Task,
        json,
        metric,
        pickled,
    )

__version__ = "0.1.0"

__all__ = [
    "Catalog",
    "Conditional",
    "Dag",
    "Fail",
    "InvalidInput",
    "Loop",
    "MagnusError",
    "Map",
    "NotebookJob",
    "NotebookTask",
    "Parallel",
    "Pipeline",
    "PythonJob",
    "PythonTask",
    "RunFailed",
    "RunNotFound",
    "ServiceError",
    "ShellJob",
    "ShellTask",
    "Stub",
    "Success",
    "Task",
    "diff",
    "end_interactive_session",
    "errors",
    "get_experiment_tracker_context",
    "get_from_catalog",
    "get_object",
    "get_parameter",
    "get_run_id",
    "get_run_log",
    "get_secret",
    "get_tag",
    "json",
    "metric",
    "pickled",
    "put_in_catalog",
    "put_object",
    "reproduce",
    "run",
    "runs",
    "set_parameter",
    "start_interactive_session",
    "track_this",
]

_HOMES = {
    "Catalog": "magnus.definition.nodes.task",
    "Pipeline": "magnus.sdk.pipeline",
    **dict.fromkeys(("InvalidInput", "MagnusError", "RunFailed", "RunNotFound", "ServiceError"), "magnus.errors"),
    **dict.fromkeys(("Conditional", "Dag", "Loop", "Map", "Parallel"), "magnus.sdk.composites"),
    **dict.fromkeys(("Fail", "Stub", "Success"), "magnus.sdk.steps"),
    **dict.fromkeys(
        ("NotebookTask", "PythonTask", "ShellTask", "Task", "json", "metric", "pickled"), "magnus.sdk.tasks"
    ),
    **dict.fromkeys(("NotebookJob", "PythonJob", "ShellJob"), "magnus.sdk.tasks"),
    **dict.fromkeys(("diff", "reproduce", "run", "runs"), "magnus.sdk.run_lookup"),
}
"""The modules of public names; the others are functions of `magnus.interaction`."""


def __getattr__(name: str) -> "Any":
    if name not in __all__:
        raise AttributeError(f"module 'magnus' has no attribute '{name}'")
    from importlib import import_module  # lazy: PEP 562

    if name == "errors":
        return import_module("magnus.errors")
    return getattr(import_module(_HOMES.get(name, "magnus.interaction")), name)
