"""The task kinds that run nothing: `noop` succeeds, and `supply` gives results and files.

A stub is a task of the first kind, a patch of a mocked step one of the second.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from magnus.errors import Problem
from magnus.graph.nodes import TaskSpec
from magnus.interfaces.task_kind import TaskCall, TaskOutcome

if TYPE_CHECKING:
    from magnus.graph.dataflow.facts import Description  # lazy: a run needs none of it

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import convert, field

from magnus.errors import TaskFailed
from magnus.graph.nodes import Return
from magnus.tasks.functions.results import results_of
from magnus.values import Json, UserObject

if TYPE_CHECKING:
    from magnus.graph.dataflow.facts import Description  # lazy: a run needs none of it


class NoopOptions(Struct, frozen=True):
    """Anything may be written in a stub."""


class NoopTask:
    """Does nothing."""

    options = NoopOptions
    isolates = False

    def problems(self, spec: TaskSpec, working_directory: Path) -> Sequence[Problem]:  # noqa: ARG002 - nothing can be wrong
        """None."""
        return ()

    def describe(self, spec: TaskSpec, working_directory: Path, *, imports: bool) -> "Description":  # noqa: ARG002 - as above
        """It needs nothing, sets nothing and never fails."""
        from magnus.graph.dataflow.facts import Description  # lazy: a run needs none of it

        return Description(uses=frozenset(), never_fails=True)

    def run(self, call: TaskCall) -> TaskOutcome:  # noqa: ARG002 - nothing is done
        """Succeed."""
        return TaskOutcome()


class SupplyOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Results by name, and the text of files by their names relative to the working directory.

    Attributes:
        returns: the results, by name.
        files: the text of the files to make, by their names relative to the working directory.
    """

    returns: Mapping[str, Json] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


class SupplyTask:
    """Sets the results of its options, of the kinds that the task declares, and stores files in the catalog.

    What is no JSON is what the function of the task gives, by name; it is kept as objects.
    """

    options = SupplyOptions
    isolates = False

    def problems(self, spec: TaskSpec, working_directory: Path) -> Sequence[Problem]:  # noqa: ARG002 - nothing can be wrong
        """None."""
        return ()

    def describe(self, spec: TaskSpec, working_directory: Path, *, imports: bool) -> "Description":
        """It sets the results of its options."""
        from magnus.graph.dataflow.facts import Description, Setting  # lazy: a run needs none of it
        from magnus.graph.dataflow.shapes import of_value

        del working_directory, imports
        options = convert(spec.options, SupplyOptions)
        objects = {item.name for item in spec.returns or () if item.kind == "object"}
        sets = [Setting(name, of_value(value)) for name, value in options.returns.items() if name not in objects]
        sets += map(Setting, objects & set(options.returns))
        return Description(sets=tuple(sets), puts=tuple(options.files), never_fails=True)

    def run(self, call: TaskCall) -> TaskOutcome:
        """Supply everything."""
        options = convert(call.spec.options, SupplyOptions)
        kinds = {item.name: item for item in call.spec.returns or ()}
        objects: Mapping[str, UserObject] = call.spec.function() if call.spec.function else {}
        supplied = {**options.returns, **objects}
        declared = [_declared(name, kinds, objects) for name in supplied]
        values = tuple(supplied.values())
        results = results_of(values if len(values) != 1 else values[0], declared, "the patch", call.objects)
        if options.files and call.objects is None:
            raise TaskFailed("there is no catalog to keep files")
        files = [call.objects.put_file(name, text.encode()) for name, text in options.files.items() if call.objects]
        return TaskOutcome({}, results.parameters, results.metrics, entries=(*results.entries, *files))


def _declared(name: str, kinds: Mapping[str, Return], objects: Mapping[str, UserObject]) -> Return:
    return Return(name, "object") if name in objects else kinds.get(name, Return(name))
