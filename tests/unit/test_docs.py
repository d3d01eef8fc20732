"""What the documentation shows is what is tested."""

import json
import re
from pathlib import Path

import pytest
from state_table import STAYS_AFTER_IMPORT, TABLE

from magnus.app.compare.document import document
from magnus.app.compare.model import Cause, Change, Difference, RunFacts, StepDifference, Timing, Verdict
from magnus.app.inspect.explain import Explanation

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
DECISIONS = [page for page in PAGES if page.parent.name == "decisions" and page.name != "index.md"]
README = (ROOT / "README.md").read_text()
SITE = (ROOT / "mkdocs.yml").read_text()
PLUGINS = ROOT / "tests/plugins/acme_magnus"


@pytest.mark.parametrize("page", [*PAGES, *sorted(ROOT.glob("*.md"))], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#:]+)\)", prose):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", [page for page in PAGES if page not in DECISIONS], ids=lambda page: page.name)
def test_the_first_two_sentences_say_what_the_reader_can_do(page):
    first = page.read_text().split("\n\n")[1]
    assert re.match(r"(This page|These pages) (show|list|describe|say)s? |In ten minutes you ", first), first


def test_the_architecture_has_each_folder_of_the_house_once():
    rows = re.findall(r"^\| `([a-z_/]+)/` \| .+ \|$", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    source = ROOT / "src/magnus"
    folders = {str(file.parent.relative_to(source)) for file in source.rglob("*.py")} - {"."}
    assert sorted(rows) == sorted(folders)


def test_the_navigation_of_the_site_has_every_page_once():
    listed = re.findall(r"^ +- (\S+\.md)$", SITE, re.MULTILINE)
    assert sorted(listed) == sorted(str(page.relative_to(ROOT / "docs")) for page in PAGES if page not in DECISIONS)


def test_the_index_of_decisions_has_each_of_them_once():
    index = (ROOT / "docs/decisions/index.md").read_text()
    listed = sorted(
        re.findall(r"^- \[(\d+)\. (.+)\]\((\d{4})-(\S+)\.md\)$", index, re.MULTILINE), key=lambda row: row[2]
    )
    assert [f"{number}-{name}.md" for _, _, number, name in listed] == [page.name for page in DECISIONS]
    assert [(int(short), int(number)) for short, _, number, _ in listed] == [(n, n) for n in range(1, len(listed) + 1)]
    titles = [page.read_text().partition("\n")[0] for page in DECISIONS]
    assert titles == [f"# {short}. {title}" for short, title, _, _ in listed]


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.name)
def test_a_decision_is_short_and_has_its_reasons(page):
    text = page.read_text()
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert len(text.splitlines()) <= 25


@pytest.mark.parametrize("file", ["functions.py", "pipeline.yaml", "parameters.yaml"])
def test_the_tutorial_shows_an_example_that_is_tested(file):
    text = (ROOT / "examples/python" / file).read_text()
    assert (
        f"```{'python' if file.endswith('.py') else 'yaml'}\n{text}```"
        in (ROOT / "docs/tutorial/first-pipeline.md").read_text()
    )


@pytest.mark.parametrize(("file", "language"), [("pipeline.yaml", "yaml"), ("pipeline.py", "python")])
def test_the_readme_shows_examples_that_are_tested(file, language):
    assert f"```{language}\n{(ROOT / 'examples/prices' / file).read_text()}```" in README


def test_the_readme_shows_functions_of_an_example():
    functions = (ROOT / "examples/prices/prices.py").read_text()
    [shown, _] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    lines = [line for line in shown.splitlines() if line.strip() not in {"", "..."}]
    assert [line for line in lines if line not in functions.splitlines()] == []


def test_the_readme_begins_with_the_verbs_that_set_up():
    verbs = re.findall(r"^make (\w+) ", README, re.MULTILINE)
    targets = re.findall(r"^(\w+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert verbs == ["start", "test"]
    assert set(verbs) <= set(targets)


@pytest.mark.parametrize(
    ("page", "file"),
    [
        ("write-an-executor.md", "executor.py"),
        ("write-a-run-log-store.md", "run_log_store.py"),
        ("write-a-secrets-provider.md", "secrets.py"),
        ("write-a-task-kind.md", "task_kind.py"),
        ("write-a-node-type.md", "node_type.py"),
        ("write-a-transpiler.md", "transpiler.py"),
    ],
)
def test_a_plugin_is_shown_as_it_is_tested(page, file):
    assert f"```python\n{(PLUGINS / file).read_text()}```" in (ROOT / "docs/how-to" / page).read_text()


def test_what_stays_of_a_step_is_what_is_tested():
    page = (ROOT / "docs/explanation/process-state.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| (stays|undone) \| undone \|$", page, re.MULTILINE)
    assert rows == [(name, "stays" if kind == STAYS_AFTER_IMPORT else "undone") for name, (_, _, kind) in TABLE.items()]


def snippets():
    return [
        pytest.param(code, id=f"{page.name}-{number}")
        for page in PAGES
        for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))
    ]


@pytest.mark.parametrize("code", snippets())
def test_python_is_python(code):
    compile(code, "snippet", "exec")


@pytest.mark.parametrize(
    "line",
    [
        "class TestTheExecutor(ProcessExecutorContract):",
        "class TestTheStore(RunLogStoreContract):",
        "class TestTheSecrets(SecretsContract):",
        "class TestTheTaskKind(TaskKindContract):",
        "class TestTheTranspiler(TranspilerContract):",
    ],
)
def test_suites_are_used_as_shown(line):
    assert line in (ROOT / "tests/end_to_end/test_plugins.py").read_text()


def test_the_json_of_diff_has_the_shape_that_is_shown():
    [shown] = re.findall(r"```json\n(.*?)```", (ROOT / "docs/how-to/compare-runs.md").read_text(), re.DOTALL)
    facts = RunFacts("a", "SUCCESS", "", "", 1.0, "p.yaml", "", "")
    cause = Cause("parameter", "x", 3, 4, ("train",))
    change = Change("set", "y", 3, 4)
    step = StepDifference("train", "train", "train", 0, (change,))
    timing = Timing("", "", "", 1.0, 2.0)
    rerun = Explanation(
        "train",
        ran=True,
        reason="parameter 'depth' 3 -> 4",
        key="79417b2e...",
        inputs={"parameter depth": "4"},
        compared_with="a",
        differences=("parameter 'depth' 3 -> 4",),
    )
    whole = Difference(
        facts, facts, Verdict("", True, cause, ""), (cause,), (change,), (step,), (timing,), (change,), (rerun,)
    )
    assert_like(json.loads(shown), document(whole))


def assert_like(shown, real):
    match shown:
        case dict() if "..." not in shown:
            assert set(shown) == set(real)
            for key, value in shown.items():
                assert_like(value, real[key])
        case [first]:
            assert_like(first, real[0])
        case _:
            pass
