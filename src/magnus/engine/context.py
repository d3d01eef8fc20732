"""Everything a run needs, as a value: built once by `app.wiring`, passed to the engine, stored on no service."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from msgspec import Struct, field

from magnus.engine.capture import Pump
from magnus.engine.channel import Channel
from magnus.engine.masking import Masker
from magnus.engine.parameters import Texts
from magnus.engine.parameters_file import ParametersFile
from magnus.graph.graph import Graph
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.objects import Objects
from magnus.interfaces.pickler import Pickler
from magnus.interfaces.reporter import Reporter
from magnus.interfaces.run_log_store import RunLogStore
from magnus.interfaces.secrets import Secrets
from magnus.interfaces.task_kind import TaskKind
from magnus.run_log.parameters import Parameter


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Clock(Struct, frozen=True):
    """Where times come from: `now` for when, `monotonic` (seconds) for how long."""

    now: Callable[[], datetime] = now
    monotonic: Callable[[], float] = monotonic


class Services(Struct, frozen=True):
    """What a run uses, behind its interfaces.

    `task_kind` gives the task kind of a name that was checked before; `reduce` calls the reducer of a map, for one name,
    with what all branches set under it, and raises TaskFailed.
    """

    run_log_store: RunLogStore
    catalog: Catalog
    secrets: Secrets
    pickler: Pickler
    task_kind: Callable[[str], TaskKind]
    reduce: Callable[[str, str, Sequence[Parameter], Objects], Parameter]


class RunContext(Struct, frozen=True):
    """One run in this process.

    Attributes:
        hidden: folders that no glob matches unless it names them.
        folder: private to the run and this process, gone afterwards.
        definition_file, configuration_file: for re-entry commands; "" where there is none.
        script: the script whose functions are steps, if there is one.
    """

    run_id: str
    graph: Graph
    services: Services
    reporter: Reporter
    working_directory: Path
    folder: Path
    pump: Pump
    channel: Channel
    masker: Masker
    parameters_file: ParametersFile
    hidden: Sequence[Path] = ()
    tag: str = ""
    definition_file: str = ""
    configuration_file: str = ""
    clock: Clock = field(default_factory=Clock)
    texts: Texts = field(default_factory=Texts)
    script: Path | None = None
