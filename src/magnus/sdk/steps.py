"""Steps as objects: the base of all step classes, and the steps that are neither tasks nor made of pipelines."""

from copy import copy
from typing import Never

from magnus.sdk.links import LinkedStep, name_of
from magnus.sdk.pipeline import Pipeline


class Step(LinkedStep):
    """A step of a pipeline; see `LinkedStep` for its arguments."""

    def as_pipeline(self) -> Pipeline:
        """A pipeline of this step alone, without its links to other steps."""
        alone = copy(self)
        ends = {"success": True, "fail": False}
        if isinstance(self.next, LinkedStep) and self.next.outcome is not None:
            alone.ends_with = self.next.outcome
        elif isinstance(self.next, str):
            alone.ends_with = ends.get(self.next, self.ends_with)
        alone.next = None
        if isinstance(self.on_failure, LinkedStep | str) and name_of(self.on_failure) not in ends:
            alone.on_failure = None
        return Pipeline([alone])

    def _repr_html_(self) -> str:
        from magnus.sdk.notebook_html import step_html  # lazy: notebooks alone

        return step_html(self.name, self.as_pipeline())


class Stub(Step):
    """Stands for a step that is not written yet; keeps any further fields."""

    type = "stub"
    accepts_any_field = True


class Success(Step):
    """The end of a pipeline that succeeds."""

    type = "success"
    outcome = True

    def __init__(self, name: str = "success", *, description: str | None = None, **more: Never) -> None:
        self.refuse_unknown(name, more, ())
        super().__init__(name, description=description)


class Fail(Step):
    """The end of a pipeline that fails."""

    type = "fail"
    outcome = False

    def __init__(self, name: str = "fail", *, description: str | None = None, **more: Never) -> None:
        self.refuse_unknown(name, more, ())
        super().__init__(name, description=description)
