"""Modules that are told to do nothing when they are imported do nothing, as their syntax tree says too."""

from pathlib import Path

import pytest

import magnus
from magnus.tasks.source.pieces import Source
from magnus.tasks.source.quiet import loaded_by_quiet


def test_what_is_told_without_parsing_is_what_the_syntax_tree_says():
    told = 0
    for file in Path(magnus.__file__).parent.rglob("*.py"):
        data = file.read_bytes()
        if (loaded := loaded_by_quiet(data)) is not None:
            source = Source(data)
            assert (source.rest, source.registered, set(source.loaded) - set(loaded)) == (None, [], set()), file
            told += 1
    assert told > 20


@pytest.mark.parametrize(
    ("text", "loaded"),
    [
        ("import a.b as c\nfrom .d import e, f as g\nX = 1\ndef h():\n    pass\n", ["a.b", ".d", ".d.e", ".d.f"]),
        ("X: list[int] = 1\n", []),
        ("X: list[int] = [\n    f(),\n]\n", None),
        ("X = f()\n", None),
        ("def f(x=g()): pass\n", None),
        ("class C:\n    f()\n", None),
        ('# so\n"""What it\ndoes.\n"""\n\nimport a\n', ["a"]),
        ('"""One."""\nprint(1)\n', None),
        ('"""One.""" + f()\n', None),
        ("X = 1\nprint(1)\n", None),
        ("import a; a.b()\n", None),
        ("import a\na.b = 1\n", None),
        ("X += 1\n", None),
        ("_ = f()\n", None),
        ("@register\ndef f(): pass\n", None),
        ("class C(B):\n    pass\n", None),
        ("class C:\n    @register\n    def f(self): pass\n", None),
        ("if x:\n    f()\n", None),
        ("from a import (\n    b,\n)\n", None),
        ("def f(): pass\n\fprint(1)\n", None),
        ("def f(): pass\rprint(1)\n", None),
        ("x = \\\n1\n", None),
        ("# coding: utf-7\nX = 1\n", None),
    ],
)
def test_in_doubt_a_module_is_parsed(text, loaded):
    assert loaded_by_quiet(text.encode()) == loaded
