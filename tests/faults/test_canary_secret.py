"""Secrets taken through everything a task can do with them are afterwards in no file, and in no stream.

Every line of every secret holds the same word, which no form of writing changes: it is looked for in every byte that
is left. A new task kind is proved by adding its cases to `CASES`.
"""

import json
import sys
from typing import NamedTuple

import pytest
from forked import kept

CANARY = "c4nary"
SECRETS = {
    "PLAIN": f"{CANARY}Plain0123",
    "ODD": f"{CANARY} 'odd' \"&\" /=#+%\\ wörd {CANARY}",
    "LINES": f"-----{CANARY}-----\n  {CANARY}+second/line=\n{CANARY} third\n",
}
DOTENV = "".join(
    f'export {name}="{value}"\n'
    for name, value in {
        "PLAIN": SECRETS["PLAIN"],
        "ODD": SECRETS["ODD"].replace("\\", "\\\\").replace('"', '\\"'),
        "LINES": SECRETS["LINES"],
    }.items()
)

WORK = """\
import base64, json, logging, multiprocessing, os, subprocess, sys, threading, time, urllib.parse
from magnus import get_secret, set_parameter, track_this

NAMES = ("PLAIN", "ODD", "LINES")
CHILD = "import os, magnus; print(magnus.get_secret('ODD')); print(os.environ.get('ODD')); print(ascii(os.environ))"

def secrets():
    return [os.environ.get(name) or get_secret(name) for name in NAMES]

def show():
    for secret in secrets():
        print(secret)
        print([secret], {"a": secret + "'"}, ascii(secret), secret.encode(), json.dumps({"a": secret}))
        print(json.dumps(secret, ensure_ascii=False), urllib.parse.quote(secret), urllib.parse.quote(secret, safe=""))
        print(urllib.parse.urlencode({"a": secret}), file=sys.stderr)
        logging.warning("logged %s", secret)
        os.write(1, secret.encode() + secret.encode() + b"\\n")

def show_in_pieces():
    for secret in secrets():
        data = secret.encode()
        for end in (3, 8, len(data) - 2):
            os.write(1, b"\\n")
            os.write(1, data[:end])
            time.sleep(0.06)
            os.write(1, data[end:])

def show_in_children():
    secrets()
    subprocess.run([sys.executable, "-c", CHILD], check=True)
    subprocess.run(["sh", "-c", "echo $PLAIN; env"], env={**os.environ, **dict(zip(NAMES, secrets()))}, check=True)
    thread = threading.Thread(target=lambda: print(get_secret("LINES")))
    thread.start()
    thread.join()

def bad(kind):
    secret = secrets()[1 if kind != "lines" else 2]
    if kind == "raises":
        raise ValueError(secret)
    if kind == "lines":
        raise RuntimeError("with lines: " + secret)
    if kind == "chained":
        try:
            {}[secret]
        except KeyError as error:
            raise ValueError([secret]) from error
    if kind == "cut":
        raise ValueError("x" * 3990 + secrets()[0])
    if kind == "exits":
        sys.exit(secret)
    if kind == "asserts":
        assert secret == "something else", f"{secret!r} is not it"
    if kind == "returns":
        return {"a": ["b", {"c": "before " + secret}]}
    if kind == "names":
        return {secret: 1}
    if kind == "encoded":
        return {"a": urllib.parse.quote(secret)}
    if kind == "sets":
        set_parameter(a=secret)
    if kind == "sets anyway":
        try:
            set_parameter(a=secret, b=1)
        except Exception as error:
            print(error)
    if kind == "sets first":
        with open(".env") as file:
            set_parameter(a=file.readline())
        track_this(a=secrets()[0])
    if kind == "tracks":
        track_this(step=1, a={"b": secret})
    if kind == "dies":
        print(secret, flush=True)
        os._exit(5)

def bad_raises(): bad("raises")
def bad_lines(): bad("lines")
def bad_chained(): bad("chained")
def bad_cut(): bad("cut")
def bad_exits(): bad("exits")
def bad_asserts(): bad("asserts")
def bad_returns(): return bad("returns")
def bad_names(): return bad("names")
def bad_encoded(): return bad("encoded")
def bad_sets(): bad("sets")
def bad_sets_anyway(): bad("sets anyway")
def bad_sets_first(): bad("sets first")
def bad_tracks(): bad("tracks")
def bad_dies(): bad("dies")
def bad_type(): return secrets()[0]
def bad_metric(): return secrets()[0]
def missing(): get_secret("PLAIM")
"""


