"""Every example does what it says; an example without an expectation here fails."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
EXPECTED = {
    "getting-started.yaml": (["--x", "3"], 0, {"x": 4}),
    "on-failure.yaml": ([], 0, {"source": "old"}),
    "must-fail.yaml": ([], 1, {}),
    "files.yaml": ([], 0, {"first": 1}),
    "stub.yaml": (["--config", "configured.yaml"], 0, {}),
    "branches/pipeline.yaml": (
        [],
        0,
        {"regions": ["north", "south", "east/west"], "total": 42, "rating": "poor", "enough": True},
    ),
    "argo/pipeline.yaml": (
        ["-p", "parameters.yaml"],
        0,
        {
            "tolerance": 1.0,
            "days": 3,
            "regions": ["north", "south", "west"],
            "model": [{"region": region, "mean": mean} for region, mean in (("north", 4), ("south", 5), ("west", 4))],
            "error": [pytest.approx(2 / 3), 0.0, pytest.approx(10 / 3)],
            "best": "south",
        },
    ),
    "notebook/pipeline.yaml": ([], 0, {"sales": [3, 1, 4, 1, 5], "best_day": 4, "total": 14, "mean": 2.8}),
    "prices/pipeline.yaml": (
        ["-c", "parallel.yaml", "--epochs", "100"],
        0,
        {
            "epochs": 100,
            "rates": [0.01, 0.05, 0.1, 0.2],
            "lines": [{"slope": pytest.approx(207, rel=0.05), "start": pytest.approx(126, rel=0.05)}] * 4,
            "error": [pytest.approx(22.596), pytest.approx(14.679), pytest.approx(14.52), pytest.approx(14.413)],
            "best_rate": 0.2,
            "price_of_100_m2": 331,
        },
    ),
    "search/pipeline.yaml": (
        [],
        0,
        {
            "settings": [
                {"learning_rate": rate, "momentum": momentum, "epochs": 60}
                for rate in (0.02, 0.1, 0.3)
                for momentum in (0.0, 0.5)
            ],
            "final_loss": [pytest.approx(0.219, rel=0.01), *[pytest.approx(0.04, rel=0.4)] * 5],
            "best": {"learning_rate": 0.3, "momentum": 0.0, "epochs": 60},
        },
    ),
    "python/pipeline.yaml": (
        ["-p", "parameters.yaml"],
        0,
        {
            "values": [1.0, 2.0, 3.0, 4.5, 1000.0],
            "kept": [1.0, 2.0, 3.0, 4.5],
            "slope": 3.5 / 3,
            "intercept": 1.0,
            "error": pytest.approx(1 / 3),
        },
    ),
}
NO_PIPELINES = {
    "configured.yaml",
    "prices/parallel.yaml",
    "python/parameters.yaml",
    "argo/argo.yaml",
    "argo/cluster.yaml",
    "argo/parameters.yaml",
}
TUTORIAL = {str(file.relative_to(EXAMPLES)) for file in (EXAMPLES / "tutorial").glob("*.yaml")}
"""`test_tutorial.py` follows its pages, which save these files."""


def test_every_example_is_run():
    found = {str(file.relative_to(EXAMPLES)) for file in EXAMPLES.rglob("*.yaml")}
    assert found == set(EXPECTED) | NO_PIPELINES | TUTORIAL


def test_every_program_is_run():
    assert sorted(str(file.relative_to(EXAMPLES)) for file in EXAMPLES.rglob("pipeline.py")) == [
        "prices/pipeline.py",
        "program/pipeline.py",
    ]


def test_the_program_beside_a_pipeline_does_the_same(folder):
    shutil.copytree(EXAMPLES / "prices", folder.path, dirs_exist_ok=True)
    done = subprocess.run([sys.executable, "pipeline.py"], cwd=folder.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "0.2 [22.596, 14.679, 14.52, 14.413]\n"


def test_the_program(folder):
    shutil.copy(EXAMPLES / "program/pipeline.py", folder.path)
    done = subprocess.run([sys.executable, "pipeline.py"], cwd=folder.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "open the window\nnorth: 4.0\nsouth: 13.0\nwest: 9.0\n\n"
    result = folder.magnus("execute", "pipeline.py", "--stations", '["west"]')
    assert (result.status, result.log["parameters"]["advice"]) == (0, "shut the window"), result.err


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example(folder, name):
    arguments, status, parameters = EXPECTED[name]
    shutil.copytree((EXAMPLES / name).parent, folder.path, dirs_exist_ok=True)
    result = folder.magnus("execute", Path(name).name, *arguments)
    assert result.status == status, result.err
    assert result.log["status"] == ("FAIL" if status else "SUCCESS")
    assert result.log["parameters"] == parameters
