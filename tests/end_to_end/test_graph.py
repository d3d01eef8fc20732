"""`magnus graph`, as users run it."""

import os
import pty
import subprocess
from xml.etree import ElementTree as ET

import pytest
from safety_net import LONGEST_SECONDS

PIPELINE = """\
dag:
  start_at: fetch
  steps:
    fetch: {type: task, command_type: shell, command: exit 7, next: success, on_failure: mend}
    mend: {type: stub, next: success}
"""
TREE = "pipeline.yaml\n├─ fetch  shell  exit 7  → success  ✗→ mend\n└─ mend  stub\n"


@pytest.fixture
def pipeline(folder):
    return folder.write("pipeline.yaml", PIPELINE)


@pytest.mark.parametrize("arguments", [[], ["pipeline.yaml"], ["-f", "pipeline.yaml"], ["--format", "text"]])
def test_a_pipeline_is_a_tree(folder, pipeline, arguments):
    result = folder.magnus("graph", *arguments)
    assert (result.status, result.out, result.err) == (0, TREE, "")
    assert sorted(file.name for file in folder.path.iterdir()) == ["pipeline.yaml"]


def test_a_stream_that_is_not_unicode_gets_plain_characters(folder, pipeline):
    result = folder.magnus("graph", env={"PYTHONIOENCODING": "ascii"})
    assert result.out == "pipeline.yaml\n|- fetch  shell  exit 7  -> success  x-> mend\n`- mend  stub\n"


def test_lines_fit_the_columns_there_are(folder):
    folder.write("pipeline.yaml", PIPELINE.replace("exit 7", "echo " + "x" * 100))
    assert max(map(len, folder.magnus("graph").out.splitlines())) == 80
    assert max(map(len, folder.magnus("graph", env={"COLUMNS": "60"}).out.splitlines())) == 60


def test_a_terminal_gets_colours(folder, pipeline):
    ours, theirs = pty.openpty()
    try:
        environment = {**folder.environment, "TERM": "xterm-256color"}
        subprocess.run(
            folder.command("graph"),
            cwd=folder.path,
            env=environment,
            stdout=theirs,
            check=True,
            timeout=LONGEST_SECONDS,
        )
        shown = os.read(ours, 65536).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert "\x1b[" in shown
    assert "mend" in shown


def test_mermaid_goes_to_standard_output(folder, pipeline):
    result = folder.magnus("graph", "--format", "mermaid")
    assert result.out.startswith("flowchart TD\n")
    assert "s1 -.->|on failure|" in result.out


def test_svg_goes_to_a_file(folder, pipeline):
    result = folder.magnus("graph", "--format", "svg", "-o", "p.svg")
    assert (result.status, result.out) == (0, "")
    assert ET.parse(folder.path / "p.svg").getroot().tag.endswith("svg")
    assert sorted(file.name for file in folder.path.iterdir()) == ["p.svg", "pipeline.yaml"]


WITH_DATA = """\
dag:
  steps:
    load: {command: work.load, returns: [rates, {table: object}], catalog: {put: [raw.csv]}}
    fit: {command: work.fit}
"""


def test_data_that_flow_are_named(folder):
    folder.write("pipeline.yaml", WITH_DATA)
    folder.write(
        "work.py", "raise SystemExit('nobody imports this')\ndef load(): pass\ndef fit(rates): return {'error': 1}\n"
    )
    result = folder.magnus("graph", "--data")
    assert result.err == ""
    assert result.out.splitlines()[1:5] == [
        "├─ load  python  work.load",
        "│  ⇣ rates",
        "│  ⇣ object: table",
        "│  ⇣ file: raw.csv",
    ]
    assert (
        '-->|"rates<br/>object: table<br/>file: raw.csv"|'
        in folder.magnus("graph", "--data", "--format", "mermaid").out
    )
    assert "object: table" in folder.magnus("graph", "--data", "--format", "svg").out
    assert "=> rates" in folder.magnus("graph", "--data", env={"PYTHONIOENCODING": "ascii"}).out


def test_pictures_run_across(folder, pipeline):
    assert folder.magnus("graph", "--format", "mermaid", "--across").out.startswith("flowchart LR\n")
    down, across = (ET.fromstring(folder.magnus("graph", "--format", "svg", *more).out) for more in ((), ("--across",)))
    assert float(across.attrib["width"]) > float(down.attrib["width"])


def test_a_python_file_is_drawn(folder):
    folder.write(
        "steps.py",
        "from magnus import Pipeline, PythonTask\n"
        "def hello():\n    return None\n"
        "pipeline = Pipeline(steps=[PythonTask(name='hello', function=hello)], name='greeting')\n",
    )
    result = folder.magnus("graph", "steps.py")
    assert result.status == 0, result.err
    assert result.out.startswith("greeting\n└─ hello  python")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone.yaml"], "'gone.yaml' does not exist"),
        (["-o", "no/such/p.txt"], "cannot be written"),
        (["pipeline.yaml", "-f", "other.yaml"], "two pipelines are named"),
        (["--format", "png"], "png"),
    ],
)
def test_mistakes_are_said(folder, pipeline, arguments, said):
    result = folder.magnus("graph", *arguments)
    assert result.status == 2
    assert said in result.err
    assert "Traceback" not in result.err
    assert sorted(file.name for file in folder.path.iterdir()) == ["pipeline.yaml"]
