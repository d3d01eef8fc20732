"""The scripts whose functions are steps: known by their files, since each process calls the one it runs `__main__`.

A process that runs another script executes it once, under the name that `multiprocessing` gives to such a module, so
that what stands under `if __name__ == "__main__":` does not run. Used where functions are named and found.
"""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import FrameType, ModuleType
from typing import Final

import magnus
from magnus.engine.user_code.imports import STAND_IN, during_import
from magnus.errors import TaskFailed

_MAIN: Final = "__main__"
_OWN_MAIN: Final = Path(magnus.__file__).parent / "__main__.py"
_LOADING: Final = "__magnus_loads_this__"


def is_main(name: str) -> bool:
    """Whether a module of this name is that of a script."""
    return name in {_MAIN, STAND_IN}


def file_of_main(name: str) -> Path | None:
    """The file of the script that `name` stands for here; None when there is none, as in a notebook."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return Path(file).absolute() if file and Path(file).is_file() else None


def dotted_main(name: str) -> str:
    """The dotted path of a script that runs as a module of a package, by `python -m`; "" for every other."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return spec.name if spec is not None and "." in spec.name else ""


def module_of(file: Path) -> ModuleType:
    """The module of the script: that of this process when it runs it, else executed now, unless it has been.

    The folder of the script has to be on the import path, as python puts it there for a script that it runs.

    Raises TaskFailed when there is no such file; what the script itself raises comes through.
    """
    for name in (_MAIN, STAND_IN):
        known = file_of_main(name)
        if known is not None and file.is_file() and known.samefile(file):
            return sys.modules.setdefault(STAND_IN, sys.modules[name])  # what another process pickled is found
    spec = spec_from_file_location(STAND_IN, file) if file.is_file() else None
    if spec is None or spec.loader is None:
        raise TaskFailed(f"there is no python file '{file}'")
    module = module_from_spec(spec)
    before = sys.modules.get(STAND_IN)
    sys.modules[STAND_IN] = module
    module.__dict__[_LOADING] = True
    try:
        with during_import(file):
            spec.loader.exec_module(module)
        sys.modules[STAND_IN] = module  # importing multiprocessing puts the main module there
    except BaseException:
        sys.modules.pop(STAND_IN, None)
        if before is not None:
            sys.modules[STAND_IN] = before
        raise
    finally:
        module.__dict__.pop(_LOADING, None)
    if _is_ours(sys.modules.get(_MAIN)):
        sys.modules[_MAIN] = module  # what was pickled as its own by the script is found
    return module


def is_being_loaded() -> bool:
    """Whether a script is being executed for what is in it, and not to do its work."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect would read the source
    while frame is not None and _LOADING not in frame.f_globals:
        frame = frame.f_back
    return frame is not None


def _is_ours(main: ModuleType | None) -> bool:
    """Whether this process runs no script of the user, but the command `magnus` or a worker."""
    file = getattr(main, "__file__", None)
    return file is None or Path(file).name == "magnus" or Path(file) == _OWN_MAIN
