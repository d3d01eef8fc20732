"""Steps that hold pipelines as objects, one class a node type, with the fields that YAML has for it.

A step may stand in place of a pipeline of this step alone.
"""

from collections.abc import Mapping
from pathlib import PurePath
from typing import TypeAlias, TypeVar, Unpack

from magnus.sdk.arguments import path_as_text
from magnus.sdk.links import LINKS, Function, Links
from magnus.sdk.pipeline import Pipeline
from magnus.sdk.steps import Step
from magnus.values import Json, UserObject

Branch: TypeAlias = Pipeline | Step
"""A pipeline, or a step that is one by itself, without its links."""
KeyT = TypeVar("KeyT")


class Parallel(Step):
    """Runs several pipelines by name; it succeeds if all of them do."""

    type = "parallel"

    def __init__(self, name: str, branches: Mapping[str, Branch], **more: Unpack[Links]) -> None:
        self.refuse_unknown(name, more, LINKS)
        super().__init__(name, branches=_each_as_pipeline(branches), **more)


class Map(Step):
    """Runs a pipeline for each element of the parameter `iterate_on`, which the branch sees as `iterate_as`.

    `reducer`, a lambda as text, the dotted path of a function or the function, reduces the values of all branches to one.
    """

    type = "map"

    def __init__(
        self,
        name: str,
        branch: Branch,
        iterate_on: str,
        iterate_as: str,
        *,
        reducer: str | Function | None = None,
        **more: Unpack[Links],
    ) -> None:
        self.refuse_unknown(name, more, LINKS)
        super().__init__(
            name, iterate_on=iterate_on, iterate_as=iterate_as, reducer=reducer, branch=_as_pipeline(branch), **more
        )


class Dag(Step):
    """A pipeline inside the pipeline: `dag`, or the file `dag_definition` beside this program."""

    type = "dag"

    def __init__(
        self,
        name: str,
        dag: Branch | None = None,
        *,
        dag_definition: str | PurePath | None = None,
        **more: Unpack[Links],
    ) -> None:
        self.refuse_unknown(name, more, LINKS)
        super().__init__(name, dag=_as_pipeline(dag), dag_definition=path_as_text(dag_definition), **more)


class Conditional(Step):
    """Runs the pipeline whose key equals the parameter, or else `default`."""

    type = "conditional"

    def __init__(
        self,
        name: str,
        parameter: str,
        branches: Mapping[Json, Branch],
        *,
        default: Branch | None = None,
        **more: Unpack[Links],
    ) -> None:
        self.refuse_unknown(name, more, LINKS)
        super().__init__(
            name, parameter=parameter, branches=_each_as_pipeline(branches), default=_as_pipeline(default), **more
        )


class Loop(Step):
    """Repeats a pipeline until the boolean parameter `break_on` is true, at most `max_iterations` times."""

    type = "loop"

    def __init__(
        self,
        name: str,
        branch: Branch,
        max_iterations: int,
        *,
        break_on: str | None = None,
        index_as: str | None = None,
        **more: Unpack[Links],
    ) -> None:
        self.refuse_unknown(name, more, LINKS)
        super().__init__(
            name,
            branch=_as_pipeline(branch),
            max_iterations=max_iterations,
            break_on=break_on,
            index_as=index_as,
            **more,
        )


def _as_pipeline(branch: UserObject) -> UserObject:
    """The branch as a pipeline; other values stay, and compiling reports them."""
    return branch.as_pipeline() if isinstance(branch, Step) else branch


def _each_as_pipeline(branches: Mapping[KeyT, UserObject]) -> Mapping[KeyT, UserObject]:
    """The same of branches by name."""
    if not isinstance(branches, Mapping):
        return branches
    return {name: _as_pipeline(branch) for name, branch in branches.items()}
