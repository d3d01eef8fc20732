"""The program that stops the processes of a killed run, and leaves a run alone that still runs."""

import os
import subprocess
import sys
import time

import pytest
from safety_net import LONGEST_SECONDS

from magnus.system import descendants

RUN = """
import os, subprocess, sys
folder = f"{sys.argv[1]}/magnus-{os.getpid()}-abcd"
os.mkdir(folder)
opened = os.open(f"{folder}/mark", os.O_RDONLY | os.O_CREAT)
child = subprocess.Popen(["sleep", "600"], env={"MAGNUS_STEP_CHANNEL": f"{folder}/socket", "MAGNUS_RUN_ID": "r", "PATH": os.environ["PATH"]})
print(folder, flush=True)
child.wait()
print("ended", flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which processes are of a run")
def test_a_run_whose_pipe_closes_early_is_left_alone_until_it_is_gone(tmp_path):
    run = subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    folder = run.stdout.readline().strip()
    program = [sys.executable, "-I", "-S", descendants.__file__, folder]
    guard = subprocess.Popen(program, stdin=subprocess.PIPE, start_new_session=True)
    guard.stdin.close()
    for _ in range(40):  # it would have stopped the run within the first of them
        time.sleep(0.05)
        assert guard.poll() is None
        assert run.poll() is None
    run.kill()
    run.communicate()
    assert guard.wait(LONGEST_SECONDS) == 0
    assert descendants.alive(descendants.of_folder(folder)) == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which processes are of a run")
@pytest.mark.parametrize("old_kernel", [False, True])
def test_a_run_is_over_when_its_process_is_gone_though_another_has_its_pipe(tmp_path, old_kernel):
    """As a process has that C code forked from the run."""
    run = subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    folder = run.stdout.readline().strip()
    without = "del os.pidfd_open; " if old_kernel else ""
    program = f"import os, runpy, sys; {without}runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    guard = subprocess.Popen([sys.executable, "-c", program, descendants.__file__, folder], stdin=subprocess.PIPE)
    with guard.stdin:
        run.kill()
        run.communicate()
        assert guard.wait(LONGEST_SECONDS) == 0
    assert descendants.alive(descendants.of_folder(folder)) == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which processes are of a run")
def test_a_process_that_has_the_folder_of_a_run_open_is_not_of_the_run(tmp_path):
    """As one that removes what the run left."""
    (tmp_path / "mark").touch()
    program = "import os, sys; opened = os.open(sys.argv[1], os.O_RDONLY); print(flush=True); input()"
    opened = {}
    for name in (".", "mark"):
        argv = [sys.executable, "-c", program, str(tmp_path / name)]
        opened[name] = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        opened[name].stdout.readline()
    try:
        assert descendants.alive(descendants.of_folder(str(tmp_path))) == [opened["mark"].pid]
    finally:
        for process in opened.values():
            process.communicate("")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which processes are of a run")
def test_a_run_that_has_the_number_of_a_lost_run_is_not_taken_for_what_the_lost_one_left(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    other.stdout.readline()
    folder = tmp_path / f"magnus-{other.pid}-0000"
    folder.mkdir()
    (folder / "mark").touch()
    program = "import os, sys; opened = os.open(sys.argv[1], os.O_RDONLY); print(flush=True); input()"
    of_lost = {"MAGNUS_STEP_CHANNEL": f"{folder}/channel#0", "MAGNUS_RUN_ID": "r"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    left = [
        subprocess.Popen([sys.executable, "-c", program, file], env=environment, **pipes)
        for file, environment in ((folder / "mark", {}), (os.devnull, of_lost))
    ]
    try:
        for process in left:
            process.stdout.readline()
        found = descendants.alive(descendants.of_lost_run("r", other.pid))
        assert found == sorted(process.pid for process in left)
    finally:
        for process in left:
            process.communicate("")
        descendants.end(descendants.of_folder(str(tmp_path / f"magnus-{other.pid}-abcd")))
        other.communicate()
