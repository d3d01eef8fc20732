"""What the page of a report is given, as the values its script reads: flat, and small as JSON.

Times are milliseconds since the run began. A text that may be long stands once in `Report.texts`, and is referred to by
its number there.
"""

from msgspec import Struct

Named = tuple[str, int]
"""A name, and the number of the text of its value."""


class Text(Struct, omit_defaults=True):
    """A text; `left_out` says how many characters of it are not here."""

    text: str
    left_out: int = 0


class Attempt(Struct, omit_defaults=True):
    """One call of a task; `duration` in milliseconds, `inputs` are what it was handed.

    `message` is "" where it is that of the step.
    """

    start: float
    duration: float
    status: str
    message: str = ""
    inputs: list[Named] = []


class File(Struct, omit_defaults=True):
    """An entry of the catalog; `place` is where it can be found there, "" when its content was not kept."""

    name: str
    stage: str
    size: int
    data_hash: str
    place: str = ""


class Log(Struct, omit_defaults=True):
    """The end of what a step printed; `left_out` are bytes before it."""

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
        type: that of the step as it is written; "branch" or "run" for what is no step.
        status: as in the run log, or LOST where nobody knows how it would have ended.
        path: of the step, as commands take it.
        value: the number of the text of the element that a branch of a map is for.
        more_files: how many entries of the catalog are left out.
        taken_over: whether it succeeded in the original run and did not run in this one.
    """

    parent: int
    name: str
    type: str
    status: str
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
    taken_over: bool = False


class Head(Struct, omit_defaults=True):
    """The run itself. Times of the clock are ISO 8601; `cause` is the row of the step that made it fail, `damage` what is wrong with its records."""

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
    """All of it."""

    head: Head
    rows: list[Row]
    definitions: list[Definition]
    texts: list[Text]
