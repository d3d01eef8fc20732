"""The values that the script of a report reads, which are flat and small as JSON.

Times are milliseconds since the start of the run. A text that may be long stands once in `Report.texts`; other values
refer to it by its number.
"""

from msgspec import Struct

Named = tuple[str, int]
"""A name, and the number of the text of its value."""


class Text(Struct, omit_defaults=True):
    """A text; `left_out` says how many characters of it are not here."""

    text: str
    left_out: int = 0


class Attempt(Struct, omit_defaults=True):
    """One call of a task; `duration` in milliseconds, `inputs` are the parameters it received.

    `message` is "" if it is the message of the step.
    """

    start: float
    duration: float
    status: str
    message: str = ""
    inputs: list[Named] = []


class File(Struct, omit_defaults=True):
    """An entry of the catalog; `place` is its location there, or "" if its content was not stored."""

    name: str
    stage: str
    size: int
    data_hash: str
    place: str = ""


class Log(Struct, omit_defaults=True):
    """The end of the output of a step; `left_out` are bytes before it."""

    text: str
    left_out: int = 0


class Code(Struct, omit_defaults=True):
    """Which code ran; `changes` are the files that differ from it."""

    identifier: str
    type: str
    dependable: bool
    url: str = ""
    changes: str = ""


class Definition(Struct, omit_defaults=True):
    """A step as the pipeline has it; `key` is its place in the picture, `code` its pieces with their hashes."""

    key: str
    kind: str = ""
    command: str = ""
    more: list[tuple[str, str]] = []
    code: list[tuple[str, str]] = []


class Row(Struct, omit_defaults=True):
    """The run, a step, or a branch of one. Rows stand in the order of execution, each after the one it is in.

    Attributes:
        parent: the number of the row it is in; -1 for the run.
        type: the type of the step as written, or "branch" or "run".
        unit: the word for the branches of a step whose branches are numbered, "branch" or "iteration".
        status: as in the run log, or LOST if its process is gone.
        path: the path of the step for commands.
        value: the number of the text of the element that a branch of a map is for.
        more_files: the number of catalog entries that are left out.
        reused: whether it has the result of another run and did not run in this one.
        source: the run that computed the result of a step with `cache`; "" for the original run, or none.
        reason: why a step with `cache` ran; "" for every other step.
    """

    parent: int
    name: str
    type: str
    status: str
    unit: str = ""
    path: str = ""
    start: float | None = None
    end: float | None = None
    message: str = ""
    value: int | None = None
    attempts: list[Attempt] = []
    outputs: list[Named] = []
    metrics: list[Named] = []
    files: list[File] = []
    more_files: int = 0
    log: Log | None = None
    code: list[Code] | None = None
    definition: int | None = None
    mock: bool = False
    reused: bool = False
    source: str = ""
    reason: str = ""


class Head(Struct, omit_defaults=True):
    """The run itself; times are ISO 8601, `cause` is the row of the step that failed it, `damage` is about its records."""

    run_id: str
    status: str
    start: str
    written: str
    magnus: str
    pipeline: str = ""
    description: str = ""
    end: str = ""
    message: str = ""
    tag: str = ""
    original_run_id: str = ""
    host: str = ""
    damage: str = ""
    cause: int | None = None
    initial: list[Named] = []
    final: list[Named] = []
    configuration: list[Named] = []
    environment: list[tuple[str, str]] = []
    code: list[Code] = []
    commands: list[tuple[str, str]] = []
    dag_hash: str = ""


class Report(Struct, omit_defaults=True):
    """The whole report."""

    head: Head
    rows: list[Row]
    definitions: list[Definition]
    texts: list[Text]
