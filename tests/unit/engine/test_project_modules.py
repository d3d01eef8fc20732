"""Which files are modules of a project that has modules with the names of others, wherever the project lies."""

import pytest

from magnus.engine.user_code.imports import ProjectModules

FILES = {
    # file below the project: whether it is one of the project
    "/json.py": True,
    "/steps/json.py": True,
    "/venv/lib/python3.11/json/__init__.py": False,
    "/venv/lib/python3.11/site-packages/yaml/__init__.py": False,
    "/vendor/site-packages/yaml/__init__.py": False,
    "-other/json.py": False,
}


@pytest.mark.parametrize("folder", ["/app", "/opt/lib/python/app", "/x/site-packages/app"])
@pytest.mark.parametrize(("file", "expected"), FILES.items())
def test_a_file_is_of_the_project_by_its_place_in_it(folder, file, expected):
    assert ProjectModules(folder, frozenset()).has(f"{folder}{file}") is expected
