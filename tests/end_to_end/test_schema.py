"""`magnus schema`, as users run it."""

import json
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs/schema"


@pytest.mark.parametrize(
    ("arguments", "published"),
    [([], "pipeline.json"), (["pipeline"], "pipeline.json"), (["configuration"], "configuration.json")],
)
def test_a_schema_is_printed(folder, arguments, published):
    result = folder.magnus("schema", *arguments)
    assert result.status == 0, result.err
    assert json.loads(result.out)["title"] == json.loads((DOCS / published).read_text())["title"]


def test_a_schema_goes_to_a_file(folder):
    result = folder.magnus("schema", "configuration", "-o", "c.json")
    assert (result.status, result.out) == (0, "")
    assert json.loads((folder.path / "c.json").read_text())["title"] == "magnus configuration"


def test_an_unknown_file_is_a_mistake(folder):
    result = folder.magnus("schema", "parameters")
    assert result.status == 2
    assert "parameters" in result.err


def test_types_of_installed_packages_are_in_it(folder):
    folder.write("acme.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    folder.write("acme.dist-info/entry_points.txt", "[magnus.tasks]\nformat = acme_magnus.task_kind:FormatTask\n")
    plugins = Path(__file__).parents[1] / "plugins"
    path = [str(folder.path), str(plugins), folder.environment.get("PYTHONPATH", "")]
    result = folder.magnus("schema", env={"PYTHONPATH": ":".join(filter(None, path))})
    assert result.status == 0, result.err
    assert "into" in json.loads(result.out)["$defs"]["format task"]["properties"]
