"""Steps that hold pipelines as objects, one class a node type, with the fields that YAML has for it."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Unpack

from magnus.sdk.arguments import path_as_text
from magnus.sdk.links import LINKS, Function, Links
from magnus.sdk.pipeline import Pipeline
from magnus.sdk.steps import Step
from magnus.values import Json


class Parallel(Step):
    """Runs several pipelines by name; it succeeds if all of them do."""

    type = "parallel"

    def __init__(self, name: str, branches: Mapping[str, Pipeline], **more: Unpack[Links]) -> None:
        self.refuse_unknown(name, more, LINKS)
        super().__init__(name, branches=branches, **more)


class Map(Step):
    """Runs a pipeline for each element of the parameter `iterate_on`, which the branch sees as `iterate_as`.

    `reducer`, a lambda as text, the dotted path of a function or the function, reduces the values of all branches to one.
    """

    type = "map"

    def __init__(
        self,
        name: str,
        branch: Pipeline,
        iterate_on: str,
        iterate_as: str,
        *,
        reducer: str | Function | None = None,
        **more: Unpack[Links],
    ) -> None:
        self.refuse_unknown(name, more, LINKS)
        super().__init__(name, iterate_on=iterate_on, iterate_as=iterate_as, reducer=reducer, branch=branch, **more)


class Dag(Step):
    """A pipeline inside the pipeline: `dag`, or the file `dag_definition` beside this program."""

    type = "dag"

    def __init__(
        self,
        name: str,
        dag: Pipeline | None = None,
        *,
        dag_definition: str | PurePath | None = None,
        **more: Unpack[Links],
    ) -> None:
        self.refuse_unknown(name, more, LINKS)
        super().__init__(name, dag=dag, dag_definition=path_as_text(dag_definition), **more)


class Conditional(Step):
    """Runs the pipeline whose key equals the parameter, or else `default`."""

    type = "conditional"

    def __init__(
        self,
        name: str,
        parameter: str,
        branches: Mapping[Json, Pipeline],
        *,
        default: Pipeline | None = None,
        **more: Unpack[Links],
    ) -> None:
        self.refuse_unknown(name, more, LINKS)
        super().__init__(name, parameter=parameter, branches=branches, default=default, **more)


class Loop(Step):
    """Repeats a pipeline until the boolean parameter `break_on` is true, at most `max_iterations` times."""

    type = "loop"

    def __init__(
        self,
        name: str,
        branch: Pipeline,
        max_iterations: int,
        *,
        break_on: str | None = None,
        index_as: str | None = None,
        **more: Unpack[Links],
    ) -> None:
        self.refuse_unknown(name, more, LINKS)
        super().__init__(
            name, branch=branch, max_iterations=max_iterations, break_on=break_on, index_as=index_as, **more
        )
