"""Pipelines as objects: built of steps, and executed."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Never

from magnus.definition.built_pipeline import BuiltPipeline
from magnus.errors import InvalidDefinition, MagnusError
from magnus.sdk import locations
from magnus.sdk.arguments import TEXT, TRUTH, Kind, check, refuse_unknown
from magnus.sdk.document import DocumentWriter
from magnus.sdk.links import LinkedStep
from magnus.values import Json, UserObject

if TYPE_CHECKING:
    from magnus.app.inspect.run_object import Run


_STEPS: Final = Kind((list, tuple), "a list of steps")
_START: Final = Kind((LinkedStep, str, type(None)), "a step or the name of one")


class Pipeline:
    """Steps, and where to start.

    Steps that are not linked follow one another as they are listed. A pipeline can be a branch of a step, be executed,
    and be both several times.

    Args:
        steps: all of its steps.
        start_at: the first step, or its name; the first one of the list when it is not given.
        name: for people.
        description: for people.
        add_terminal_nodes: add the success and the fail step; those that are listed are not added again.
    """

    def __init__(
        self,
        steps: Sequence[LinkedStep],
        start_at: LinkedStep | str | None = None,
        name: str = "",
        description: str = "",
        add_terminal_nodes: bool = True,  # noqa: FBT001, FBT002 - as in the 2024 generation
        **more: Never,
    ) -> None:
        refuse_unknown(type(self), more)
        self.location = locations.here()
        check(_STEPS, steps=steps)
        check(TEXT, name=name, description=description)
        check(_START, start_at=start_at)
        check(TRUTH, add_terminal_nodes=add_terminal_nodes)
        listed: Sequence[UserObject] = steps
        wrong = [type(step).__name__ for step in listed if not isinstance(step, LinkedStep)]
        if wrong:
            message = f"a pipeline is made of steps, not of a value of type {wrong[0]}"
            raise InvalidDefinition(message, fix="wrap a function in PythonTask(function=...)", location=self.location)
        if not steps:
            fix = "list them, such as Pipeline([PythonTask(function)])"
            raise InvalidDefinition("a pipeline needs at least one step", fix=fix, location=self.location)
        self.steps: Sequence[LinkedStep] = tuple(steps)
        self.start_at: LinkedStep | str | None = start_at
        self.name = name
        self.description = description
        self.add_terminal_nodes = add_terminal_nodes

    def __magnus_pipeline__(self) -> BuiltPipeline:
        """The document that a file of this pipeline would hold."""
        writer = DocumentWriter(Path.cwd())
        document = writer.document(self)
        return BuiltPipeline(document, writer.functions, tuple(writer.inner), tuple(writer.wrong))

    def definition(self) -> Mapping[str, Json]:
        """The content of a YAML file with this pipeline; functions are named as other processes find them."""
        built = self.__magnus_pipeline__()
        if built.wrong:
            raise InvalidDefinition.of([problem for _, problem in built.wrong])
        definition: Mapping[str, Json] = built.document.value
        return definition

    def execute(  # noqa: PLR0913 - one argument an option, as in the 2024 generation
        self,
        configuration_file: "str | os.PathLike[str]" = "",
        run_id: str = "",
        tag: str = "",
        parameters_file: "str | os.PathLike[str]" = "",
        *,
        parameters: Mapping[str, UserObject] | None = None,
        use_cached: str = "",
        assume_lost: bool = False,
        log_level: str = "",
        output_pipeline_definition: "str | os.PathLike[str]" = "magnus-pipeline.yaml",
        raise_on_failure: bool = True,
    ) -> "Run":
        """Run the pipeline to its end.

        Args:
            configuration_file: services; by default those of `magnus execute`.
            run_id: the id of the run; one is made when none is given.
            tag: a word to find the run by.
            parameters_file: initial parameters, YAML or JSON.
            parameters: initial parameters by name; they win over those of the file and of the environment.
            use_cached: a failed or killed run to resume; the steps that succeeded in it are reused.
            assume_lost: resume the run although its process may still run on another machine.
            log_level: show what magnus logs for diagnosis, from this level on.
            output_pipeline_definition: the file that the pipeline is written to where the executor reads it.
            raise_on_failure: raise when the run failed.

        Returns:
            The run, with `.status`, `.parameters`, `.steps` and `.artifacts`. Where the executor is another engine, nothing
            runs: its files are written, and the status is CREATED with a message that says what to do with them.

        Raises:
            RunFailed: the run failed; its `run` is what would be returned.
            InvalidInput: something is wrong; nothing ran.
            ServiceError: a service failed in a way that ended the run.
        """
        from magnus.sdk.execution import ExecuteOptions, execute_pipeline  # lazy: building a pipeline needs none of it

        __tracebackhide__ = True  # pytest and IPython leave this frame out then
        options = ExecuteOptions(
            configuration_file=configuration_file,
            run_id=run_id,
            tag=tag,
            parameters_file=parameters_file,
            parameters=parameters,
            use_cached=use_cached,
            assume_lost=assume_lost,
            log_level=log_level,
            output_pipeline_definition=output_pipeline_definition,
            raise_on_failure=raise_on_failure,
        )
        try:
            return execute_pipeline(self, options, dict(os.environ))
        except MagnusError as error:
            raise error.with_traceback(None)  # frames of magnus say nothing of the mistake  # noqa: B904

    def __repr__(self) -> str:
        return f"<Pipeline {', '.join(repr(step.name) for step in self.steps)}>"
