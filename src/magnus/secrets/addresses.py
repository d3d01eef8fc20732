"""What to do if the server of a provider cannot be reached."""

import re
from typing import Final

_LOOPBACK: Final = re.compile(r"https?://(?:localhost|127(?:\.\d+){3}|\[::1\])(?:[:/].*)?", re.IGNORECASE)


def reach_fix(fix: str, address: str) -> str:
    """The fix; for an address of this machine it says what the address means in a container."""
    if not _LOOPBACK.fullmatch(address):
        return fix
    return f"{fix}; in a container this address is the container itself: set `network: host` of the executor"
