"""`magnus ui` as a process: how it starts, what it needs, and how it ends."""

import http.client
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from safety_net import LONGEST_SECONDS

PIPELINE = "dag: {start_at: one, steps: {one: {type: stub, next: success}}}\n"


@pytest.fixture
def project(tmp_path):
    (tmp_path / "p.yaml").write_text(PIPELINE)
    command = [sys.executable, "-m", "magnus", "execute", "p.yaml", "--run-id", "calm-abel"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def start(folder, *arguments, program=("-m", "magnus")):
    process = subprocess.Popen(
        [sys.executable, *program, "ui", "--port", "0", *arguments], cwd=folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    return process, process.stdout.readline().strip()


@contextmanager
def asking(url, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(url).port, timeout=LONGEST_SECONDS)
    try:
        connection.request("GET", path, headers=headers)
        with connection.getresponse() as answer:
            yield answer
    finally:
        connection.close()


def get(url, path, **headers):
    """The status, a header getter and the body."""
    with asking(url, path, **headers) as answer:
        return answer.status, answer.getheader, answer.read()


def end(process, number=signal.SIGINT):
    process.send_signal(number)
    _, said = process.communicate(timeout=LONGEST_SECONDS)
    return process.returncode, said


def refused(folder, *arguments, program=("-m", "magnus")):
    done = subprocess.run(
        [sys.executable, *program, "ui", *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=LONGEST_SECONDS,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_also_while_pages_are_open(project, number, status):
    process, url = start(project)
    assert url == f"http://127.0.0.1:{urlsplit(url).port}/"
    with asking(url, "/runs.events") as events, asking(url, "/run?id=calm-abel") as page, asking(url, "/") as unread:
        assert events.readline() == b"retry: 1000\n"
        assert b"calm-abel" in page.read()
        returned, said = end(process, number)
        assert (returned, said.strip()) == (status, "Ctrl-C stops it")
        assert unread.status == 200


def test_it_follows_runs_of_other_processes(project):
    process, url = start(project)
    with asking(url, "/runs.events") as events:
        assert events.readline() == b"retry: 1000\n"
        command = [sys.executable, "-m", "magnus", "execute", "p.yaml", "--run-id", "later"]
        subprocess.run(command, cwd=project, check=True, capture_output=True)
        status, header, _ = get(url, "/run?id=latest")
        assert (status, header("location")) == (302, "run?id=later")
    assert end(process)[0] == 0


def test_another_host_needs_the_token_of_the_url(project):
    process, url = start(project, "--host", "0.0.0.0")
    token = urlsplit(url).query
    assert len(token) > len("token=") + 30
    assert get(url, "/")[0] == 403
    status, header, _ = get(url, f"/?{token}")
    assert status == 200
    assert get(url, "/", Cookie=header("set-cookie").partition(";")[0])[0] == 200
    status, said = end(process)
    assert (status, token.partition("=")[2] in said) == (0, False)


def test_a_port_in_use_is_one_clear_error(project):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        status, said = refused(project, "--port", port)
    assert status == 2
    assert said == (
        f"error: port {port} of '127.0.0.1' is in use\n"
        "  fix: end the program that uses it, or choose another port; --port 0 takes a free one\n"
    )


@pytest.mark.parametrize("host", ["203.0.113.7", "no such name", "x" * 300])
def test_a_host_of_another_machine_is_one_clear_error(project, host):
    status, said = refused(project, "--host", host, "--port", "0")
    assert status == 2
    assert said.startswith(f"error: '{host}' is no ")
    assert "fix: write an address such as 127.0.0.1" in said


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_without_the_extra_the_error_says_what_to_install(project, package):
    program = f"import sys; sys.modules[{package!r}] = None; from magnus.cli.main import main; main()"
    status, said = refused(project, program=("-c", program))
    assert status == 2
    assert said == (
        f"error: magnus ui needs the package '{package}', which is not installed\n  fix: pip install 'magnus[ui]'\n"
    )


def test_no_other_command_loads_the_packages(project):
    program = (
        "import atexit, sys; from magnus.cli.main import main\n"
        "atexit.register(lambda: print(sorted({'starlette', 'uvicorn', 'anyio', 'asyncio'} & {*sys.modules}), file=sys.stderr))\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "runs"], cwd=project, capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_wrong_configuration_is_said_before_the_server_starts(project):
    (project / "c.yaml").write_text("run_log_store: {type: file-sistem}\n")
    status, said = refused(project, "-c", "c.yaml", "--port", "0")
    assert status == 2
    assert "file-system" in said


HANGING = """
import sys, time
from magnus.run_log_stores.file_system import FileSystemRunLogStore

def hang(store):
    with store._open_runs.lock:
        print("hangs", file=sys.stderr, flush=True)
        time.sleep(100_000)

FileSystemRunLogStore.summaries = hang
from magnus.cli.main import main
main()
"""


def test_it_stops_at_once_although_a_store_does_not_answer(project):
    process, url = start(project, program=("-c", HANGING))
    assert get(url, "/favicon.ico")[0] == 204
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(url).port, timeout=LONGEST_SECONDS)
    connection.request("GET", "/")
    assert [process.stderr.readline() for _ in range(2)] == ["Ctrl-C stops it\n", "hangs\n"]
    assert end(process) == (0, "")
    connection.close()


def test_it_writes_nothing(project):
    before = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in project.rglob("*") if file.is_file()}
    process, url = start(project)
    for path in ("/", "/run?id=calm-abel", "/compare?id=calm-abel&id=calm-abel", "/columns.json"):
        assert get(url, path)[0] in {200, 400}
    end(process)
    after = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in project.rglob("*") if file.is_file()}
    assert {file for file in after if ".summaries" not in file.name} == {
        file for file in before if ".summaries" not in file.name
    }
    assert all(after[file] == content for file, content in before.items() if ".summaries" not in file.name)
