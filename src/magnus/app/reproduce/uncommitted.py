"""Brings the uncommitted changes of a run to a check-out of its commit. Used where the project of a run is restored.

Changes that the run stored are applied. Of others only the names are known: their files are brought as they are now.
"""

import codecs
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from shutil import copy2, rmtree
from typing import Final

from magnus.app.reproduce.repository import git, own_environment
from magnus.engine.provenance import CUT
from magnus.errors import InvalidInput

_UNTRACKED: Final = b"# untracked: "
_MESSAGE: Final = "changed: "
_END_BYTES: Final = 80
_MODE: Final = re.compile(rb"^(index [0-9a-f.]+ 160000|(new|deleted) file mode 160000)$", re.MULTILINE)
_DIRTY: Final = re.compile(rb"^\+Subproject commit [0-9a-f]+-dirty$", re.MULTILINE)
"""Where only files in a submodule changed, its part of the diff has no line `index`."""
_BEGINNING: Final = re.compile(rb"^(?=diff --git )", re.MULTILINE)
_NAME: Final = re.compile(rb"^--- (.*)$", re.MULTILINE)


def apply_diff(diff: bytes, target: Path, environment: Mapping[str, str]) -> None:
    """Apply the stored diff to the check-out; InvalidInput if it is not whole, or does not fit."""
    if CUT in diff[-_END_BYTES:]:
        message = "the uncommitted changes of the run were too long, and only a part of them is stored"
        raise InvalidInput(message, fix="nothing can bring them back; commit changes of this size before a run")
    patch = b"\n".join(line for line in diff.split(b"\n") if not line.startswith(_UNTRACKED))
    patch = _without_submodules(patch)
    if not patch:
        return
    try:
        git(("apply", "--whitespace=nowarn", "--binary", "-"), target, own_environment(environment), patch)
    except InvalidInput as error:
        message = f"the uncommitted changes of the run do not fit its commit: {error.problems[0].message}"
        raise InvalidInput(message, fix="was the run log or the repository changed by hand?") from error


def untracked_names(diff: bytes) -> list[str]:
    """The names of untracked files in the stored diff, from the top of the repository."""
    lines = (line for line in diff.split(b"\n") if line.startswith(_UNTRACKED))
    return [os.fsdecode(line.removeprefix(_UNTRACKED)) for line in lines]


def submodules_of(diff: bytes) -> list[str]:
    """The names of submodules that the stored diff has at another commit, or changed."""
    parts = (part for part in _parts(diff) if _is_of_submodule(part))
    return [os.fsdecode(_unquoted(match[1])) for part in parts if (match := _NAME.search(part))]


def _without_submodules(patch: bytes) -> bytes:
    """The patch without the parts on submodules, which `git apply` does not apply to a work tree."""
    return b"".join(part for part in _parts(patch) if not _is_of_submodule(part))


def _is_of_submodule(part: bytes) -> bool:
    head, _, _ = part.partition(b"\n@@ ")
    return bool(_MODE.search(head)) or (b"\nindex " not in head and bool(_DIRTY.search(part)))


def _parts(diff: bytes) -> list[bytes]:
    """The parts of a diff, one for each file."""
    return _BEGINNING.split(diff)


def _unquoted(name: bytes) -> bytes:
    """A name as git writes it in a diff: with a tab behind a space, or in quotes with escapes."""
    name = name.removesuffix(b"\t")
    if name.startswith(b'"'):
        name = codecs.escape_decode(name[1:-1])[0]
    return name.removeprefix(b"a/")


def changed_names(folder: Path, commit: str, message: str, environment: Mapping[str, str]) -> tuple[list[str], int]:
    """The files that the run recorded as changed and that may differ from its commit now, and how many it did not name.

    `folder` is in the user's work tree. `message` is the message of the code identity. It joins names by commas, so names that are there now are looked for
    in it.
    """
    # `git diff` would write the index of the user
    changed = git(
        ("diff-index", "--name-only", "--no-renames", "--no-relative", "-z", commit, "--"), folder, environment
    )
    others = git(("ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", ":/"), folder, environment)
    text, more = _without_count(message.removeprefix(_MESSAGE))
    names = [os.fsdecode(name) for name in (changed + others).split(b"\0") if name]
    searched = f", {text}, "
    return [name for name in dict.fromkeys(names) if any(f", {form}, " in searched for form in _forms(name))], more


def _forms(name: str) -> Iterator[str]:
    """The names that stand for a file in the message: its own, or that of an untracked folder around it.

    A folder in the place of a tracked file has the name of that file there.
    """
    text = _replaced(name)
    yield text
    for place, sign in enumerate(text):
        if sign == "/":
            yield text[:place]
            yield text[: place + 1]


def _without_count(text: str) -> tuple[str, int]:
    """The names in the message, and the number behind them of files without a name."""
    names, _, end = text.rpartition(" and ")
    count = end.removesuffix(" more")
    return (names, int(count)) if names and count != end and count.isdigit() else (text, 0)


def _replaced(name: str) -> str:
    """The name as the run log has it, with signs in place of bytes that are no UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace")


def bring(names: Collection[str], top: Path, target: Path, left_out: Collection[str]) -> Iterator[str]:
    """Copy the files as they are now, and remove files that are not here now; yields the names of all of these.

    Names are relative to `top` and `target`. Files in `left_out`, absolute, are results of the run; repositories in the
    project are left out, too. InvalidInput for a name that leads out of the project, or a file that cannot be copied.
    """
    for name in names:
        source = top / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise InvalidInput(f"the uncommitted file '{name}' of the run is not in its project")
        if str(source) in left_out:
            continue
        try:
            is_brought = _is_brought(source, target / name)
        except OSError as error:
            message = f"the uncommitted file '{name}' of the run cannot be copied: {error.strerror}"
            raise InvalidInput(message, fix="the commit and the files that are here now do not fit together") from error
        if is_brought:
            yield name


def _is_brought(source: Path, place: Path) -> bool:
    """Whether the place is now as the source; a folder takes the place of a file, its files have names of their own."""
    if _is_folder(source) and (_is_folder(place) or not os.path.lexists(place)):
        return False
    if _is_folder(place):
        rmtree(place)
    elif os.path.lexists(place):
        place.unlink()
    if os.path.lexists(source) and not _is_folder(source):
        place.parent.mkdir(parents=True, exist_ok=True)
        copy2(source, place, follow_symlinks=False)
    return True


def _is_folder(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()
