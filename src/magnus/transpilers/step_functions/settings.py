"""The options that hold for a process: the options of the configuration, and what its override changes."""

from collections.abc import Mapping
from typing import Final, Literal, TypeVar

from msgspec import Struct

from magnus.transpilers.step_functions.names import job_name
from magnus.transpilers.step_functions.options import Override, StepFunctionsOptions

T = TypeVar("T")

_PARTITIONS: Final = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


class Settings(Struct, frozen=True):
    """What holds for the processes of one override; the fields are named as in `StepFunctionsOptions`.

    `definition` is the name of the job definition of AWS Batch, or the family of the task definition of ECS.
    """

    definition: str
    image: str
    queue: str
    cpu: float
    memory: int
    gpu: int
    shared_memory: int | None
    ephemeral_storage: int | None
    retries: int
    timeout: int
    environment: Mapping[str, str]
    tags: Mapping[str, str]
    max_concurrency: int
    map: Literal["auto", "inline", "distributed"]


def settings_of(options: StepFunctionsOptions, name: str) -> Settings:
    """The settings with the override of this name, "" for none; an unknown name changes nothing."""
    override = options.overrides.get(name, Override())
    is_other = name in options.overrides and not _is_of_branches_alone(override)
    return Settings(
        definition=job_name(f"{options.name}-{name}") if is_other else job_name(options.name),
        image=override.image or options.image,
        queue=override.queue or options.queue,
        cpu=_first(override.cpu, options.cpu),
        memory=_first(override.memory, options.memory),
        gpu=_first(override.gpu, options.gpu),
        shared_memory=_first(override.shared_memory, options.shared_memory),
        ephemeral_storage=_first(override.ephemeral_storage, options.ephemeral_storage),
        retries=_first(override.retries, options.retries),
        timeout=_first(override.timeout, options.timeout),
        environment={**options.environment, **override.environment},
        tags={**options.tags, **override.tags},
        max_concurrency=_first(override.max_concurrency, options.max_concurrency),
        map=_first(override.map, options.map),
    )


def _is_of_branches_alone(override: Override) -> bool:
    """Whether the containers are as the configuration says: the override is about branches, or the queue."""
    return Override(
        queue=override.queue, max_concurrency=override.max_concurrency, map=override.map, together=override.together
    ) == override  # fmt: skip


def _first(value: T | None, otherwise: T) -> T:
    return otherwise if value is None else value


def partition(region: str) -> str:
    """The partition of AWS that the region is in, as ARNs have it."""
    return next((name for start, name in _PARTITIONS.items() if region.startswith(start)), "aws")
