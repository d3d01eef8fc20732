"""Whether a client can have credentials at all, by its options, the environment and the machine. Without a request."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from magnus.errors import Problem
from magnus.object_stores.address import Address, ObjectLocation

_SOURCE: Final = re.compile(
    r"(?i)key|token|secret|sas|credential|service_account|skip_signature|cli|msi|metadata|identity|authority|role|imds"
)
"""Parts of the names of options and variables that lead a client to credentials."""
_UNREAD: Final = frozenset({"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"})
"""They serve `profile` alone."""
_OWN_OPTIONS: Final = ("profile", "access_key_id")
_VENDORS: Final = {"s3": ("Amazon", "Xen"), "gs": ("Google",), "az": ("Microsoft",)}
_VENDOR_FILE: Final = Path("/sys/class/dmi/id/sys_vendor")
_GCLOUD: Final = Path(".config/gcloud/application_default_credentials.json")
_NAMES: Final = {"s3": "AWS", "gs": "Google Cloud", "az": "Azure"}
FIXES: Final = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or `profile` to use the files of `aws configure`",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account, or run `gcloud auth application-default login`",
    "az": "set AZURE_STORAGE_ACCOUNT_KEY, or the variables of a service principal (AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, AZURE_TENANT_ID)",
}
"""By scheme."""


def missing_credentials(
    location: ObjectLocation,
    address: Address,
    variables: Iterable[str],
    home: Path,
    vendor_file: Path = _VENDOR_FILE,
) -> Problem | None:
    """The problem when neither options nor variables have credentials, and the machine is none of the cloud.

    `variables` are the names of the variables that the client reads. Machines of the clouds give programs the role of
    the machine, which only a request can see.
    """
    if address.scheme not in FIXES or any(getattr(location, name) for name in _OWN_OPTIONS):
        return None
    names = (*location.settings, *(name for name in variables if name not in _UNREAD))
    if any(_SOURCE.search(name) for name in names) or (address.scheme == "gs" and (home / _GCLOUD).exists()):
        return None
    if _is_of_cloud(address.scheme, vendor_file):
        return None
    message = f"no credentials for '{address.shown}' are set, and this machine is none of {_NAMES[address.scheme]}"
    return Problem(message, FIXES[address.scheme])


def _is_of_cloud(scheme: str, vendor_file: Path) -> bool:
    try:
        vendor = vendor_file.read_text(errors="replace")
    except OSError:  # as in the sandboxes of Google
        return scheme == "gs"
    return vendor.startswith(_VENDORS[scheme])
