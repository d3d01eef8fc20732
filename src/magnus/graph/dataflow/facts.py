"""Facts about a task that has not run: the parameters and files it needs and sets. Pure values.

Task kinds make them; `flow` combines them along the paths of a pipeline.
"""

from enum import IntEnum

from msgspec import Struct

from magnus.errors import Problem
from magnus.graph.dataflow.shapes import ANYTHING, AcceptedShape, Shape


class Certainty(IntEnum):
    """How certain it is that a parameter or file exists.

    POSSIBLE: some path of the pipeline lacks it. UNCLEAR: nobody can tell without running; no reason to complain.
    """

    CERTAIN = 0
    UNCLEAR = 1
    POSSIBLE = 2


class Need(Struct, frozen=True):
    """A parameter that a task takes.

    Attributes:
        name: the name of the parameter.
        title: its name in messages, such as "the argument 'x' of work.f()".
        accepts: the values that the task accepts.
        is_required: whether it has no default.
        is_fatal: whether the task fails without it.
        fix: the advice when its value is not accepted.
    """

    name: str
    title: str
    accepts: AcceptedShape = AcceptedShape()
    is_required: bool = True
    is_fatal: bool = True
    fix: str = ""


class Setting(Struct, frozen=True):
    """A parameter that a task sets when it succeeds."""

    name: str
    shape: Shape = ANYTHING
    is_certain: bool = True


class Description(Struct, frozen=True):
    """All facts about a task.

    Attributes:
        needs: the parameters it takes.
        sets: the parameters it sets.
        sets_others: whether it may set parameters of unknown names.
        puts: names of files that it puts into the catalog beside what its step declares.
        puts_others: whether it may put files of unknown names.
        files: texts of its code that may be names of files it reads; some are not.
        secrets: names of secrets that it asks for.
        uses: names of parameters it may use beside its needs; None when they are unknown.
        problems: its other mistakes; location and step are added.
        never_fails: whether the task cannot fail.
        sees_all: whether it sees every parameter, so that a record of what it saw does not tell what it uses.
        passes_all: whether it passes every parameter on to programs that may use any of them.
    """

    needs: tuple[Need, ...] = ()
    sets: tuple[Setting, ...] = ()
    sets_others: bool = False
    puts: tuple[str, ...] = ()
    puts_others: bool = False
    files: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    uses: frozenset[str] | None = None
    never_fails: bool = False
    sees_all: bool = False
    passes_all: bool = False


UNKNOWN = Description(sets_others=True, puts_others=True)
"""The description of a task without any facts."""
