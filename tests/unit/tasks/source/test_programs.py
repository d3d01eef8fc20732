"""Files that programs of a shell command run or load are its code, whatever they are called; other files are not."""

import pytest

from magnus.graph.nodes import TaskSpec
from magnus.tasks.shell import ShellTask
from magnus.tasks.source.programs import python_of_program

LOADED = {
    # command: the files, the one that is changed last
    "bash job --fast": ["job"],
    "bash -eu -o pipefail job": ["job"],
    "sh < job": ["job"],
    ". ./job; echo $X": ["job"],
    "echo 1 && source 'job'": ["job"],
    "X=1 nohup bash job": ["job"],
    "cat job | bash": ["job"],
    "cat job | tr a b | sh -s": ["job"],
    "zsh job.zsh": ["job.zsh"],
    "cd inner && bash job": ["inner/job"],
    "bash outer.sh": ["outer.sh:. ./job", "job"],
    "make all": ["Makefile:include rules", "rules"],
    "make -C inner all": ["inner/Makefile"],
    "make -f build all": ["build"],
    "make --makefile=build": ["build"],
    "sed -f program data": ["program"],
    "jq --from-file program data": ["program"],
    "awk -fprogram data": ["program"],
    "psql -f query": ["query"],
    "Rscript x.R": ["x.R:source('lib.R')", "lib.R"],
    "node x.js": ["x.js:require('./lib')", "lib.js"],
    "perl x.pl": ["x.pl:require './lib.pm'", "lib.pm"],
    "gcc x.c -o x": ['x.c:#include "lib.h"', "lib.h"],
}
READ = ["wc job", "grep -f job other", "rm -f job", "bash -c 'wc job'", "bash script job", "tail -f job", "cat > job"]


def code(folder, command):
    [found] = ShellTask().inputs([TaskSpec("shell", command)], folder)
    return found.code


@pytest.mark.parametrize(("command", "files"), LOADED.items(), ids=LOADED)
def test_a_file_that_a_program_loads_is_code(tmp_path, command, files):
    for file in files:
        name, _, text = file.partition(":")
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text or "1\n")
    before = code(tmp_path, command)
    (tmp_path / name).write_text("2\n")
    assert code(tmp_path, command) != before


@pytest.mark.parametrize("command", READ)
def test_a_file_that_a_program_reads_is_no_code(tmp_path, command):
    (tmp_path / "job").write_text("1\n")
    (tmp_path / "script").write_text("1\n")
    before = code(tmp_path, command)
    (tmp_path / "job").write_text("2\n")
    assert code(tmp_path, command) == before


def test_an_entry_point_of_the_project_is_followed(tmp_path, monkeypatch):
    program = tmp_path / "bin/train"
    program.parent.mkdir()
    program.write_text("#!/usr/bin/python3\nimport sys\nfrom work.cli import main\nsys.exit(main())\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    python_of_program.cache_clear()
    (tmp_path / "work").mkdir()
    (tmp_path / "work/__init__.py").touch()
    (tmp_path / "work/cli.py").write_text("def main(): return 1\n")
    before = code(tmp_path, "train --fast")
    (tmp_path / "work/cli.py").write_text("def main(): return 22\n")
    assert "work/cli.py:main" in before
    assert code(tmp_path, "train --fast") != before
    python_of_program.cache_clear()
