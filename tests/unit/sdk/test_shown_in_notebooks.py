"""Pipelines and steps as HTML: small, whole, escaped, in the theme of the page."""

import re

import pytest

from magnus import Dag, Fail, Map, Parallel, Pipeline, PythonTask, ShellTask, Stub, Success

EVIL = "<script>alert('x')</script>"


def shown(value):
    html = value._repr_html_()
    opened = [tag for tag in re.findall(r"<([a-zA-Z]\w*)[^>]*?(?<!/)>", html) if tag != "br"]
    assert sorted(opened) == sorted(re.findall(r"</(\w+)", html))
    return html


def test_a_pipeline_is_a_picture_that_follows_the_theme_of_the_page():
    html = shown(
        Pipeline([PythonTask("os.getcwd"), Parallel("both", {"a": Stub("one"), "b": Stub("two")})], name="churn")
    )
    assert html.count("<svg") == 1
    assert 'aria-label="churn"' in html
    for theme in ('[data-jp-theme-light="false"]', "prefers-color-scheme:dark", '[data-vscode-theme-kind*="dark"]'):
        assert theme in html
    assert len(html) < 12_000


def test_texts_are_escaped_wherever_they_are():
    for value in (
        Pipeline([ShellTask(EVIL, EVIL)], name=EVIL, description=EVIL),
        ShellTask(EVIL, EVIL, catalog={"put": [EVIL]}),
        Map(EVIL, Stub(EVIL), "xs", "x"),
        Pipeline([ShellTask(EVIL, EVIL, next=EVIL * 2)]),
    ):
        html = shown(value)
        assert "<script" not in html
        assert "&lt;script&gt;" in html


def test_a_pipeline_with_mistakes_shows_them():
    html = shown(Pipeline([PythonTask("os.getcwd", next="gone")]))
    assert "next names &#x27;gone&#x27;, which is not a step" in html
    assert "<svg" not in html


@pytest.mark.parametrize("value", [Success(), Fail(), Stub("x"), Dag("inner", dag_definition="nowhere.yaml")])
def test_every_step_shows_itself(value):
    assert value.name in shown(value)


def test_a_large_pipeline_stays_small():
    html = shown(Pipeline([ShellTask(f"step {number}", "true") for number in range(2000)]))
    assert "<svg" not in html
    assert "step 3" in html
    assert "more lines" in html
    assert len(html) < 20_000
