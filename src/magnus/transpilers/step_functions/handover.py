"""The objects in S3 by which a process says which branches run next, since jobs return nothing to Step Functions.

The key is the id of the run and the SHA-256 of the path of the step, so long and odd names make no long or odd keys. The
process writes a JSON list of numbers (`--branches-file s3://...`), and a state reads it.
"""

import re
from hashlib import sha256
from typing import Final

from msgspec import Struct

from magnus.transpilers.step_functions import state_data
from magnus.transpilers.step_functions.intrinsics import Expression, formatted, sha256_of
from magnus.values import Json

_PLACE: Final = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9_-][A-Za-z0-9._=-]*)*)/?\Z")
_READ: Final = ("S3.SdkClientException", "S3.S3Exception", "S3.SlowDownException")


class Place(Struct, frozen=True):
    """A bucket, and a prefix in it that is "" or ends in a slash."""

    bucket: str
    prefix: str


def place_of(url: str) -> Place | None:
    """The place in S3 that the URL names; None if it is none, or has characters that need an escape somewhere."""
    match = _PLACE.match(url)
    return Place(match[1], f"{match[2]}/".lstrip("/")) if match else None


class Handover(Struct, frozen=True):
    """Objects below a place, and the partition of AWS they are in."""

    place: Place
    partition: str

    def url(self, step: str, *, is_root: bool) -> Expression:
        """The object of the step of this name."""
        return self._of(step, f"s3://{self.place.bucket}/{self.place.prefix}", is_root=is_root)

    def key(self, step: str, *, is_root: bool) -> Expression:
        """The key of that object."""
        return self._of(step, self.place.prefix, is_root=is_root)

    def _of(self, step: str, before: str, *, is_root: bool) -> Expression:
        path = state_data.step_path(step, is_root=is_root)
        if isinstance(path, Expression):
            return formatted(f"{before}{{}}/{{}}", state_data.RUN_ID, sha256_of(path))
        return formatted(f"{before}{{}}/{sha256(path.encode()).hexdigest()}", state_data.RUN_ID)

    def parameters(self, step: str, *, is_root: bool) -> dict[str, Json]:
        """Where the object is, for a state that reads it."""
        return {"Bucket": self.place.bucket, "Key.$": self.key(step, is_root=is_root)}

    def read(self, step: str, *, is_root: bool) -> dict[str, Json]:
        """The state that puts the numbers into the state data; without what follows."""
        return {
            **self._request("getObject", step, is_root=is_root),
            "ResultSelector": {"numbers.$": "States.StringToJson($.Body)"},
            "ResultPath": state_data.STARTED,
        }

    def size(self, step: str, *, is_root: bool) -> dict[str, Json]:
        """The state that puts the size of the object into the state data; without what follows."""
        return {
            **self._request("headObject", step, is_root=is_root),
            "ResultSelector": {"size.$": "$.ContentLength"},
            "ResultPath": state_data.STARTED,
        }

    def reader(self, step: str, *, is_root: bool) -> dict[str, Json]:
        """The reader of the numbers for a distributed map."""
        return {
            "Resource": f"arn:{self.partition}:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON"},
            "Parameters": self.parameters(step, is_root=is_root),
        }

    def _request(self, action: str, step: str, *, is_root: bool) -> dict[str, Json]:
        return {
            "Type": "Task",
            "Resource": f"arn:{self.partition}:states:::aws-sdk:s3:{action}",
            "Parameters": self.parameters(step, is_root=is_root),
            "Retry": [{"ErrorEquals": [*_READ], "IntervalSeconds": 2, "MaxAttempts": 4, "BackoffRate": 2}],
        }
