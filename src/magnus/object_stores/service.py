"""What services in object stores have in common: who reaches them, what they need, and what keeps them from working."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from magnus.errors import Problem
from magnus.interfaces.capabilities import Locality, ServiceCapabilities
from magnus.object_stores.client import ObstoreObjects


class ObjectStoreService:
    """A service whose state is in an object store; `called` is the service in messages.

    It has the attribute `location` if the store is a folder, so only such a service is `Located`.
    """

    called: ClassVar[str]

    def __init__(self, objects: ObstoreObjects) -> None:
        self._objects = objects
        if (folder := objects.address.folder) is not None:
            self.location = folder

    @property
    def capabilities(self) -> ServiceCapabilities:
        """Every process that reaches the store can share it, and it outlives them; a folder is on this machine."""
        is_folder = self._objects.address.folder is not None
        reach = Locality.HOST if is_folder else Locality.NETWORK
        return ServiceCapabilities(reach=reach, persistent=True, located_by="url" if is_folder else "")

    def missing_credentials(self) -> Problem | None:
        """The problem when no request of this process can have credentials."""
        return self._objects.missing_credentials()

    def connect_problems(self) -> Sequence[Problem]:
        """What keeps this process from reading there."""
        problem = self._objects.connect_problem()
        return () if problem is None else (Problem(f"the {self.called} {problem.message}", problem.fix),)

    def variables(self, _names: Iterable[str]) -> Mapping[str, str]:
        """The variables of the cloud: processes in other places need its credentials, too."""
        return self._objects.variables()
