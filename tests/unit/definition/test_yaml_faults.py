"""What newcomers to YAML write, and what they are told; or it works."""

import os
import subprocess

import pytest

from magnus.definition.loader import load
from magnus.errors import InvalidDefinition

RIGHT = """\
dag:
  start_at: a
  steps:
    a:
      command: work.f
      next: b
    b:
      type: stub
      next: success
"""


def written(tmp_path, content):
    file = tmp_path / "p.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def said(tmp_path, content):
    with pytest.raises(InvalidDefinition) as caught:
        load(str(written(tmp_path, content)), {})
    return str(caught.value).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(
    "content",
    [
        RIGHT.replace("\n", "\r\n"),
        RIGHT.replace("\n", "\r"),
        b"\xef\xbb\xbf" + RIGHT.encode(),
        RIGHT.replace("next: b", "next:\tb"),
        RIGHT.replace("    a:\n", "    a: &a\n").replace("      type: stub\n", "      <<: *a\n"),
        '{"dag": {"start_at": "a", "steps": {"a": {"type": "stub", "next": "success"},}}}',
    ],
    ids=["Windows", "old Mac", "BOM", "tab in a line", "anchor", "JSON"],
)
def test_what_works(tmp_path, content):
    assert load(str(written(tmp_path, content)), {}).graph.start_at == "a"


@pytest.mark.parametrize(
    ("old", "new", "place", "message", "fix"),
    [
        ("      command", "\t\tcommand", "5:1", "there is a tab in the indentation", "indent by spaces"),
        (
            "      next: b",
            "     next: b",
            "6:6",
            "did not find expected key",
            "indent this line like the lines around it",
        ),
        ("work.f", "echo a: b", "5:22", "there is ': ' in a value without quotes", "put the value in quotes"),
        ("next: b", "next b", "6:7", "there is no ': ' in this line", "write <name>: <value>, with a space"),
        ("next: b", "next:b", "6:7", "there is no ': ' in this line", "write <name>: <value>, with a space"),
        ("work.f", '"work.f', "5:16", "this quote is not closed", 'write " at the end'),
        ("work.f", "%x", "5:16", "a value cannot start with '%'", "put the value in quotes"),
        ("work.f", "*.csv", "5:17", "a value that starts with '*' stands for an alias", "put the value in quotes"),
        ("work.f", "{x}.f", "5:19", "did not find expected key", "put the whole value in quotes"),
        ("work.f", "[a, b", "6:11", "did not find expected ',' or ']'", "close every bracket"),
        ("      next: b", "<<<<<<< HEAD\n      next: b", "6:1", "this line is left of a merge of git", "resolve"),
        ("    b:\n", "---\n    b:\n", "7:1", "a second document starts here", "remove '---'"),
    ],
)
def test_what_is_no_yaml(tmp_path, old, new, place, message, fix):
    assert old in RIGHT
    first, second = said(tmp_path, RIGHT.replace(old, new)).split("\n")
    assert first.startswith(f"p.yaml:{place}: error: this is not YAML: {message}"), first
    assert second.startswith(f"  fix: {fix}"), second


@pytest.mark.parametrize(
    ("content", "message", "fix"),
    [
        ("", "p.yaml: error: the pipeline is empty", "write dag: {start_at: a, "),
        ("# nothing\n", "p.yaml: error: the pipeline is empty", "write dag: {start_at: a, "),
        ("dag:\n  start_at: a\n  steps:\n    - name: a\n", "p.yaml:3:3: error: steps must be a mapping, not a list", "write each step as '<name>:'"),
        ("dag:\n  start_at: a\n  steps:\n", "p.yaml:3:3: error: steps is empty", "write each step as '<name>:'"),
        (RIGHT.replace("next: b", "next: 2"), "p.yaml:6:7: error: step 'a': next names '2', which is not a step", "the steps are 'b'"),
        (RIGHT.replace("next: b", "next: yes"), "p.yaml:6:7: error: step 'a': next names 'yes', which is not a step", "the steps are 'b'"),
        (RIGHT.replace("next: b", "next: [b]"), "p.yaml:6:7: error: step 'a': next must be text, not ['b']", "write text"),
        (RIGHT.replace("start_at: a", "start_at: on"), "p.yaml:2:3: error: start_at names 'on', which is not a step", "the steps are 'a'"),
        (RIGHT.replace("start_at: a", "start_at: {a: b}"), "p.yaml:2:3: error: start_at must be the name of a step", "write the name of the first step"),
        (RIGHT.replace(" a:", " on:").replace(" b:", " on:").replace("at: a", "at: on").replace("next: b", "next: success"), "p.yaml:7:5: error: the key 'on' stands here a second time", "keep one"),
        (RIGHT.encode("utf-16"), "error: the pipeline 'p.yaml' is not UTF-8 text", "save it as UTF-8"),
        (RIGHT.replace("work", "w\xf6rk").encode("latin-1"), "error: the pipeline 'p.yaml' is not UTF-8 text", "save it as UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_pipeline(tmp_path, content, message, fix):
    first, second = said(tmp_path, content).split("\n")[:2]
    assert first.startswith(message), first
    assert second.startswith(f"  fix: {fix}"), second


@pytest.mark.parametrize(
    ("make", "kind"), [(os.mkdir, "a folder"), (os.mkfifo, "a pipe, a socket or a device")], ids=["folder", "pipe"]
)
def test_what_is_no_file(tmp_path, make, kind):
    make(tmp_path / "p.yaml")
    with pytest.raises(InvalidDefinition, match=f"is {kind}\n  fix: name a file"):
        load(str(tmp_path / "p.yaml"), {})


def test_what_a_shell_passes_on_is_read(tmp_path):
    with subprocess.Popen(["cat", str(written(tmp_path, RIGHT))], stdout=subprocess.PIPE) as process:
        assert load(f"/dev/fd/{process.stdout.fileno()}", {}).graph.start_at == "a"


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    written(tmp_path, RIGHT).chmod(0)
    with pytest.raises(InvalidDefinition, match="Permission denied\n  fix: make it readable"):
        load(str(tmp_path / "p.yaml"), {})
