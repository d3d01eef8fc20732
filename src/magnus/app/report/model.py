"""The values that the script of a report reads, which are flat and small as JSON.

Times are milliseconds since the start of the run. A text that may be long stands once in `Report.texts`; other values
refer to it by its number. The page draws from a `Report` alone and takes a newer `Report` of the same run at any time.
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

    `message` is "" if it is the message of the step. `job` says which job of a batch system made it, and where; `memory` is
    the most that it had, in bytes.
    """

    start: float
    duration: float
    status: str
    message: str = ""
    inputs: list[Named] = []
    job: str = ""
    memory: int = 0


class File(Struct, omit_defaults=True):
    """An entry of the catalog.

    Attributes:
        place: its location there, or "" if its content was not stored.
        image: the number of the image with its content, if it is a picture.
        notebook: the number of the notebook with its content, if it is one.
        reason: why a picture or notebook is not in the report.
    """

    name: str
    stage: str
    size: int
    data_hash: str
    place: str = ""
    image: int | None = None
    notebook: int | None = None
    reason: str = ""


class Image(Struct):
    """A picture: its media type, and its content as base64."""

    type: str
    content: str


class Output(Struct, omit_defaults=True):
    """An output of a cell: a text, or the number of an image with the text that stands for it."""

    text: str = ""
    image: int | None = None
    is_error: bool = False


class Cell(Struct, omit_defaults=True):
    """A cell of a notebook; `kind` is its type there, such as "code"."""

    kind: str
    source: str
    outputs: list[Output] = []


class Notebook(Struct, omit_defaults=True):
    """An executed notebook; `left_out` counts the cells behind the ones that are here."""

    cells: list[Cell]
    left_out: int = 0


class Series(Struct):
    """A metric that was tracked by step: some of its `count` points, with None for a value that is not finite."""

    name: str
    count: int
    points: list[tuple[int, float | None]]


class Drawing(Struct, omit_defaults=True):
    """The picture of the pipeline as SVG: from above to below or `across`; with `data`, edges have names of data."""

    svg: str
    across: bool = False
    data: bool = False


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
        element: the parts of that element by which it differs from the others.
        single: whether a branch has one step in the pipeline, which stands for the branch.
        metrics: the last value of each metric; `series` has all values of those tracked by step.
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
    element: list[Named] = []
    single: bool = False
    attempts: list[Attempt] = []
    outputs: list[Named] = []
    metrics: list[Named] = []
    series: list[Series] = []
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
    """The run itself; times are ISO 8601, `cause` is the row of the step that failed it, `damage` is about its records.

    `next` are the commands to continue with after a failure, `commands` all others.
    """

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
    next: list[tuple[str, str]] = []
    commands: list[tuple[str, str]] = []
    dag_hash: str = ""


class Report(Struct, omit_defaults=True):
    """The whole report."""

    head: Head
    rows: list[Row]
    definitions: list[Definition]
    texts: list[Text]
    drawings: list[Drawing] = []
    images: list[Image] = []
    notebooks: list[Notebook] = []
