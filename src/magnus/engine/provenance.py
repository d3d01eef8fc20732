"""Records the provenance of a run: its commit and the difference from it, the interpreter, the machine and the packages.

magnus asks git once a run: `CodeVersion.start` starts it, so that it works while the pipeline is loaded. No git, no
repository, no commit yet and no remote are all fine: unknown facts are left out. Packages are read from the names of their metadata folders, `<name>-<version>.dist-info`: reading
what is in them would take longer than a short run.
"""

import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from magnus import __version__
from magnus.run_log.records import CodeIdentity
from magnus.values import Json

if TYPE_CHECKING:
    import subprocess  # lazy: as where it is used

_LONGEST_WAIT_SECONDS: Final = 60.0
_MOST_FILES_NAMED: Final = 100
_MOST_BYTES: Final = 5_000_000
_DIFF: Final = (
    *("diff", "HEAD", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative", "--submodule=short"),
    *("--unified=3", "--src-prefix=a/", "--dst-prefix=b/", "--"),
)
"""A diff that `git apply` takes, under every configuration of git."""
CUT: Final = b"\n# cut: there is more than "
"""Stands at the end of a diff that is not whole."""
_UNTRACKED: Final = ("ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--")
_ENDINGS: Final = (".dist-info", ".egg-info")
_SEPARATORS: Final = re.compile(r"[-_.]+")


class CodeVersion:
    """The commit of a working directory and, `with_changes`, the difference from it; git starts when they are read, or before.

    `own_folders`, where magnus itself writes, do not count as changes.
    """

    def __init__(
        self,
        working_directory: Path,
        environment: Mapping[str, str],
        own_folders: Sequence[Path] = (),
        *,
        with_changes: bool = False,
    ) -> None:
        self._place = (working_directory, environment, own_folders)
        self._with_changes = with_changes
        self._commit: CommitQuery | None = None
        self._diff: DiffQuery | None = None
        self._has_started = False

    def start(self) -> None:
        """Start git, unless it has started or no folder around the working directory is a repository."""
        if self._has_started:
            return
        self._has_started = True
        working_directory, environment, _ = self._place
        if "GIT_DIR" in environment or _is_in_repository(working_directory):
            self._commit = start_commit_query(*self._place)
            self._diff = start_diff_query(*self._place) if self._with_changes else None

    def wait(self) -> None:
        """Wait for git, if it has started, so that no process of it is left behind."""
        if self._has_started:
            _ = self.identities, self.changes

    @cached_property
    def identities(self) -> tuple[CodeIdentity, ...]:
        """The commit; empty when the working directory is in no repository or has no commit."""
        self.start()
        return read_commit(self._commit)

    @cached_property
    def changes(self) -> bytes:
        """The uncommitted changes, in the form of `read_diff`."""
        self.start()
        return read_diff(self._diff)


def _is_in_repository(folder: Path) -> bool:
    place = folder.resolve()
    return any(os.path.lexists(around / ".git") for around in (place, *place.parents))


class CommitQuery(Struct, frozen=True):
    """Git at work: its status, and the address of its remote."""

    status: "subprocess.Popen[bytes]"
    remote: "subprocess.Popen[bytes]"


def start_commit_query(
    working_directory: Path, environment: Mapping[str, str], own_folders: Sequence[Path] = ()
) -> CommitQuery | None:
    """Start to ask git about `working_directory`; None when there is no git.

    `own_folders`, where magnus itself writes, do not count as changes.
    """
    status = ("status", "--porcelain=v2", "--branch", "-z", "--", ":/", *excluding(own_folders, working_directory))
    remote = ("config", "--get-regexp", r"^remote\..*\.url$")
    processes = started((status, remote), working_directory, environment)
    return CommitQuery(*processes) if processes else None


def excluding(own_folders: Sequence[Path], working_directory: Path) -> Iterator[str]:
    """The arguments by which git passes over these folders, as far as they are in the working directory."""
    for folder in own_folders:
        if folder.is_relative_to(working_directory) and folder != working_directory:
            yield f":(exclude){os.path.relpath(folder, working_directory)}"


def started(
    commands: Sequence[Sequence[str]], working_directory: Path, environment: Mapping[str, str]
) -> "list[subprocess.Popen[bytes]]":
    """A process of git for each command, at work; none when there is no git."""
    import subprocess  # lazy: many projects in containers are in no repository

    environ = {**environment, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        return [
            subprocess.Popen(
                ["git", *arguments],  # noqa: S607 - the git of the user's path
                cwd=working_directory,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            for arguments in commands
        ]
    except OSError:
        return []


def read_commit(question: CommitQuery | None) -> tuple[CodeIdentity, ...]:
    """What git said; empty when the working directory is in no repository or has no commit."""
    if question is None:
        return ()
    status, remote = (_output(process) for process in (question.status, question.remote))
    facts = dict(_headers(status))
    commit = facts.get("branch.oid", "(initial)")
    if not status or commit == "(initial)":
        return ()
    changed = tuple(_changed(status))
    return (
        CodeIdentity(
            code_identifier=commit,
            code_identifier_type="git",
            code_identifier_dependable=not changed,
            code_identifier_url=_without_credentials(_first_remote(remote)),
            code_identifier_message=_message(changed),
        ),
    )


def _output(process: "subprocess.Popen[bytes]") -> str:
    import subprocess  # lazy: as above

    try:
        output, _ = process.communicate(timeout=_LONGEST_WAIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return ""
    return output.decode("utf-8", "replace") if process.returncode == 0 else ""


def _headers(status: str) -> Iterator[tuple[str, str]]:
    for entry in status.split("\0"):
        if entry.startswith("# "):
            key, _, value = entry[2:].partition(" ")
            yield key, value


def _changed(status: str) -> Iterator[str]:
    """Paths of changed, staged, unmerged and untracked files, in the format `porcelain v2 -z` of git-status(1)."""
    entries = iter(status.split("\0"))
    for entry in entries:
        match entry[:1]:
            case "1":
                yield entry.split(" ", 8)[8]
            case "2":
                *_, score, path = entry.split(" ", 9)
                yield path
                before = next(entries, "")
                if before and score.startswith("R"):  # it was renamed, and not copied
                    yield before
            case "u":
                yield entry.split(" ", 10)[10]
            case "?":
                yield entry[2:]
            case _:
                pass


def _message(changed: Sequence[str]) -> str:
    if not changed:
        return ""
    named = ", ".join(changed[:_MOST_FILES_NAMED])
    more = len(changed) - _MOST_FILES_NAMED
    return f"changed: {named}" + (f" and {more} more" if more > 0 else "")


def _first_remote(listing: str) -> str:
    urls = dict(line.split(" ", 1) for line in listing.splitlines() if " " in line)
    return urls.get("remote.origin.url") or next(iter(urls.values()), "")


def _without_credentials(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    host, slash, path = rest.partition("/")
    return scheme + separator + host.rpartition("@")[2] + slash + path.partition("?")[0]


class DiffQuery(Struct, frozen=True):
    """Git at work: the diff, and the names of untracked files."""

    diff: "subprocess.Popen[bytes]"
    untracked: "subprocess.Popen[bytes]"


def start_diff_query(
    working_directory: Path, environment: Mapping[str, str], own_folders: Sequence[Path] = ()
) -> DiffQuery | None:
    """Start to ask git; None when there is none. `own_folders`, where magnus itself writes, do not count as changes."""
    everything = (":/", *excluding(own_folders, working_directory))
    commands = [(*_DIFF, *everything), (*_UNTRACKED, *everything)]
    processes = started(commands, working_directory, environment)
    return DiffQuery(*processes) if processes else None


def read_diff(question: DiffQuery | None) -> bytes:
    """The changes in a form that `git apply` takes, untracked names in lines before; empty when there are none.

    What is too long is cut, and says so at its end.
    """
    if question is None:
        return b""
    diff, untracked = (_diff_output(process) for process in (question.diff, question.untracked))
    names = b"".join(b"# untracked: %b\n" % _on_one_line(name) for name in untracked.split(b"\0") if name)
    changes = names + diff
    if len(changes) <= _MOST_BYTES:
        return changes
    return changes[:_MOST_BYTES] + CUT + b"%d bytes of it\n" % _MOST_BYTES


def _diff_output(process: "subprocess.Popen[bytes]") -> bytes:
    """The needed part of its output; nothing if it fails, as it does without a commit."""
    with process:
        output = process.stdout.read(_MOST_BYTES + 1) if process.stdout else b""
        if len(output) > _MOST_BYTES:
            process.kill()
            return output
    return output if process.returncode == 0 else b""


def _on_one_line(name: bytes) -> bytes:
    return name.replace(b"\n", b"\\n")


class Environment(Struct, frozen=True):
    """The facts, and the installed packages in lines `name==version`, of which the facts have the hash."""

    facts: Mapping[str, Json]
    packages: bytes


def environment(import_path: Sequence[str], working_directory: Path) -> Environment:
    """What a run runs in; packages are looked for on the import path, but not among the files of the user."""
    machine = os.uname()
    packages = listed([entry for entry in import_path if entry and Path(entry) != working_directory])
    facts = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "implementation": sys.implementation.name,
        "platform": f"{machine.sysname}-{machine.release}-{machine.machine}",
        "magnus": __version__,
        "packages_hash": hashlib.sha256(packages, usedforsecurity=False).hexdigest(),
    }
    return Environment(facts, packages)


def listed(folders: Sequence[str]) -> bytes:
    """The sorted lines `name==version` of all packages in the folders, of each the one found first."""
    packages: dict[str, str] = {}
    for folder in dict.fromkeys(folders):
        for name, version in _packages(folder):
            packages.setdefault(name, version)
    lines = "".join(f"{name}=={version}\n" for name, version in sorted(packages.items()))
    return lines.encode("utf-8", "surrogateescape")


def _packages(folder: str) -> Iterator[tuple[str, str]]:
    with suppress(OSError), os.scandir(folder) as entries:  # zip files and what is not there
        for entry in entries:
            if entry.name.endswith(_ENDINGS):
                name, _, version = entry.name.rpartition(".")[0].partition("-")
                yield _SEPARATORS.sub("-", name).lower(), version
