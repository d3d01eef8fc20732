"""Leaves the folders of this test suite out of the import path: its modules are code of no project that is tested."""

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def import_path_without_tests():
    before = sys.path
    sys.path = [entry for entry in before if not Path(entry).is_relative_to(TESTS)]
    yield
    sys.path = before
