"""magnus: define a data-science pipeline once, run the same definition anywhere.

The public names, loaded when they are used; importing this module does nothing else.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from magnus.definition.nodes.task import Catalog
    from magnus.interaction import (
        get_experiment_tracker_context,
        get_parameter,
        get_run_id,
        get_secret,
        get_tag,
        set_parameter,
        track_this,
    )
    from magnus.sdk.jobs import NotebookJob, PythonJob, ShellJob
    from magnus.sdk.pipeline import Pipeline
    from magnus.sdk.steps import (
        Conditional,
        Dag,
        Fail,
        Loop,
        Map,
        NotebookTask,
        Parallel,
        PythonTask,
        ShellTask,
        Stub,
        Success,
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
    "Loop",
    "Map",
    "NotebookJob",
    "NotebookTask",
    "Parallel",
    "Pipeline",
    "PythonJob",
    "PythonTask",
    "ShellJob",
    "ShellTask",
    "Stub",
    "Success",
    "Task",
    "get_experiment_tracker_context",
    "get_parameter",
    "get_run_id",
    "get_secret",
    "get_tag",
    "json",
    "metric",
    "pickled",
    "set_parameter",
    "track_this",
]

_HOMES = {
    "Pipeline": "magnus.sdk.pipeline",
    **dict.fromkeys(("NotebookJob", "PythonJob", "ShellJob"), "magnus.sdk.jobs"),
    **dict.fromkeys(
        (
            "get_experiment_tracker_context",
            "get_parameter",
            "get_run_id",
            "get_secret",
            "get_tag",
            "set_parameter",
            "track_this",
        ),
        "magnus.interaction",
    ),
}
"""The modules of public names; of those that are not here, `magnus.sdk.steps`."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'magnus' has no attribute '{name}'")
    from importlib import import_module  # lazy: PEP 562

    return getattr(import_module(_HOMES.get(name, "magnus.sdk.steps")), name)
