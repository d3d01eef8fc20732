"""What `magnus check` finds of faults that are made one at a time, by programs, in pipelines that are right.

`pytest tests/mutation --update-expected` writes the table of the documentation anew.
"""

import os
from pathlib import Path

from faults import HERE, PROGRAM, YAML
from magnus.app.checking.use_case import check
from magnus.app.execute import Execution

PAGE = HERE.parents[1] / "docs/explanation/what-check-finds.md"
MISSES: dict[str, str] = {}


def checked(folder: Path, files, base_name, arguments, *, imports=True):
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    options = dict(zip(arguments[::2], arguments[1::2], strict=True))
    before = Path.cwd()
    os.chdir(folder)
    try:
        return check(
            Execution(
                YAML if base_name == "orders" else PROGRAM,
                configuration_file=options.pop("-c", ""),
                parameters_file=options.pop("-p", ""),
                arguments={name[2:]: value for name, value in options.items()},
                environment={},
                working_directory=folder,
            ),
            imports=imports,
        )
    finally:
        os.chdir(before)


def place(problem):
    location = problem.location
    return ("", 0) if location is None else (location.file.rpartition("/")[2], location.line)
