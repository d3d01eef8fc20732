"""Modules that were loaded before their files were edited, in processes that live long."""

import importlib
import sys

import pytest

from magnus.tasks.source.loaded_modules import LoadedModules

FIRST = (
    "LIMIT = 1\n\n\ndef f(x):\n    return x + 1\n\n\nclass C:\n    def g(self):\n        return [n for n in range(3)]\n"
)


def edited_module(files):
    return LoadedModules().edited(files)


@pytest.fixture
def module(tmp_path, monkeypatch):
    file = tmp_path / "edited_here.py"
    file.write_text(FIRST)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield importlib.import_module("edited_here"), file
    sys.modules.pop("edited_here", None)


@pytest.mark.parametrize(("old", "new"), [("x + 1", "x + 2"), ("range(3)", "range(4)"), ("def f", "def h")])
def test_other_functions_show_that_the_module_is_older(module, old, new):
    _, file = module
    assert edited_module([str(file)]) == ""
    sys.modules["edited_here"].__spec__.__dict__.pop("magnus_source")
    file.write_text(FIRST.replace(old, new))
    assert edited_module([str(file)]) == "edited_here"


def test_a_module_that_was_seen_before_shows_every_edit_until_it_is_loaded_again(module):
    loaded, file = module
    assert edited_module([str(file)]) == ""
    file.write_text(FIRST.replace("LIMIT = 1", "LIMIT = 2"))
    assert edited_module([str(file)]) == "edited_here"
    importlib.reload(loaded)
    assert edited_module([str(file)]) == ""


def test_comments_and_layout_are_no_edit_of_a_module_seen_for_the_first_time(module):
    _, file = module
    file.write_text("# a comment\n" + FIRST.replace("    return x + 1", "\n    return (x + 1)"))
    assert edited_module([str(file)]) == ""


def test_of_a_loaded_module_without_a_source_nothing_is_known(tmp_path, module):
    loaded, _ = module
    loaded.__file__ = str(tmp_path / "edited_here.so")
    (tmp_path / "edited_here.so").write_bytes(b"\0")
    assert edited_module([loaded.__file__]) == ""


def test_files_that_are_no_loaded_modules_are_left_alone(tmp_path, module):
    assert edited_module([str(tmp_path / "none.py"), __file__ + "c"]) == ""
    _, file = module
    file.write_text("def f(:\n")
    assert edited_module([str(file)]) == "edited_here"
