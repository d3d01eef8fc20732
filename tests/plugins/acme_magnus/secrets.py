"""A secrets provider that reads a file a secret, for an application that writes them: `type: acme-files`."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from magnus.errors import SecretsError


class FilesOptions(BaseModel):
    """`folder` has a file for every secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str = "/var/lib/acme"


class FilesSecrets:
    """Reads the secret `name` from the file of that name."""

    options = FilesOptions

    def __init__(self, options, working_directory):
        self._folder = working_directory / options.folder

    def get(self, name):
        try:
            return (self._folder / Path(name).name).read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            reason = type(error).__name__  # its text may hold a part of the value
            raise SecretsError(
                f"the secrets provider 'acme-files' has no secret '{name}': {reason}", fix=f"see {self._folder}"
            ) from None
