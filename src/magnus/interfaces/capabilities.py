"""What an executor or a service can do, declared as data and compared before anything runs."""

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from msgspec import Struct

from magnus.errors import Problem

__all__ = [
    "Connects",
    "ExecutorCapabilities",
    "Locality",
    "Located",
    "NeedsCredentials",
    "ReadsEnvironment",
    "SecretVariableNames",
    "ServiceCapabilities",
]


class Locality(IntEnum):
    """Where processes are that share something: in one process, on one machine, on several; each includes those before it."""

    PROCESS = 1
    HOST = 2
    NETWORK = 3


class ExecutorCapabilities(Struct, frozen=True):
    """`runs_on` says how far the steps of one run are spread; `concurrent` that steps may run at the same time.

    `mocks` says that tasks are not executed, but as its option `patches` says. `reenters` says that steps are run by the
    re-entry command, which reads the pipeline from a file. `apart` says that each step has a working directory of its
    own, so that files reach other steps by the catalog alone, and `copies_project` that magnus makes it, as a fresh copy
    of the project. `shares` are folders that steps on other machines see too: if `runs_on` is NETWORK, a service with a
    `location` fits if that is in one of them, and its `reach` does not count; `.` is the working directory. `shares_by` is
    the option that says which, where the machines share folders by themselves. `gives` are the variables of the
    environment that an engine there adds, and `gives_by` the option that says which. `inherits` says that steps have the
    environment of magnus. `keeps` are folders, absolute or below the working directory, in which the executor has files of its own: no glob of a
    user matches them.
    """

    runs_on: Locality = Locality.PROCESS
    concurrent: bool = False
    reenters: bool = False
    mocks: bool = False
    apart: bool = False
    copies_project: bool = False
    shares: tuple[str, ...] = ()
    shares_by: str = ""
    gives: tuple[str, ...] = ()
    gives_by: str = ""
    inherits: bool = False
    keeps: tuple[str, ...] = ()


class ServiceCapabilities(Struct, frozen=True):
    """`reach` says where steps can be that use the same service; `persistent` that it outlives the process.

    A service does not fit an executor whose `runs_on` is larger than its `reach`. On other machines the folder of a
    `Located` service decides instead: it has to be in one that the executor `shares`.

    `keeps` is false for a catalog that takes files and keeps none: then there is nothing that a `get` could miss.
    `located_by` is the option that sets the folder of a `Located` service. `beside` is for one whose location is one file:
    the endings of the files that it makes beside it. Such a service does not work in a folder that machines share, so its
    `reach` counts there as well. `appends` is for one whose writers append to one file: network file systems lose records
    of writers on several machines.
    """

    reach: Locality
    persistent: bool = True
    keeps: bool = True
    located_by: str = ""
    beside: tuple[str, ...] = ()
    appends: bool = False


@runtime_checkable
class Located(Protocol):
    """A service that keeps local files: containers can mount them, and no glob of a user matches its folder."""

    @property
    def location(self) -> Path:
        """The folder, or the one file, absolute."""
        ...


@runtime_checkable
class Connects(Protocol):
    """A service that talks to a server or a database: `magnus check --connect` tries the connection."""

    def connect_problems(self) -> Sequence[Problem]:
        """Everything that keeps steps from using the service, found by one try; nothing is created or changed.

        The caller adds the place of the service in the configuration.
        """
        ...


@runtime_checkable
class NeedsCredentials(Protocol):
    """A service of a cloud: `magnus check` looks whether there are credentials for it, without a connection."""

    def missing_credentials(self) -> Problem | None:
        """The problem when this process can have no credentials. The caller adds the place of the service."""
        ...


@runtime_checkable
class ReadsEnvironment(Protocol):
    """A service that reads the environment magnus was started with: processes in other places need that part too."""

    def variables(self, names: Iterable[str]) -> Mapping[str, str]:
        """The variables that the service reads, as far as they are set; `names` are the secrets that steps list."""
        ...


@runtime_checkable
class SecretVariableNames(Protocol):
    """A service that finds what it looks up in the environment, and knows the variable before it is there."""

    def variable(self, name: str) -> str:
        """The variable of this name."""
        ...
