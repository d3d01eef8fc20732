"""The options of the executor `slurm`, of one step, and the flags of `sbatch` that they are."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct, field

from magnus.definition.wrong_fields import Complaint, WrongFields
from magnus.executors.slurm.words import FIELDS, Flag, Gpus, Size, TimeLimit, Word

Count: TypeAlias = Annotated[int, Meta(ge=1)]
Name: TypeAlias = Annotated[str, Meta(min_length=1)]


class Container(Struct, frozen=True, forbid_unknown_fields=True):
    """The container in which a job runs its step.

    Attributes:
        kind: the program that runs it: Apptainer, or the plugin Pyxis of `srun`.
        image: the image, as that program names images; it has magnus in it.
        mounts: further folders of the node, as in `/scratch` or `/data:/mnt`. The working directory is always there.
        flags: further flags of `apptainer exec` or `srun`, such as `--nv`.
    """

    kind: Literal["apptainer", "pyxis"]
    image: Name
    mounts: tuple[Name, ...] = ()
    flags: tuple[Name, ...] = ()


class JobSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of jobs, each with the meaning of the flag of `sbatch` with its name; without a value Slurm decides.

    Attributes:
        partition: the partition, or several joined by commas.
        account: the account that pays.
        qos: the quality of service.
        time: the time limit in whole minutes, or as in `2:00:00`, `1-12` and `2h30m`.
        mem: the memory of a job on each node, such as `16G`; a number is in MiB.
        mem_per_cpu: the memory for each processor, instead of `mem`.
        cpus_per_task: the number of processors.
        gpus: the number of graphics processors, such as `1` or `a100:2`.
        gres: generic resources, such as `gpu:a100:1`.
        constraint: features that nodes must have.
        nodes: the number of nodes; the step runs on the first one, and may use `srun`.
        reservation: a reservation.
        requeue: whether Slurm may put a job back into the queue, after preemption or the failure of a node.
        extra: further flags of `sbatch`, such as `--exclusive`.
        setup: lines of bash that run before the step, such as `module load cuda`; a line that fails ends the job.
        container: the container in which the step runs.
    """

    partition: Word | None = None
    account: Word | None = None
    qos: Word | None = None
    time: TimeLimit | None = None
    mem: Size | None = None
    mem_per_cpu: Size | None = None
    cpus_per_task: Count | None = None
    gpus: Gpus | None = None
    gres: Word | None = None
    constraint: Word | None = None
    nodes: Count | None = None
    reservation: Word | None = None
    requeue: bool | None = None
    extra: tuple[Flag, ...] = ()
    setup: str | tuple[str, ...] = ()
    container: Container | None = None


class Override(JobSettings, frozen=True, forbid_unknown_fields=True):
    """Options for the steps that name this override, in place of the options of the executor.

    Attributes:
        together: of a step with branches: whether one job runs all of them, with one worker process per processor.
    """

    together: bool = False


class SlurmOptions(JobSettings, frozen=True, forbid_unknown_fields=True):
    """How steps run as jobs of Slurm.

    Attributes:
        clusters: the cluster, where one installation of Slurm has several.
        shared_folders: folders that the nodes see at the same paths; by default the working directory.
        log_folder: the folder for the output of jobs, one folder for each run.
        max_jobs: how many jobs of a run are in the queue at a time.
        poll_seconds: how long magnus waits between two questions about the jobs of a run; the time grows to four times that.
        overrides: other options for steps, by the name that they say under `overrides: {slurm: ...}`.
    """

    clusters: Word | None = None
    shared_folders: tuple[Name, ...] = (".",)
    log_folder: Name = "slurm"
    max_jobs: Count = 1000
    poll_seconds: Annotated[float, Meta(ge=0.1)] = 30.0
    overrides: Mapping[str, Override] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse options that do not go together, each by its place."""
        if wrong := list(self._contradictions()):
            raise WrongFields(wrong)

    def _contradictions(self) -> Iterator[Complaint]:
        for path, options in [((), self), *((("overrides", name), one) for name, one in self.overrides.items())]:
            if options.mem is not None and options.mem_per_cpu is not None:
                message = "'mem' and 'mem_per_cpu' are both set, and Slurm takes one of them"
                yield Complaint((*path, "mem_per_cpu"), message, "leave one of them out")
            for number, mount in enumerate(options.container.mounts if options.container else ()):
                if not mount.startswith("/"):
                    message = f"'{mount}' is no folder of a node: its path does not start with '/'"
                    yield Complaint((*path, "container", "mounts", number), message, "write the whole path")
                elif options.container is not None and options.container.kind == "pyxis" and "," in mount:
                    message = f"'{mount}' has a comma, at which Pyxis splits it"
                    yield Complaint(
                        (*path, "container", "mounts", number), message, "write each folder as an entry of its own"
                    )
        if self.clusters and "," in self.clusters:
            message = f"'{self.clusters}' are several clusters"
            yield Complaint(("clusters",), message, "name one: magnus asks one cluster about all jobs of a run")


def of_step(options: SlurmOptions, override: str) -> JobSettings:
    """The options for a step that names this override; "" for none. Its flags and lines come last."""
    other = options.overrides.get(override, Override())
    values = {name: getattr(options, name) for name in JobSettings.__struct_fields__}
    values.update((name, value) for name in values if (value := getattr(other, name)) not in (None, ()))
    if other.mem is not None or other.mem_per_cpu is not None:
        values.update(mem=other.mem, mem_per_cpu=other.mem_per_cpu)
    values.update(extra=options.extra + other.extra, setup=(*lines(options), *lines(other)))
    return JobSettings(**values)


def lines(options: JobSettings) -> tuple[str, ...]:
    """The lines of `setup`."""
    return (options.setup,) if isinstance(options.setup, str) else options.setup


def flags(options: JobSettings) -> list[str]:
    """The flags of `sbatch` for a step."""
    found = []
    for name in FIELDS:
        value = getattr(options, name.replace("-", "_"), None)
        if isinstance(value, bool):
            found.append("--requeue" if value else "--no-requeue")
        elif value is not None:
            found.append(f"--{name}={value}")
    return [*found, *options.extra]
