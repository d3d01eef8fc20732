"""Where the walk through a pipeline is."""

from msgspec import Struct
from msgspec.structs import replace


class BranchCursor(Struct, frozen=True):
    """Where the walk is.

    `around` are the names of the steps and branches around and of the current step; `is_caught` says that a failure here
    leads to success all the same, `is_reached` that the initial parameters lead here.
    """

    around: tuple[str, ...] = ()
    is_caught: bool = False
    is_reached: bool = True

    def inside(self, key: str) -> "BranchCursor":
        """The same in the branch of this key."""
        return replace(self, around=(*self.around, key))

    def where_reached(self, *, is_reached: bool) -> "BranchCursor":
        """The same; in a branch that the initial parameters do not choose nothing makes the run fail."""
        return self if is_reached else replace(self, is_reached=False)
