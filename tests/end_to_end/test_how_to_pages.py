"""What the guides for users print is what happens: their files are saved, their commands run, their words are there."""

import json
import re
from pathlib import Path

import pytest
import yaml
from printed_pages import blocks, files, follow

from magnus.cli.synopsis import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/how-to"
COME_FROM = PAGES / "come-from-another-tool.md"


def test_structure_a_project(folder):
    follow(PAGES / "structure-a-project.md", folder.path, folder.environment)
    assert (folder.path / "shared/runs.db").exists()


def test_what_a_project_that_is_begun_has_is_what_the_page_shows(folder):
    folder.magnus("init")
    [shown] = [text for language, title, text in blocks(PAGES / "structure-a-project.md") if "defaults:" in text]
    assert yaml.safe_load((folder.path / "magnus-config.yaml").read_text()) == yaml.safe_load(shown)


def test_pass_frames_and_models(folder):
    follow(PAGES / "pass-frames-and-models.md", folder.path, folder.environment)
    assert folder.magnus("show", "latest", "--json").log["parameters"]["rows"] == 1000


def test_log_from_steps(folder):
    page = PAGES / "log-from-steps.md"
    for name, text in files(page).items():
        folder.write(name, text)  # the page shows the result before the files
    follow(page, folder.path, folder.environment)


def test_schedule_runs(folder):
    folder.magnus("init")
    page = PAGES / "schedule-runs.md"
    follow(page, folder.path, folder.environment)
    assert "kind: CronWorkflow" in (folder.path / "argo-pipeline.yaml").read_text()
    [line] = [text for _, _, text in blocks(page) if text.startswith("15 3 * * *")]
    options = re.search(r"magnus (execute .*?) >>", line)[1].split()
    assert folder.magnus(*options).out == ""
    workflow = yaml.safe_load(files(page)[".github/workflows/forecast.yaml"])
    steps = [step["run"] for step in workflow["jobs"]["run"]["steps"] if "run" in step]
    for command in re.findall(r"^magnus (.*)$", "\n".join(steps), re.MULTILINE):
        arguments = command.replace('"$GITHUB_RUN_ID"', "1").split()
        assert folder.magnus(*arguments).status == 0, command
    assert (folder.path / "report.html").exists()


def test_share_a_run(folder):
    folder.magnus("init")
    assert folder.magnus("execute").status == 0
    follow(PAGES / "share-a-run.md", folder.path, folder.environment)


def test_test_a_pipeline(folder, tmp_path):
    (tmp_path / "temporary").mkdir()  # pytest keeps the folders of its last runs there
    follow(PAGES / "test-a-pipeline.md", folder.path, {**folder.environment, "TMPDIR": str(tmp_path / "temporary")})


def test_vs_code(folder):
    folder.magnus("init")
    page = PAGES / "work-in-vs-code.md"
    follow(page, folder.path, folder.environment)
    [launch] = json.loads(files(page)[".vscode/launch.json"])["configurations"]
    assert (launch["module"], launch["args"][0]) == ("magnus", "execute")
    run = folder.magnus(*launch["args"])
    assert (run.status, run.log["run_config"]["executor"]) == (0, {"type": "local", "config": {}})


def test_commands_of_magnus_that_are_beside_those_of_others_are_there(folder):
    text = COME_FROM.read_text()
    named = re.findall(r"`magnus ([a-z_]+)((?: [^`]*)?)`", text)
    assert len(named) > 30
    for command, rest in named:
        assert command in COMMANDS, command
        shown = folder.magnus(command, "--help").out
        for option in re.findall(r"(--[a-z-]+)(?=[ `]|$)", rest):
            assert option in shown or option in {"--alpha", "--x"}, (command, option)


def test_names_that_are_beside_those_of_others_are_public():
    import magnus

    text = COME_FROM.read_text().partition("## runnable")[2]
    [row] = [line for line in text.splitlines() if line.startswith("| `from runnable import")]
    for name in re.search(r"import (.*?)`", row)[1].split(", "):
        assert hasattr(magnus, name)
    for name in ("Conditional", "Loop", "Map", "Parallel", "PythonJob", "NotebookJob", "ShellJob"):
        assert hasattr(magnus, name)


@pytest.mark.parametrize("kind", ["type", "field"])
def test_fields_that_are_beside_those_of_others_are_in_the_schema(kind):
    schema = (ROOT / "docs/schema/pipeline.json").read_text()
    text = COME_FROM.read_text()
    pattern = (
        r"`type: ([a-z-]+)"
        if kind == "type"
        else r"`(max_attempts|retry_delay|timeout|on_failure|iterate_on|iterate_as|cache)\b"
    )
    named = set(re.findall(pattern, text))
    assert named
    for name in named:
        assert f'"{name}"' in schema, name