NOTEBOOKS = {
    "shows": "import work\nwork.show()\nwork.show_in_children()\nsecret = work.secrets()\nsecret",
    "raises": "import work\nwork.bad_chained()",
    "prints": "import work\nprint({'a': work.secrets()[1]})",
}


def notebook(source):
    cell = {"cell_type": "code", "id": "one", "metadata": {"tags": ["magnus_output"]}, "source": source}
    cell |= {"execution_count": None, "outputs": []}
    if "print(" not in source:
        cell["metadata"] = {}
    kernel = {"name": "python3", "display_name": "python", "language": "python"}
    return {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


class Case(NamedTuple):
    """What a task does: its command, and whether it has to fail for it."""

    kind: str
    command: str
    fails: bool = False
    more: dict = {}


LAMBDA_SECRET = "__import__('magnus').get_secret('ODD')"
PYTHON_CHILD = f'"{sys.executable}" -c "import magnus; print(magnus.get_secret(\'LINES\'))"'
CASES = {
    "show": Case("python", "work.show"),
    "show with a timeout": Case("python", "work.show", more={"timeout": 30}),
    "show in pieces": Case("python", "work.show_in_pieces"),
    "show in children": Case("python", "work.show_in_children"),
    **{
        f"bad {name}": Case("python", f"work.bad_{name.replace(' ', '_')}", fails=True)
        for name in (
            "raises", "lines", "chained", "cut", "exits", "asserts", "returns", "names", "encoded", "sets", "sets anyway",
            "sets first", "tracks",
        )
    },
    "returned without a name": Case("python", "work.bad_type"),
    "bad metric": Case("python", "work.bad_metric", fails=True, more={"returns": [{"name": "m", "kind": "metric"}]}),
    "bad object": Case("python", "work.bad_metric", fails=True, more={"returns": [{"name": "o", "kind": "object"}]}),
    "bad with a timeout": Case("python", "work.bad_sets_anyway", fails=True, more={"timeout": 30}),
    "dies with a timeout": Case("python", "work.bad_dies", fails=True, more={"timeout": 30}),
    "bad twice": Case("python", "work.bad_raises", fails=True, more={"max_attempts": 2}),
    "missing": Case("python", "work.missing", fails=True),
    "lambda shows": Case("python-lambda", f"lambda: print({LAMBDA_SECRET})"),
    "lambda raises": Case("python-lambda", f"lambda: int({LAMBDA_SECRET})", fails=True),
    "lambda returns": Case("python-lambda", f"lambda: {{'a': {LAMBDA_SECRET}}}", fails=True),
    "shell shows": Case("shell", f'set -x; echo "$PLAIN"; printf "%s" "$ODD" >&2; {PYTHON_CHILD}; env'),
    "shell in pieces": Case("shell", 'printf %s "${PLAIN:0:7}"; sleep 0.1; printf %s "${PLAIN:7}"'),
    "shell exports it again": Case("shell", 'export PLAIN="$PLAIN"; export MAGNUS_PRM_fine=1'),
    "shell fails": Case("shell", f'echo "$LINES$ODD"; {PYTHON_CHILD}; exit 3', fails=True),
    "shell sets": Case("shell", 'export MAGNUS_PRM_a="$PLAIN"; echo nothing', fails=True),
    "shell tracks": Case("shell", 'export MAGNUS_TRACK_a="$ODD" MAGNUS_TRACK_b_STEP_1="$PLAIN"', fails=True),
    "notebook shows": Case("notebook", "shows.ipynb"),
    "notebook raises": Case("notebook", "raises.ipynb", fails=True),
    "notebook prints a result": Case("notebook", "prints.ipynb", fails=True),
    "notebook returns": Case("notebook", "shows.ipynb", fails=True, more={"returns": ["secret"]}),
    "shell returns": Case("shell", "true", fails=True, more={"returns": ["PLAIN"]}),
}  # fmt: skip
DECLARED_ONLY = {"shell sets", "shell tracks", "shell returns", "shell exports it again"}


def chain(cases, declared):
    """The cases one after the other, whatever becomes of each."""
    steps = {}
    for name, following in zip(cases, [*list(cases)[1:], "success"], strict=True):
        steps[name] = task(name, declared, following)
    return {"start_at": next(iter(steps)), "steps": steps}


def side_by_side(cases, declared):
    branches = {name: {"start_at": name, "steps": {name: task(name, declared, "success")}} for name in cases}
    both = {"type": "parallel", "branches": branches, "next": "success"}
    return {"start_at": "all", "steps": {"all": both}}


def task(name, declared, following):
    case = CASES[name]
    command = {"type": "task", "command_type": case.kind, "command": case.command, "next": following, **case.more}
    return {**command, "on_failure": following, **({"secrets": list(SECRETS)} if declared else {})}


class Folder:
    def __init__(self, path, commands):
        self.commands = commands
        self.path = path / "project"
        self.temporary = path / "tmp"
        for folder in (self.path, self.temporary):
            folder.mkdir()
        self.streams = b""
        (self.path / "work.py").write_text(WORK)
        (self.path / ".env").write_text(DOTENV)
        for name, source in NOTEBOOKS.items():
            (self.path / f"{name}.ipynb").write_text(json.dumps(notebook(source)))

    def write(self, dag, executor, secrets):
        services = {"executor": {"type": "local", "config": executor}, "secrets": secrets}
        (self.path / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
        (self.path / "p.yaml").write_text(json.dumps({"dag": dag}))

    def magnus(self, *arguments, status=(0, 1), **environment):
        environment = {**kept(), "TMPDIR": str(self.temporary), **environment}
        done = self.commands(*arguments, cwd=self.path, env=environment)
        assert done.returncode in status, done.stderr
        self.streams += (done.stdout + done.stderr).encode()
        return done

    def log(self):
        return json.loads(self.magnus("show", "mine", "--json").stdout)

    def shown(self):
        """The lines of files in which the canary is."""
        files = [file for file in self.path.rglob("*") if file.is_file() and file.name != ".env"]
        lines = (line for file in files for line in file.read_bytes().splitlines())
        return "\n".join(sorted({repr(line[:400]) for line in lines if CANARY.encode() in line}))

    def places(self):
        """Every file, and stream, in which the canary is."""
        files = [file for folder in (self.path, self.temporary) for file in folder.rglob("*") if file.is_file()]
        found = [file.name for file in files if CANARY.encode() in file.read_bytes()]
        found += [f"the name {file}" for file in files if CANARY in str(file)]
        streams = [line for line in self.streams.splitlines() if CANARY.encode() in line]
        return sorted({*found} - {".env"}), streams


@pytest.fixture
def folder(tmp_path, commands):
    return Folder(tmp_path, commands)


def logs(folder):
    return "\n".join(file.read_text() for file in folder.path.rglob("*.log"))


def check(folder, log_steps, cases):
    places = folder.places()
    assert places == ([], []), folder.shown()
    assert {name: log_steps[name]["status"] for name in cases} == {
        name: "FAIL" if CASES[name].fails else "SUCCESS" for name in cases
    }
    assert logs(folder).count("*****") > 50


@pytest.mark.parametrize("workers", [False, True], ids=["in process", "in workers"])
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "by get_secret"])
def test_it_lands_nowhere(folder, declared, workers):
    cases = [name for name in CASES if declared or name not in DECLARED_ONLY]
    shape = side_by_side if workers else chain
    executor = {"enable_parallel": True, "max_workers": 2} if workers else {}
    folder.write(shape(cases, declared), executor, {"type": "dotenv"})
    folder.magnus("execute", "p.yaml", "--run-id", "mine", status=(0,))
    steps = folder.log()["steps"]
    if workers:
        steps = {name: branch["steps"][name] for name, branch in steps["all"]["branches"].items()}
    check(folder, steps, cases)
    assert "'PLAIM'" in steps["missing"]["message"]
    assert "did you mean 'PLAIN'?" in steps["missing"]["message"]
    assert "may not set the parameter 'a'" in steps["bad sets"]["message"]
    assert "may not set the metric 'm'" in steps["bad metric"]["message"]


