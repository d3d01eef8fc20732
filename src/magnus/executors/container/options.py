"""The options of the `local-container` executor, and of one step."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self, TypeAlias

from msgspec import Meta, Struct, field

from magnus.executors.memory_sizes import MEBIBYTE, memory_bytes
from magnus.values import Json

_LEAST_MEMORY_BYTES: Final = 6 * MEBIBYTE
"""Engines refuse less."""

Name: TypeAlias = Annotated[str, Meta(min_length=1)]
VariableName: TypeAlias = Annotated[str, Meta(pattern=r"^[^=\x00]+$")]
Variables: TypeAlias = Mapping[VariableName, str | bool | int | float | None]


class Memory(int):
    """An amount of memory in bytes."""

    @classmethod
    def read(cls, written: Json) -> Self:
        """The amount that is written, such as `512m` or `2Gi`, both in powers of 1024; ValueError when it is none."""
        size = memory_bytes(written, number_bytes=1)
        if size is None:
            message = f"must be an amount of memory such as 512m or 2g, not {written!r}"
            raise ValueError(message)
        if size < _LEAST_MEMORY_BYTES:
            message = f"must be at least 6m, not {written!r}"
            raise ValueError(message)
        return cls(int(size))

    def __str__(self) -> str:
        for power, letter in ((3, "g"), (2, "m"), (1, "k")):
            if self % 1024**power == 0:
                return f"{self // 1024**power}{letter}"
        return f"{int(self)} bytes"


class Resources(Struct, frozen=True, forbid_unknown_fields=True):
    """The most a container may use; without a value there is no limit.

    Attributes:
        cpu: in processors.
        memory: such as `512m` or `2g`.
    """

    cpu: Annotated[float, Meta(gt=0)] | None = None
    memory: Memory | None = None


class Override(Struct, frozen=True, forbid_unknown_fields=True):
    """Options for the steps that name this override.

    Attributes:
        docker_image: the image.
        image: another word for `docker_image`.
        environment: variables in addition to the variables of the executor.
        resources: the most the container may use.
        run_in_local: whether the step runs in this process and not in a container.
    """

    docker_image: Name | None = None
    image: Name | None = None
    environment: Variables = field(default_factory=dict)
    resources: Resources = Resources()
    run_in_local: bool | None = None


class ContainerOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """How containers of steps are run.

    Attributes:
        docker_image: the image, which has magnus in it.
        enable_parallel: whether steps run at the same time.
        max_workers: how many; the number of processors by default.
        auto_remove_container: whether a container is removed when it has exited.
        run_in_local: whether steps run in this process and not in a container.
        environment: variables of the containers; a variable without a value gets its value from the environment of magnus.
        resources: the most a container may use.
        overrides: other options, by a name that steps give.
        network: the name of a network of the container engine; by default the engine chooses it.
        user: the user in the container; by default the user who runs magnus.
        pull_policy: when the image is pulled from its registry.
    """

    docker_image: Name
    enable_parallel: bool = False
    max_workers: Annotated[int, Meta(ge=1)] | None = None
    auto_remove_container: bool = True
    run_in_local: bool = False
    environment: Variables = field(default_factory=dict)
    resources: Resources = Resources()
    overrides: Mapping[str, Override] = field(default_factory=dict)
    network: Name | None = None
    user: str | int | None = None
    pull_policy: Literal["missing", "always", "never"] = "missing"


class StepOptions(Struct, frozen=True):
    """The options of one step."""

    image: str
    environment: Variables
    resources: Resources
    run_in_local: bool


def of_step(options: ContainerOptions, override: str) -> StepOptions:
    """The options for a step that names this override; "" for none."""
    other = options.overrides.get(override, Override())
    return StepOptions(
        image=other.docker_image or other.image or options.docker_image,
        environment={**options.environment, **other.environment},
        resources=Resources(
            cpu=options.resources.cpu if other.resources.cpu is None else other.resources.cpu,
            memory=options.resources.memory if other.resources.memory is None else other.resources.memory,
        ),
        run_in_local=options.run_in_local if other.run_in_local is None else other.run_in_local,
    )


def environment(variables: Variables, own: Mapping[str, str]) -> dict[str, str]:
    """The variables as text; those without a value as they are in `own`, where they are there."""
    handed_on = {name: own.get(name) if value is None else _text(value) for name, value in variables.items()}
    return {name: value for name, value in handed_on.items() if value is not None}


def _text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
