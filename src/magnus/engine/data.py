"""Files between a step and the catalog: which files globs mean, and the rules that keep them inside their folder.

Called by `engine.step`. The catalog moves content by name; what a name may be is decided here.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from magnus.errors import TaskFailed
from magnus.graph.nodes import CatalogSpec
from magnus.graph.path import BranchPath
from magnus.interfaces.catalog import Catalog
from magnus.run_log.records import CatalogRecord

_MOST_NAMES_SHOWN: Final = 10


def get_files(
    catalog: Catalog,
    spec: CatalogSpec,
    *,
    run_id: str,
    branch: BranchPath,
    working_directory: Path,
    visible: Mapping[str, CatalogRecord],
) -> tuple[CatalogRecord, ...]:
    """Bring what the `get` globs match among the `visible` entries; TaskFailed when one of them matches nothing."""
    folder = _data_folder(catalog, spec, working_directory)
    chosen: dict[str, CatalogRecord] = {}
    for pattern in spec.get:
        _check_pattern(pattern, "get")
        matching = {name: visible[name] for name in sorted(visible) if matches(name, pattern)}
        if not matching and catalog.capabilities.keeps:
            raise TaskFailed(f"catalog get: nothing in the catalog matches '{pattern}'; {_known(visible)}")
        chosen |= matching
    return catalog.get(run_id, branch, tuple(chosen.values()), folder) if chosen else ()


def put_files(
    catalog: Catalog,
    spec: CatalogSpec,
    *,
    run_id: str,
    branch: BranchPath,
    working_directory: Path,
    hidden: Sequence[Path],
    got: Sequence[CatalogRecord],
) -> tuple[tuple[CatalogRecord, ...], tuple[str, ...]]:
    """Keep what the `put` globs match, and return the entries and warnings about globs that matched nothing.

    With `strict` those are TaskFailed instead. A file unchanged since the step got it is left out.
    """
    folder = _data_folder(catalog, spec, working_directory)
    strict = catalog.strict if spec.strict is None else spec.strict
    names: dict[str, None] = {}
    warnings = []
    for pattern in spec.put:
        _check_pattern(pattern, "put")
        matching = matching_files(folder, pattern, hidden)
        if not matching:
            warnings.append(f"catalog put: no file matches '{pattern}' in '{folder}'")
        names.update(dict.fromkeys(matching))
    if warnings and strict:
        raise TaskFailed("\n".join(warnings))
    unchanged = {entry.name: entry.data_hash for entry in got}
    put = catalog.put(run_id, branch, folder, sorted(names), unchanged=unchanged, store_copy=spec.store_copy)
    return put, tuple(warnings)


def matches(name: str, pattern: str) -> bool:
    """Whether the glob means the file `name`, or a folder it lies in; both relative, with `/`.

    `**` stands for any number of folders, `*`, `?` and `[...]` stay inside one part. A part that begins with a dot is
    matched only by a part of the glob that does, too.
    """
    parts, wanted = name.split("/"), _parts(pattern)
    hidden_below = [part.startswith(".") for part in parts]
    return any(
        _match(tuple(parts[:length]), wanted) and not any(hidden_below[length:]) for length in range(len(parts), 0, -1)
    )


def matching_files(folder: Path, pattern: str, hidden: Sequence[Path]) -> list[str]:
    """The files below `folder` that the glob means, sorted; those in `hidden` folders only when it names the folder.

    TaskFailed when the glob leads out of the folder, also through a link.
    """
    root = folder.resolve()
    skipped = {os.path.relpath(path, folder) for path in hidden if path.is_relative_to(folder) and path != folder}
    literal = "/".join(_parts(pattern))
    skipped = {name for name in skipped if not (literal + "/").startswith(name + "/")}
    found = []
    for name in _files(folder, "", root, skipped, frozenset(), pattern):
        if matches(name, pattern):
            target = (folder / name).resolve()
            if not target.is_relative_to(root):
                raise TaskFailed(f"catalog put: '{name}' is a link that leads out of the folder '{folder}'")
            found.append(name)
    return sorted(found)


def _files(
    folder: Path, below: str, root: Path, skipped: set[str], seen: frozenset[Path], pattern: str
) -> Iterator[str]:
    """Every file below `folder/below` that a glob may mean, by name; links to folders are followed once."""
    try:
        entries = list(os.scandir(folder / below))
    except OSError:
        return
    for entry in entries:
        name = f"{below}/{entry.name}" if below else entry.name
        if name in skipped or (entry.name.startswith(".") and "." not in {part[:1] for part in _parts(pattern)}):
            continue
        if not entry.is_dir():
            yield name
            continue
        if entry.is_symlink():
            target = Path(entry.path).resolve()
            if target in seen or root.is_relative_to(target):
                continue
            if not target.is_relative_to(root):
                if matches(name, pattern):
                    raise TaskFailed(f"catalog put: '{name}' is a link that leads out of the folder '{folder}'")
                continue
            yield from _files(folder, name, root, skipped, seen | {target}, pattern)
        else:
            yield from _files(folder, name, root, skipped, seen, pattern)


def _data_folder(catalog: Catalog, spec: CatalogSpec, working_directory: Path) -> Path:
    """The folder globs are relative to; below the working directory."""
    name = spec.compute_data_folder or catalog.compute_data_folder
    folder = (working_directory / name).resolve()
    if not folder.is_relative_to(working_directory.resolve()):
        raise TaskFailed(f"compute_data_folder '{name}' lies outside the working directory; name a folder inside it")
    return working_directory / name if name else working_directory


def _check_pattern(pattern: str, verb: str) -> None:
    if pattern.startswith(("/", "~")):
        raise TaskFailed(f"catalog {verb}: '{pattern}' is absolute; write it relative to the data folder")
    if ".." in pattern.split("/"):
        raise TaskFailed(f"catalog {verb}: '{pattern}' leads out of the data folder; remove '..'")


def _parts(pattern: str) -> tuple[str, ...]:
    return tuple(part for part in pattern.split("/") if part not in {"", "."})


def _match(parts: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    if not wanted:
        return not parts
    if wanted[0] == "**":
        longest = next((i for i, part in enumerate(parts) if part.startswith(".")), len(parts))
        return any(_match(parts[skip:], wanted[1:]) for skip in range(longest + 1))
    return bool(parts) and _part_matches(parts[0], wanted[0]) and _match(parts[1:], wanted[1:])


def _part_matches(part: str, wanted: str) -> bool:
    if part.startswith(".") and not wanted.startswith("."):
        return False
    return _expression(wanted).fullmatch(part) is not None


@lru_cache(maxsize=256)
def _expression(wanted: str) -> re.Pattern[str]:
    from fnmatch import translate  # lazy: globs alone need it

    return re.compile(translate(wanted))


def _known(visible: Mapping[str, CatalogRecord]) -> str:
    names = sorted(visible)
    if not names:
        return "it holds no files that this step can see"
    shown = ", ".join(f"'{name}'" for name in names[:_MOST_NAMES_SHOWN])
    return f"it holds {shown}" + (
        f" and {len(names) - _MOST_NAMES_SHOWN} more" if len(names) > _MOST_NAMES_SHOWN else ""
    )
