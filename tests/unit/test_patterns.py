"""Every regular expression of the package takes time in proportion to its text: twice the text, about twice the steps.

Steps are counted by a matcher of the tests, so that no clock is asked.
"""

import ast
import pkgutil
import re
import sys
from functools import cache
from importlib import import_module
from itertools import permutations, product
from pathlib import Path

import pytest
from matching_steps import Matcher, TooManyStepsError, pieces

import magnus

SOURCES = Path(magnus.__file__).parent
LOOKING = ("search", "sub", "subn", "findall", "finditer", "split")
CALLS = {*LOOKING, "match", "fullmatch"}
REPEATED = 16
FEWEST_STEPS = 500
MOST_STEPS = 60_000
MOST_GROWTH = 2.7
OTHERS_TEXTS = {
    "magnus.experiment_trackers.mlflow_calls._NOT_REACHED": "the message of a library, in which the address is that of the configuration",
}
"""Patterns that read no text of a user."""


def calls_of_re(file):
    """The calls of `re` that look for a pattern, compiled or not, in a source file."""
    for node in ast.walk(ast.parse(Path(file).read_text())):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=word)) if word in CALLS:
                yield node


def texts_of_patterns(file):
    """The names of texts that `re` compiles when a pattern is used for the first time, with the flags."""
    for node in calls_of_re(file):
        match node.args:
            case [ast.Name(id=name), *_] if name.isupper():
                flags = [ast.unparse(part) for part in (*node.args, *(word.value for word in node.keywords))]
                yield name, sum((eval(text) for text in flags if text.startswith("re.")), re.NOFLAG)


def patterns():
    """Every compiled pattern of the package by its name, each once."""
    found = {}

    def add(name, value):
        if isinstance(value, re.Pattern):
            found.setdefault((value.pattern, value.flags), (name, value))
        elif isinstance(value, dict | tuple) and name.rpartition(".")[2].isupper():
            inside = value.items() if isinstance(value, dict) else enumerate(value)
            for key, item in inside:
                add(f"{name}[{key!r}]", item)

    for module in pkgutil.walk_packages(magnus.__path__, "magnus."):
        if module.name.startswith(("magnus.testing", "magnus.__main__")):
            continue
        loaded = import_module(module.name)
        for name, value in list(vars(loaded).items()):
            add(f"{module.name}.{name}", value)
        for name, flags in texts_of_patterns(loaded.__file__):
            add(f"{module.name}.{name}", re.compile(vars(loaded)[name], flags))
    return sorted(found.values(), key=lambda item: item[0])


@cache
def looked_for_everywhere(module):
    """The names of patterns that a module looks for anywhere in a text, and not at one place of it."""
    tree = ast.parse(Path(import_module(module).__file__).read_text())
    by_text = {
        node.args[0].id
        for node in calls_of_re(import_module(module).__file__)
        if node.func.attr in LOOKING and isinstance(node.args[0], ast.Name)
    }
    return (
        by_text
        | {
            getattr(node.value, "id", getattr(node.value, "attr", ""))
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr in LOOKING
        }
        | {node.iter.id for node in ast.walk(tree) if isinstance(node, ast.For) and isinstance(node.iter, ast.Name)}
    )


def steps(pattern, text, *, anchored):
    try:
        return Matcher(pattern, MOST_STEPS).search_all(text, anchored=anchored)
    except (TooManyStepsError, RecursionError):
        return MOST_STEPS * 10


def growth(pattern, text, end, times, *, anchored):
    """How many times the steps of the text are those of twice the text; infinite where nobody can wait for them."""
    more = steps(pattern, text * times * 2 + end, anchored=anchored)
    if more > MOST_STEPS:
        return float("inf")
    return 0 if more <= FEWEST_STEPS else more / steps(pattern, text * times + end, anchored=anchored)


def worst_growth(pattern, *, anchored):
    """The text whose growth is the largest, and that growth; it counts where more of the text grows like that too."""
    single = sorted(pieces(pattern), key=len)[:10]
    texts = [*single, *("".join(pair) for pair in permutations(single[:6], 2))]
    worst = (0.0, "")
    for text, end in product(texts, ("", "\x01")):
        found = growth(pattern, text, end, REPEATED, anchored=anchored)
        if found > MOST_GROWTH:
            found = growth(pattern, text, end, REPEATED * 4, anchored=anchored)
        worst = max(worst, (found, text))
    return worst


@pytest.fixture(autouse=True)
def deep_recursion():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.parametrize(("name", "pattern"), patterns(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_pattern_is_linear(name, pattern):
    if name in OTHERS_TEXTS:
        return
    module, _, word = name.partition("[")[0].rpartition(".")
    worst, text = worst_growth(pattern, anchored=word not in looked_for_everywhere(module))
    assert worst <= MOST_GROWTH, f"{text!r} again and again"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "anchored"),
    [(r"\w+=", False), (r"(a+)+b", True), (r"(?:a|a)*b", True), (r"\s*\s*x", True), (r"\{\{(.*?)\}\}", False)],
)
def test_a_pattern_that_is_not_linear_is_noticed(pattern, anchored):
    assert worst_growth(re.compile(pattern), anchored=anchored)[0] > MOST_GROWTH


@pytest.mark.parametrize(
    ("pattern", "text"),
    [(r"(a|b)*c", "ababc"), (r"(?<!x)a++b", "xaab aab"), (r"'[^']*+'|\w{2,3}?", "'a' bcd"), (r"^a$|\bb\B", "a")],
)
def test_the_matcher_agrees_with_re(pattern, text):
    matcher = Matcher(re.compile(pattern), MOST_STEPS)
    matcher.text = text
    for place in range(len(text) + 1):
        found = re.compile(pattern).match(text, place)
        assert next(matcher.sequence(matcher.tree, place, {}), None) == (found.end() if found else None)


@pytest.mark.slow
def test_every_pattern_has_a_name():
    """So that the test above sees it: no call of `re` has a pattern in place, but for what is made of a name."""
    allowed = {"tasks/static/shell.py": 1}
    for file in sorted(SOURCES.rglob("*.py")):
        named = list(texts_of_patterns(file))
        in_place = len(list(calls_of_re(file))) - len(named)
        assert in_place == allowed.get(str(file.relative_to(SOURCES)), 0), file
