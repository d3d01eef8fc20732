"""What an error of the client says: why the request failed, in words for people and without secrets. Pure."""

import re
from typing import Final

from obstore.exceptions import (
    BaseError,
    InvalidPathError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
)

from magnus.errors import Problem
from magnus.object_stores.credentials import FIXES
from magnus.object_stores.interface import Cause, ObjectStoreFailure

_CODE: Final = re.compile(r"<Code>([^<]{1,100})</Code>|\"code\": ?\"?([A-Za-z0-9]{1,100})")
_STATUS: Final = re.compile(r"status code: (\d{3}[^:\n<]{0,40})")
_KIND: Final = re.compile(r"(operation timed out|dns error)|Os|ConnectError|TimedOut|Custom")
"""Reasons, or kinds of errors before a quoted reason."""
_LONGEST_BEFORE, _LONGEST_REASON = 200, 120
_NO_BUCKET: Final = frozenset({"NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted"})
_CLOCK: Final = frozenset({"RequestTimeTooSkewed", "RequestExpired"})
_DENIED: Final = frozenset(
    {
        "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken",
        "AuthenticationFailed", "AuthorizationFailure", "AuthorizationPermissionMismatch", "AllAccessDisabled",
    }
)  # fmt: skip
_OF_MACHINES: Final = re.compile(
    r"/latest/(?:api/token|meta-data)|metadata\.google|/metadata/identity|169\.254\.169\.254"
)
"""Where machines of clouds give credentials to programs without any."""
_ADDRESS: Final = re.compile(r"https?://\S+")
_MAY_PASS: Final = re.compile(
    r"error sending request|error decoding response|error reading|status code: (?:408|409|429|5\d\d)"
    r"|timed out|connection|Connection|SlowDown|incomplete",
)
_FIXES: Final = {
    Cause.NO_BUCKET: "create it, or correct `url`: magnus makes no buckets",
    Cause.DENIED: "see that these credentials are right and may read, write, list and delete there",
    Cause.CLOCK: "set the clock of this machine: the store refuses requests whose time is too far from its own",
    Cause.UNREACHABLE: "see that the network reaches it, and that `endpoint` and `region` are right",
    Cause.REFUSED: "see the message of the store",
}


def failure(verb: str, shown: str, error: Exception) -> ObjectStoreFailure:
    """The failure of a request that was to `verb` something in the store `shown`."""
    text = str(error)
    cause = cause_of(error)
    fix = FIXES[shown.partition(":")[0]] if cause is Cause.NO_CREDENTIALS else _FIXES[cause]
    return ObjectStoreFailure(cause, Problem(f"cannot {verb} '{shown}': {_words(cause, text)}", fix))


def cause_of(error: Exception) -> Cause:
    """Why the request failed."""
    text = str(error)
    codes = {code for pair in _CODE.findall(text) for code in pair}
    if codes & _NO_BUCKET or "bucket does not exist" in text:
        return Cause.NO_BUCKET
    if codes & _CLOCK:
        return Cause.CLOCK
    if _OF_MACHINES.search(text):
        return Cause.NO_CREDENTIALS
    if codes & _DENIED or isinstance(error, (PermissionDeniedError, UnauthenticatedError)):
        return Cause.DENIED
    if isinstance(error, (InvalidPathError, NotSupportedError)) or not isinstance(error, (BaseError, OSError)):
        return Cause.REFUSED
    return Cause.UNREACHABLE if _MAY_PASS.search(text) else Cause.REFUSED


def _words(cause: Cause, text: str) -> str:
    head = text.partition("Debug source")[0]
    code = _CODE.search(text)
    status = _STATUS.search(head)
    of_store = (code[1] or code[2]) if code else status[1].strip() if status else ""
    match cause:
        case Cause.NO_BUCKET:
            return "there is no such bucket"
        case Cause.CLOCK:
            return "the clocks of this machine and of the store differ too much"
        case Cause.NO_CREDENTIALS:
            return "no credentials were found"
        case Cause.DENIED:
            return f"the store denies it ({of_store})" if of_store else "it is denied"
        case Cause.UNREACHABLE:
            return f"the store answers {of_store}" if of_store else f"the store cannot be reached: {_reason(text)}"
        case Cause.REFUSED:
            return of_store or _first_line(head)


def _reason(text: str) -> str:
    """Why there was no answer."""
    for kind in _KIND.finditer(text):
        if kind[1]:
            return kind[1]
        start = text.find('"', kind.end(), kind.end() + _LONGEST_BEFORE) + 1
        reason = text[start : start + _LONGEST_REASON + 1].partition('"') if start else ("", "", "")
        if reason[0] and reason[1] and "\n" not in reason[0]:
            return reason[0]
    return "no answer"


def _first_line(text: str) -> str:
    """Without addresses, whose queries may hold a signature."""
    return _ADDRESS.sub("the store", text.strip().partition("\n")[0])[:200]