def test_it_lands_nowhere_when_every_step_is_a_process(folder):
    cases = list(CASES)
    environment = {f"MY_{name}_SECRET": value for name, value in SECRETS.items()}
    secrets = {"type": "env-secrets-manager", "config": {"prefix": "MY_", "suffix": "_SECRET"}}
    folder.write(chain(cases, declared=True), {}, secrets)
    for name in [*cases, "success"]:
        folder.magnus("execute_single_node", "mine", name, "-f", "p.yaml", **environment)
    check(folder, folder.log()["steps"], cases)


def test_a_secret_of_one_worker_is_masked_in_the_others(folder, tmp_path):
    outside = tmp_path / "outside"
    (folder.path / "sharing.py").write_text(
        "import os, time, magnus\n"
        f"FILE = {str(outside)!r}\n"
        "def obtain():\n"
        "    text = magnus.get_secret('PLAIN')\n"
        "    with open(FILE + '.new', 'w') as file: file.write(text)\n"
        "    os.rename(FILE + '.new', FILE)\n"
        "def wait():\n"
        "    while not os.path.exists(FILE): time.sleep(0.01)\n"
        "def show(x):\n"
        "    print(open(FILE).read())\n"
        "    time.sleep(0.2)\n"
        "    return {'pid': os.getpid()}\n"
    )

    def one(name, following="success"):
        return {"type": "task", "command": f"sharing.{name}", "next": following}

    branches = {name: {"start_at": name, "steps": {name: one(name)}} for name in ("obtain", "wait")}
    steps = {
        "both": {"type": "parallel", "branches": branches, "next": "map"},
        "map": {
            "type": "map",
            "iterate_on": "xs",
            "iterate_as": "x",
            "branch": {"start_at": "show", "steps": {"show": one("show")}},
            "next": "success",
        },
    }
    folder.write({"start_at": "both", "steps": steps}, {"enable_parallel": True, "max_workers": 2}, {"type": "dotenv"})
    folder.magnus("execute", "p.yaml", "--run-id", "mine", "--xs", "[1, 2, 3, 4]", status=(0,))
    assert len(set(folder.log()["parameters"]["pid"])) == 2
    assert folder.places() == ([], [])
    assert logs(folder).count("*****\n") == 4


def test_the_proof_finds_a_canary_that_did_land(folder):
    """Without a provider nobody knows the value; then it has to be found, or the search proves nothing."""
    steps = {"a": {"type": "task", "command_type": "shell", "command": "cat .env; false", "next": "success"}}
    folder.write({"start_at": "a", "steps": steps}, {}, {"type": "do-nothing"})
    folder.magnus("execute", "p.yaml", "--run-id", "mine", status=(1,))
    files, streams = folder.places()
    assert {"a.log", "mine.json", "mine.jsonl"} <= set(files)
    assert streams
