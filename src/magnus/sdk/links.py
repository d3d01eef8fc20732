"""Steps with the links between them, apart from the pipelines that hold them. Used by all step classes and by `Pipeline`.

An object keeps the fields as the program writes them; compiling the pipeline checks them, as for a file.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, Final, Self, TypeAlias, TypedDict, TypeVar

from magnus.definition.built_pipeline import PipelineObject
from magnus.errors import InvalidDefinition
from magnus.sdk import arguments
from magnus.sdk.arguments import TEXT, TRUTH, Kind, check, refuse_unknown
from magnus.values import UserObject

StepT = TypeVar("StepT", bound="LinkedStep")
Function: TypeAlias = Callable[..., UserObject]


class Links(TypedDict, total=False):
    """The links of a step; see `LinkedStep`."""

    next: "LinkedStep | str | None"
    on_failure: "LinkedStep | str | PipelineObject | None"
    terminate_with_success: bool
    terminate_with_failure: bool
    overrides: Mapping[str, str] | None
    description: str | None


LINKS: Final = tuple(sorted(Links.__optional_keys__))
"""The names of these fields."""


class LinkedStep:
    """A step of a pipeline, with the steps it leads to.

    `a >> b` and `b << a` say that `b` follows `a`, as `b.depends_on(a)` does.

    Args:
        name: free text without `.` and `%`.
        next: the step that follows, or its name.
        on_failure: the step that follows if this one fails, or its name; or a pipeline to run then.
        terminate_with_success: the pipeline succeeds after this step.
        terminate_with_failure: the pipeline fails after this step.
    """

    type: ClassVar[str]
    outcome: ClassVar[bool | None] = None
    """Whether a pipeline that ends with this step succeeds; None for a step that is no end."""
    accepts_any_field: ClassVar[bool] = False

    def __init__(
        self,
        name: str,
        *,
        next: "LinkedStep | str | None" = None,  # noqa: A002 - the word that YAML has
        on_failure: "LinkedStep | str | PipelineObject | None" = None,
        terminate_with_success: bool = False,
        terminate_with_failure: bool = False,
        **fields: UserObject,
    ) -> None:
        check(TEXT, name=name)
        check(_STEP, step=name, next=next)
        check(_STEP_OR_PIPELINE, step=name, on_failure=on_failure)
        check(
            TRUTH,
            step=name,
            terminate_with_success=terminate_with_success,
            terminate_with_failure=terminate_with_failure,
        )
        self.name = name
        self.next = next
        self.on_failure = on_failure
        self.location = arguments.here()
        self.fields: dict[str, UserObject] = {key: value for key, value in fields.items() if value is not None}
        if terminate_with_success and terminate_with_failure:
            raise self._wrong("both terminate_with_success and terminate_with_failure are set", "keep one of them")
        self.ends_with: bool | None = True if terminate_with_success else False if terminate_with_failure else None

    def __rshift__(self, other: StepT) -> StepT:
        """`self >> other`: the other follows this one; gives the other."""
        if not isinstance(other, LinkedStep):
            fix = "link one step; put steps that run at the same time into a Parallel"
            raise self._wrong(f"a step leads to a step, not to a value of type {type(other).__name__}", fix)
        self._lead_to(other)
        return other

    def __lshift__(self, other: StepT) -> StepT:
        """`self << other`: this one follows the other; gives the other."""
        if not isinstance(other, LinkedStep):
            raise self._wrong(f"a step follows a step, not a value of type {type(other).__name__}", "name one step")
        _ = other >> self
        return other

    def depends_on(self, other: "LinkedStep") -> Self:
        """This step follows the other; gives this step."""
        _ = self << other
        return self

    def _lead_to(self, other: "LinkedStep") -> None:
        if self.next is not None and name_of(self.next) != other.name:
            fix = "link each step to one other; put steps that run at the same time into a Parallel"
            raise self._wrong(f"it leads to '{name_of(self.next)}' and to '{other.name}'", fix)
        if self.ends_with is not None:
            word = "success" if self.ends_with else "failure"
            raise self._wrong(f"it leads to '{other.name}' and has terminate_with_{word}", "keep one of them")
        self.next = other

    def refuse_unknown(self, name: str, more: Mapping[str, UserObject], known: Iterable[str]) -> None:
        """Raise, with the line of the program, for the first field that such a step does not have."""
        refuse_unknown(type(self), more, known, step=str(name))

    def _wrong(self, message: str, fix: str) -> InvalidDefinition:
        return InvalidDefinition(message, fix=fix, location=arguments.here(), step=self.name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} '{self.name}'>"


_STEP: Final = Kind((LinkedStep, str, type(None)), "a step or the name of one")
_STEP_OR_PIPELINE: Final = Kind(_STEP.types, "a step, the name of one, or a pipeline", or_pipeline=True)


def name_of(step: "LinkedStep | str") -> str:
    """The name of a step that is given as itself or by its name."""
    return step.name if isinstance(step, LinkedStep) else step
