"""The check of words finds each word that the glossary replaces, in prose alone."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("vocabulary", ROOT / ".ci/vocabulary.py")
vocabulary = importlib.util.module_from_spec(_spec)
sys.modules["vocabulary"] = vocabulary
_spec.loader.exec_module(vocabulary)

PAGE = """# Resume

A run that went
on with another one.

```text
the run goes on with it
```

Write `goes on with`, [this](goes on with.md) or <b goes on with>, and --round.
"""
MODULE = '''"""Says what it is by content."""

NAME = "told"


def begin(told: str) -> str:
    # whoever reads it
    """First line.

    Each round of a loop.
    """
    return f"the run {told} was taken over"
'''


@pytest.mark.parametrize("rule", vocabulary.RULES, ids=lambda rule: rule.example)
def test_each_rule_finds_its_example(rule):
    assert rule.say in [say for _, _, say in vocabulary.phrases(rule.example)]


@pytest.mark.parametrize(
    "suggestion", sorted({word for rule in vocabulary.RULES for word in re.findall("'(.*?)'", rule.say)})
)
def test_no_suggestion_is_refused_itself(suggestion):
    assert list(vocabulary.phrases(suggestion)) == []


def test_of_a_page_the_prose_is_checked_and_the_code_is_not(tmp_path):
    (tmp_path / "page.md").write_text(PAGE)
    found = list(vocabulary.findings(tmp_path / "page.md", tmp_path))
    assert [str(each) for each in found] == ["page.md:3: 'went on with': say 'resume'"]


def test_of_a_module_docstrings_messages_and_comments_are_checked_and_names_are_not(tmp_path):
    (tmp_path / "module.py").write_text(MODULE)
    found = vocabulary.findings(tmp_path / "module.py", tmp_path)
    assert [(each.line, each.phrase) for each in found] == [
        (1, "what it is by content"),
        (7, "whoever"),
        (10, "round"),
        (12, "taken over"),
    ]


def test_of_a_change_log_the_newest_section_alone_is_checked(tmp_path):
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 2\n\n- A round.\n\n## 1\n\n- A round.\n")
    assert [each.line for each in vocabulary.findings(tmp_path / "CHANGELOG.md", tmp_path)] == [5]


def test_the_check_fails_where_a_file_has_such_a_word(tmp_path, monkeypatch, capsys):
    (tmp_path / "page.md").write_text("Each round.\n")
    monkeypatch.setattr(vocabulary, "ROOT", tmp_path)
    monkeypatch.setattr(vocabulary, "PAGES", ("*.md",))
    monkeypatch.setattr(vocabulary, "CLEAN", ())
    assert vocabulary.main([]) == 1
    assert capsys.readouterr().out == "page.md:1: 'round': say 'iteration'\n"
    (tmp_path / "page.md").write_text("Each iteration.\n")
    assert vocabulary.main([]) == 0


def test_every_pattern_of_pages_and_every_clean_folder_has_files():
    assert [pattern for pattern in vocabulary.PAGES if not list(ROOT.glob(pattern))] == []
    assert [name for name in vocabulary.CLEAN if not list(vocabulary.modules(ROOT / name))] == []


def test_every_exemption_is_needed(monkeypatch):
    exempt = vocabulary.EXEMPT
    monkeypatch.setattr(vocabulary, "EXEMPT", ())
    found = {(each.file, each.phrase) for name, _ in exempt for each in vocabulary.findings(ROOT / name)}
    assert set(exempt) <= found
