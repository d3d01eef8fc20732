"""How a function is named so that other processes find it. Used by `magnus.sdk`."""

import sys
from collections.abc import Callable
from pathlib import Path

from magnus.engine import scripts
from magnus.tasks import script_command
from magnus.tasks.locate import missing_function
from magnus.values import UserObject


def command_of(function: Callable[..., UserObject], working_directory: Path) -> str | None:
    """The command that stands for the function: its dotted path, or the file of its script and its name.

    None when no other process can find it that way: a lambda, a closure, a function of a notebook, a bound method, one
    that was wrapped after it was defined, or one of a module that is not on the import path.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        return None
    found: UserObject = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not function:
        return None
    if scripts.is_main(module):
        module = scripts.dotted_main(module) or module
    if not scripts.is_main(module):
        command = f"{module}.{name}"
        return None if missing_function(command, working_directory) else command
    file = scripts.file_of_main(module)
    return None if file is None else script_command.joined(file, name, working_directory)


def local_name(function: Callable[..., UserObject], taken: UserObject) -> str:
    """What a function is called that has no command; other than those in `taken`."""
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    others = sum(1 for known in taken if known == name or known.startswith(f"{name} #"))
    return f"{name} #{others + 1}" if others else name
