"""Asks a cluster whether it would take jobs with the options: for `magnus check --connect`. Nothing is submitted."""

from collections.abc import Iterator, Mapping
from typing import Final

from magnus.definition.wrong_fields import Complaint
from magnus.errors import MagnusError
from magnus.executors.jobs.batch_system import Full, NoAnswer, Refused
from magnus.executors.slurm import commands
from magnus.executors.slurm.options import JobSettings, SlurmOptions, flags, of_step
from magnus.executors.slurm.queue import records_in
from magnus.executors.slurm.words import TimeLimit
from magnus.suggest import nearest_or_all

_OPTION_OF: Final = (
    ("partition", "partition"),
    ("account", "account"),
    ("qos", "qos"),
    ("reservation", "reservation"),
    ("feature", "constraint"),
    ("generic resource", "gres"),
    ("gres", "gres"),
    ("time limit", "time"),
    ("memory", "mem"),
    ("node count", "nodes"),
    ("cpu count", "cpus_per_task"),
    ("unrecognized option", "extra"),
    ("invalid option", "extra"),
)
"""By words of a message of `sbatch`: the option that it is about."""

_NO_LIMIT: Final = frozenset({"UNLIMITED", "INFINITE", "NONE", ""})


def complaints(options: SlurmOptions) -> Iterator[Complaint]:
    """Everything that keeps jobs of the executor, or of one of its overrides, from running."""
    cluster = [f"--clusters={options.clusters}"] if options.clusters else []
    try:
        output = commands.run(["scontrol", *cluster, "show", "partition", "--oneliner"])
    except MagnusError as error:
        [problem] = error.problems
        message = (
            problem.message if isinstance(error, Refused) else f"the controller does not answer: {problem.message}"
        )
        yield Complaint((), message, problem.fix or "see that 'sinfo' works here")
        return
    partitions = {record["PartitionName"]: record for record in records_in(output) if "PartitionName" in record}
    for name in ("", *options.overrides):
        path = ("overrides", name) if name else ()
        settings = of_step(options, name)
        written = options.overrides[name] if name else options
        found = list(_of_partitions(settings, partitions))
        for complaint in found or _of_test(settings, cluster):
            yield Complaint(_path(path, complaint.path, written, options), complaint.message, complaint.fix)


def _path(
    path: tuple[str, ...], option: tuple[str | int, ...], written: JobSettings, options: SlurmOptions
) -> tuple[str | int, ...]:
    """The place of the option: in the override where that sets it, else among the options of the executor."""
    name = str(option[0]) if option else ""
    if name and getattr(written, name) in (None, ()) and getattr(options, name) not in (None, ()):
        return option
    return (*path, *option) if name and getattr(written, name) not in (None, ()) else path


def _of_partitions(settings: JobSettings, partitions: Mapping[str, Mapping[str, str]]) -> Iterator[Complaint]:
    """What the partitions of the job say against it; a job of several needs one of them."""
    default = next((name for name, record in partitions.items() if record.get("Default") == "YES"), "")
    if settings.partition is None and not default:
        yield Complaint((), "the cluster has no default partition", f"write 'partition': {_listed(partitions)}")
        return
    for name in (settings.partition or default).split(","):
        record = partitions.get(name)
        if record is None:
            fix = nearest_or_all(name, list(partitions), none="see 'sinfo'")
            yield Complaint(("partition",), f"the cluster has no partition '{name}'", fix)
            continue
        state = record.get("State", "UP")
        if state in {"DOWN", "INACTIVE", "DRAIN"}:
            yield Complaint(
                ("partition",), f"the partition '{name}' starts no jobs: it is {state}", "choose another one"
            )
        limit = record.get("MaxTime", "")
        if settings.time is not None and limit not in _NO_LIMIT and not 0 < settings.time <= TimeLimit.read(limit):
            wanted = f"{settings.time} minutes" if settings.time else "no limit"
            message = f"the partition '{name}' has a time limit of {limit}, and 'time' is {wanted}"
            yield Complaint(("time",), message, f"write {limit} or less")
        most = record.get("MaxNodes", "")
        if settings.nodes is not None and most.isdecimal() and settings.nodes > int(most):
            message = f"a job in the partition '{name}' has at most {most} nodes, and 'nodes' is {settings.nodes}"
            yield Complaint(("nodes",), message, f"write {most} or less")


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _of_test(settings: JobSettings, cluster: list[str]) -> Iterator[Complaint]:
    """What the controller says to a job with these settings, which it only tests."""
    try:
        commands.run(["sbatch", "--test-only", *cluster, *flags(settings), "--output=/dev/null", "--wrap", "true"], {})
    except Full:
        return  # other jobs of the user are in the queue
    except NoAnswer as error:
        yield Complaint((), error.problems[0].message, "try again")
    except Refused as error:
        message = error.problems[0].message
        words = message.lower()
        option = next((option for part, option in _OPTION_OF if part in words), "")
        yield Complaint(
            (option,) if option else (),
            f"the cluster takes no such job: {message}",
            "see 'sinfo' and 'scontrol show node'",
        )
