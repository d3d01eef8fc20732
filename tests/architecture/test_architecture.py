"""The rules that hold the tree together, each shown to fail when it is broken."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BREAKERS = {
    "layers": ("definition/field_types.py", "import magnus.app.text.columns"),
    "graph": ("graph/hash.py", "import magnus.graph.dataflow.facts"),
    "tasks": ("tasks/text.py", "import magnus.tasks.notebooks.file"),
    "cli": ("cli/text/values.py", "import magnus.cli.console"),
    "app": ("app/text/units.py", "import magnus.app.inspect.list_runs"),
    "engine": ("engine/files/globs.py", "import magnus.engine.rules.scope"),
    "cycles": ("tasks/static/side_effects.py", "import magnus.tasks.static.functions"),
    "printing": ("app/run/execute.py", "import click"),
    "yaml": ("engine/step/run_step.py", "import yaml"),
    "pure": ("run_log/records.py", "import os"),
}


def lint(folder):
    program = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    return subprocess.run([str(program), "--no-cache"], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture
def copied(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_contracts_are_kept(copied):
    kept = lint(copied)
    assert kept.returncode == 0, kept.stdout


@pytest.mark.parametrize("contract", BREAKERS)
def test_breaking_a_contract_fails(copied, contract):
    name, line = BREAKERS[contract]
    file = copied / "src" / "magnus" / name
    file.write_text(file.read_text() + f"\n{line}\n")
    broken = lint(copied)
    assert broken.returncode == 1, broken.stdout
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [name] = [entry["name"] for entry in contracts if entry["id"] == contract]
    assert f"{name} BROKEN" in broken.stdout
    assert "1 broken" in broken.stdout


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import magnus", {"pydantic", "yaml", "click", "logging", "json", "magnus.engine"}),
        ("import magnus.cli.main", {"pydantic", "yaml", "magnus.engine.step.run_step", "importlib.metadata"}),
        ("import magnus.app.run.execute", {"click", "concurrent.futures", "importlib.metadata", "tempfile"}),
    ],
)
def test_importing_loads_only_what_is_needed(statement, absent):
    check = f"import sys; {statement}; print(sorted(set({sorted(absent)!r}) & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "variables", [{}, {"_MAGNUS_COMPLETE": "bash_complete", "COMP_WORDS": "magnus ex", "COMP_CWORD": "1"}]
)
def test_the_list_of_commands_loads_no_command(variables):
    program = (
        "import atexit, sys; sys.argv = ['magnus', *sys.argv[1:]]\n"
        "from magnus.cli.main import main\n"
        "atexit.register(lambda: print(sorted(name for name in sys.modules if name.startswith('magnus'))))\n"
        "main()"
    )
    arguments = [] if variables else ["--help"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True, text=True, check=True, env={**os.environ, **variables},
    )  # fmt: skip
    loaded = done.stdout.splitlines()[-1]
    assert loaded == "['magnus', 'magnus.cli', 'magnus.cli.console', 'magnus.cli.gc_pause', 'magnus.cli.main']"


WRITING = {"print", "echo", "secho", "write", "writelines", "writev"}


def test_in_the_command_line_the_console_alone_writes():
    calls = [
        f"{file.name}:{node.lineno}"
        for file in (ROOT / "src/magnus/cli").rglob("*.py")
        if file.name != "console.py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in WRITING
    ]
    assert calls == []
