"""Checks a commit of the user's repository out in another folder. Used where the project of a run is restored.

The folder gets a repository of its own, which borrows the objects of the user's repository
(https://git-scm.com/docs/gitrepository-layout). Nothing is ever written to the user's repository or its work tree.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from shutil import copyfile
from typing import Final

from msgspec import Struct

from magnus.errors import InvalidInput

_SUBMODULE: Final = "160000"
"""The mode of a submodule in a tree, of git-fast-import(1)."""
_LOCATES: Final = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX"),
    *("GIT_IMPLICIT_WORK_TREE", "GIT_SHALLOW_FILE", "GIT_NAMESPACE", "GIT_CONFIG", "GIT_ATTR_SOURCE"),
)
_NO_PROGRAMS: Final = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false")
"""Options under which git starts no hooks and no monitor, also if the environment sets them."""
_OWN_SETTINGS: Final = {
    "core.bare": "false",
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.sparseCheckout": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
}
_NO_REPOSITORY: Final = "not a git repository"
_COPIED: Final = ("shallow", "info/attributes", "info/exclude")


class Repository(Struct, frozen=True):
    """A repository of the user: its work tree, and the folder that has its objects and settings."""

    top: Path
    common: Path


def own_environment(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment without the variables that lead git to another repository than that of its working directory."""
    return {name: value for name, value in environment.items() if name not in _LOCATES}


def git(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], stdin: bytes = b"") -> bytes:
    """The output of git in the folder; InvalidInput with its error output when it fails, or when there is no git."""
    environ = {**environment, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    command = ["git", *_NO_PROGRAMS, *arguments]
    try:
        done = subprocess.run(command, cwd=folder, env=environ, input=stdin, capture_output=True, check=False)
    except OSError as error:
        message = f"git cannot be started: {error.strerror}"
        raise InvalidInput(message, fix="install git; the run has a commit, and only git can restore it") from error
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip()
        raise InvalidInput(f"git {arguments[0]} failed in '{folder}': {reason}")
    return done.stdout


def repository_of(folder: Path, environment: Mapping[str, str]) -> Repository | None:
    """The repository around the folder; None if there is none. InvalidInput if git says another reason, or is missing."""
    try:
        top = git(("rev-parse", "--show-toplevel"), folder, environment)
        common = git(("rev-parse", "--git-common-dir"), folder, environment)
    except InvalidInput as error:
        if _NO_REPOSITORY in error.problems[0].message:
            return None
        raise
    return Repository(_path(top), (folder / _path(common)).resolve())


def is_sparse(folder: Path, environment: Mapping[str, str]) -> bool:
    """Whether the work tree around the folder has only a part of the files of its commit."""
    setting = ("config", "--type=bool", "--default", "false", "--get", "core.sparseCheckout")
    return git(setting, folder, environment).strip() == b"true"


def _path(line: bytes) -> Path:
    return Path(os.fsdecode(line.removesuffix(b"\n")))


def check_out(
    repository: Repository, commit: str, target: Path, environment: Mapping[str, str], url: str = ""
) -> Iterator[str]:
    """Check the commit out in the folder, which may be there and empty; yields a sentence for each missing submodule.

    InvalidInput if the repository does not have the commit; `url` is where it may be.
    """
    own = own_environment(environment)
    _make(repository, target, own)
    try:
        git(("cat-file", "-e", f"{commit}^{{commit}}"), target, own)
    except InvalidInput:
        message = f"the commit {commit} of the run is not in the repository '{repository.top}'"
        raise InvalidInput(message, fix=f"bring it: git fetch {url or 'URL'} {commit}") from None
    git(("checkout", "-q", "--detach", commit), target, own)
    yield from _submodules(repository, target, own)


def _make(repository: Repository, target: Path, environment: Mapping[str, str]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    theirs = ("config", "--file", str(repository.common / "config"), "--default", "sha1", "--get")
    form = git((*theirs, "extensions.objectFormat"), target.parent, environment).decode().strip()
    git(("init", "-q", "--template=", f"--object-format={form}"), target, environment)
    folder = target / ".git"
    (folder / "info").mkdir(exist_ok=True)
    for name in _COPIED:
        if (repository.common / name).is_file():
            copyfile(repository.common / name, folder / name)
    (folder / "objects" / "info").mkdir(parents=True, exist_ok=True)
    (folder / "objects" / "info" / "alternates").write_bytes(_quoted(repository.common / "objects"))
    settings = ("config", "--file", str(folder / "config"))
    included = str(repository.common / "config")  # included where it is, since it may include files by relative paths
    for name, value in {"include.path": included, **_OWN_SETTINGS}.items():
        git((*settings, "--replace-all", name, value), target.parent, environment)


def _quoted(folder: Path) -> bytes:
    """The path as a line of `objects/info/alternates`, in quotes that keep all characters."""
    text = os.fsencode(folder).replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"%b"\n' % text


def _submodules(repository: Repository, target: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Check the submodules out, each from its repository in the user's work tree, else from where git keeps it."""
    if not (target / ".gitmodules").is_file():
        return
    for entry in git(("ls-files", "-s", "-z"), target, environment).split(b"\0"):
        head, _, name = entry.partition(b"\t")
        mode, commit, *_ = head.decode().split(" ") if head else ("", "")
        if mode != _SUBMODULE:
            continue
        path = os.fsdecode(name)
        inner = _submodule(repository, path, environment)
        if inner is None:
            yield f"the submodule '{path}' is not here, so its folder is empty"
            continue
        yield from check_out(inner, commit, target / path, environment)


def _submodule(repository: Repository, path: str, environment: Mapping[str, str]) -> Repository | None:
    place = repository.top / path
    inner = repository_of(place, environment) if place.is_dir() else None
    if inner is not None and inner.top.resolve() == place.resolve():
        return inner
    common = repository.common / "modules" / path
    return Repository(place, common) if (common / "objects").is_dir() else None
