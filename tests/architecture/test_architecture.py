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
    "engine": ("engine/files/match_files.py", "import magnus.engine.rules.scope"),
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
        ("import magnus", {"pydantic", "yaml", "click", "logging", "json", "typing", "magnus.engine"}),
        ("import magnus.cli.main", {"click", "typing", "magnus.cli.program"}),
        ("import magnus.cli.program", {"pydantic", "yaml", "magnus.engine.step.run_step", "importlib.metadata"}),
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
def test_the_list_of_commands_loads_no_command_and_no_click(variables):
    program = (
        "import atexit, sys; sys.argv = ['magnus', *sys.argv[1:]]\n"
        "from magnus.cli.main import main\n"
        "atexit.register(lambda: print(sorted(name for name in sys.modules if name.startswith(('magnus', 'click', 'typing')))))\n"
        "main()"
    )
    arguments = [] if variables else ["--help"]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | variables
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, env=environment
    )
    loaded = done.stdout.splitlines()[-1]
    assert loaded == "['magnus', 'magnus.cli', 'magnus.cli.console', 'magnus.cli.main', 'magnus.cli.synopsis']"


HELLO = {
    "functions.py": "def hello():\n    print('hi')\n",
    "hello.yaml": "dag: {start_at: hello, steps: {hello: {command: functions.hello, next: success}}}\n",
}
MODULES_OF_A_RUN = Path(__file__).with_name("modules_of_a_run.txt")


def test_a_run_of_one_step_loads_no_more_modules_than_before(tmp_path, pytestconfig):
    """The list names what a run loads; a change may swap modules, but not add any."""
    for name, text in HELLO.items():
        (tmp_path / name).write_text(text)
    program = (
        "import atexit, sys; sys.argv = ['magnus', *sys.argv[1:]]\n"
        "from magnus.cli.main import main\n"
        "names = lambda: sorted(name for name in sys.modules if name.partition('.')[0] == 'magnus')\n"
        "atexit.register(lambda: print(*names(), sep='\\n', file=open('loaded', 'w')))\n"
        "main()"
    )
    run = [sys.executable, "-W", "ignore", "-c", program, "execute", "-f", "hello.yaml"]
    subprocess.run(run, cwd=tmp_path, capture_output=True, check=True)
    loaded = (tmp_path / "loaded").read_text()
    if pytestconfig.getoption("--update-expected"):
        MODULES_OF_A_RUN.write_text(loaded)
    listed = MODULES_OF_A_RUN.read_text().split()
    new = sorted({*loaded.split()} - {*listed})
    assert len(loaded.split()) <= len(listed), (
        f"new: {', '.join(new)}; import what a short run needs not where it is used"
    )


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
