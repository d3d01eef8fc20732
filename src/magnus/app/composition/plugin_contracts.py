"""Whether a class can be what its family has to be, judged by its methods. Called by `app.composition.plugins` for plugins alone."""

from collections.abc import Sequence
from typing import Any, Final

_OF_SERVICES: Final = ("options",)
"""What the composition root asks of every class: the model of its options."""

_OF_FAMILIES: Final = {"executor": ("capabilities",), "transpiler": ("capabilities",)}
"""What it asks of the classes of some families, before there is an instance."""


def missing_members(family: str, found: Any) -> Sequence[str]:
    """What the class lacks of its contract, by name; nothing when it can be used."""
    of_class = () if family == "nodes" else (*_OF_SERVICES, *_OF_FAMILIES.get(family, ()))
    members = [*of_class, *_methods(_protocol(family))]
    return [name for name in members if not hasattr(found, name)]


def _protocol(family: str) -> Any:
    match family:
        case "executor":
            from magnus.interfaces.executor import Executor as Wanted  # lazy: contracts are looked at for plugins alone
        case "transpiler":
            from magnus.interfaces.transpiler import Transpiler as Wanted  # type: ignore[assignment]
        case "run_log_store":
            from magnus.interfaces.run_log_store import RunLogStore as Wanted  # type: ignore[assignment]
        case "catalog":
            from magnus.interfaces.catalog import Catalog as Wanted  # type: ignore[assignment]
        case "secrets":
            from magnus.interfaces.secrets import Secrets as Wanted  # type: ignore[assignment]
        case "pickler":
            from magnus.interfaces.pickler import Pickler as Wanted  # type: ignore[assignment]
        case "experiment_tracker":
            from magnus.interfaces.experiment_tracker import ExperimentTracker as Wanted  # type: ignore[assignment]
        case "tasks":
            from magnus.interfaces.task_kind import TaskKind as Wanted  # type: ignore[assignment]
        case "nodes":
            from magnus.definition.nodes import NodeType as Wanted  # type: ignore[assignment]
        case _:
            return object
    return Wanted


def _methods(protocol: Any) -> list[str]:
    """The methods a class has to have; attributes may be made by its instances."""
    context_manager = {"__enter__", "__exit__"}
    members = [name for name, value in vars(protocol).items() if callable(value) or isinstance(value, classmethod)]
    return [name for name in members if name[0] != "_" or name in context_manager]
