"""Loads the function that a command names, and finds the command of a function. Used by task kinds and `magnus.sdk`."""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

from magnus.engine.user_code.imports import project_code
from magnus.errors import TaskFailed
from magnus.tasks.source.locate import missing_function, script_command, split_script_command
from magnus.values import UserObject

_MISSING: Final = object()
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})


def load_function(command: str, working_directory: Path) -> Callable[..., UserObject]:
    """The function of which `command` is the dotted path, or the file and the name; imported unless it has been.

    Raises:
        TaskFailed: there is no such module or function, or it cannot be called. What the import itself raises comes
            through as it is.
    """
    in_script = split_script_command(command, working_directory)
    with project_code():
        target: UserObject = _of_script(*in_script) if in_script else _of_module(command, working_directory)
    if target is _MISSING:
        raise _not_found(command, working_directory)
    if not callable(target):
        from magnus.engine.values.json_values import type_name  # lazy: only mistakes need it

        raise TaskFailed(f"'{command}' is not callable: it is a value of type {type_name(target)}")
    function: Callable[..., UserObject] = target
    return function


def _of_script(file: Path, names: Sequence[str]) -> UserObject:
    """The object of the script under these names, one inside the other."""
    from magnus.engine.user_code import scripts  # lazy: most functions are in modules

    folder = str(file.parent)
    if folder not in sys.path:
        sys.path.insert(1, folder)
    target: UserObject = scripts.module_of(file)
    for name in names:
        target = getattr(target, name, _MISSING)
    return target


def _of_module(command: str, working_directory: Path) -> UserObject:
    """The object that the dotted path names, or _MISSING."""
    module_name, _, name = command.rpartition(".")
    module = sys.modules.get(module_name)
    if module is not None and _is_of_another_folder(module_name, module, working_directory):
        _forget(module_name, module)
        module = None
    target = _MISSING if module is None else getattr(module, name, _MISSING)
    return _import(command.split(".")) if target is _MISSING else target


def _import(parts: Sequence[str]) -> UserObject:
    """The object that `parts` name, or _MISSING; a second search sees files that are newer than the caches of python."""
    target = _search(parts)
    if target is _MISSING:
        importlib.invalidate_caches()
        target = _search(parts)
    return target


def _search(parts: Sequence[str]) -> UserObject:
    """The longest of the modules that `parts` may name, and the rest as attributes of it."""
    for count in range(len(parts) - 1, 0, -1):
        target: UserObject = _module(".".join(parts[:count]))
        if target is None:
            continue
        for attribute in parts[count:]:
            target = getattr(target, attribute, _MISSING)
        return target
    return _MISSING


def _module(name: str) -> ModuleType | None:
    """The module of that name, or None. If the module imports a missing module, that error passes through."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            return None
        raise


def _not_found(command: str, working_directory: Path) -> TaskFailed:
    problem = missing_function(command, working_directory)
    if problem is not None:
        return TaskFailed(problem.message, fix=problem.fix)
    module_name, _, name = command.rpartition(".")
    file = getattr(sys.modules.get(module_name), "__file__", None)
    which = f", which is '{file}'" if file else ""
    return TaskFailed(f"there is no function '{name}' in the module '{module_name}'{which}")


def _is_of_another_folder(name: str, module: ModuleType, working_directory: Path) -> bool:
    """Whether the working directory has a module of this name, and `module` is not that one.

    One process can run pipelines in several folders one after the other.
    """
    file = getattr(module, "__file__", None)
    if file is None or name.partition(".")[0] in sys.stdlib_module_names:
        return False
    if file.startswith(f"{working_directory}{os.sep}"):
        return False
    stem = working_directory.joinpath(*name.split("."))
    here = next((here for here in (stem / "__init__.py", Path(f"{stem}.py")) if here.is_file()), None)
    return here is not None and Path(file).is_file() and not here.samefile(file)


def _forget(name: str, module: ModuleType) -> None:
    """Have python import the module again, and with it modules of the same folder, which it may have imported."""
    file = Path(str(module.__file__))
    inside = name.count(".") + (file.stem == "__init__")
    folder = file.parents[inside]
    own = {name.partition(".")[0]}
    if folder.name not in _INSTALLED:
        own.update(
            module_name.partition(".")[0]
            for module_name, loaded in list(sys.modules.items())
            if _is_in(folder, module_name, loaded)
        )
    for module_name in [
        module_name for module_name in sys.modules if module_name.partition(".")[0] in own - {"magnus", "__main__"}
    ]:
        del sys.modules[module_name]


def _is_in(folder: Path, name: str, module: ModuleType) -> bool:
    """Whether python found the module through `folder` as an entry of the import path."""
    stem = os.path.join(folder, *name.split("."))  # noqa: PTH118 - for every module that is loaded
    return getattr(module, "__file__", None) in {f"{stem}.py", f"{stem}{os.sep}__init__.py"}


def command_of(function: Callable[..., UserObject], working_directory: Path) -> str | None:
    """The command that stands for the function: its dotted path, or the file of its script and its name.

    None when no other process can find it that way: a lambda, a closure, a function of a notebook, a bound method, one
    that was wrapped after it was defined, or one of a module that is not on the import path.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        return None
    target: UserObject = sys.modules.get(module)
    for part in name.split("."):
        target = getattr(target, part, None)
    if target is not function:
        return None
    from magnus.engine.user_code import scripts  # lazy: as above

    if scripts.is_main(module):
        module = scripts.dotted_main(module) or module
    if not scripts.is_main(module):
        command = f"{module}.{name}"
        return None if missing_function(command, working_directory) else command
    file = scripts.file_of_main(module)
    return None if file is None else script_command(file, name, working_directory)


def local_name(function: Callable[..., UserObject], used_names: UserObject) -> str:
    """The name of a function that has no command; it differs from all of `used_names`."""
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    others = sum(1 for used in used_names if used == name or used.startswith(f"{name} #"))
    return f"{name} #{others + 1}" if others else name
