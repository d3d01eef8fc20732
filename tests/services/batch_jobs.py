"""Runs the jobs of moto's AWS Batch: each in a container of a Docker engine, or as a process of this machine.

Either way a job has the command, the environment and the secrets that AWS Batch would give it, and variables that stand for
its role. As a process it works in a fresh copy of the folder that stands for its image. A file in the
folder `running` says of each job that runs what and where it is, so that tests can end it; what jobs print is in `logs`.
"""

import functools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import quote

import forked

GRACE_SECONDS = 30.0
"""What a job has between SIGTERM and SIGKILL, as with AWS Batch."""
PAUSE_SECONDS = 0.02
AROUND = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_ALLOW_HTTP": "true"}
"""What the role of a job stands for."""


@contextmanager
def runner(mode, folder, address, client):
    """Runs jobs in this mode."""
    for name in ("running", "logs"):
        Path(folder, name).mkdir()
    with Processes(Path(folder)) if mode == "processes" else Containers(Path(folder)) as place:
        yield Jobs(Path(folder), place, address, client)


class Jobs:
    """Runs a job with its attempts."""

    def __init__(self, folder, place, address, client):
        self.folder, self.place, self.address, self.client = folder, place, address, client

    def run(self, job):
        strategy = job.job_definition.retry_strategy or {}
        for attempt in range(1, int(strategy.get("attempts", 1)) + 1):
            job.job_started_at = datetime.now()  # noqa: DTZ005 - as moto has it
            job._start_attempt()
            try:
                code, reason = self.attempt(job, attempt)
            except Exception as error:  # noqa: BLE001 - as a job whose container cannot start
                code, reason = None, f"{type(error).__name__}: {error}"
            job.exit_code = code
            job.job_stopped_reason = reason
            job.latest_attempt["container"]["exitCode"] = code
            job.latest_attempt["statusReason"] = reason
            if code == 0 or job.stop or not runs_again(strategy, code, reason):
                break
        job._mark_stopped(success=code == 0 and not job.stop)

    def attempt(self, job, number):
        """The exit status and the reason."""
        told = self.folder / "running" / f"{job.job_id}.json"
        command = job._add_parameters_to_command(job._get_container_property("command", []))
        image = job.job_definition.container_properties["image"]
        log = self.folder / "logs" / f"{job.job_id}-{number}"
        seconds = job._get_attempt_duration()
        deadline = time.monotonic() + seconds if seconds else None
        with self.place.started(image, command, self.environment(job, number), log) as started:
            told.with_suffix(".new").write_text(json.dumps({"id": job.job_id, "command": command, "at": started.at}))
            told.with_suffix(".new").rename(told)
            while (code := started.wait()) is None:
                if job.stop or (deadline and time.monotonic() > deadline):
                    started.end()
        reason = told.with_suffix(".reason")
        told.unlink()
        if reason.exists():
            return code, reason.read_text()
        if deadline and time.monotonic() > deadline:
            return code, "Job attempt duration exceeded timeout"
        return code, job.job_stopped_reason if job.stop else "Essential container in task exited"

    def environment(self, job, number):
        properties = job.job_definition.container_properties
        given = {one["name"]: one["value"] for one in job._get_container_property("environment", [])}
        secrets = {one["name"]: self.secret(one["valueFrom"]) for one in properties.get("secrets", [])}
        around = {**AROUND, "AWS_ENDPOINT_URL": self.address, "AWS_BATCH_JOB_ATTEMPT": str(number)}
        return {**around, **given, **secrets}

    def secret(self, source):
        """The value at the ARN: of Secrets Manager, where the name of a field may follow, or of the parameter store."""
        parts = source.split(":")
        if parts[2] == "ssm":
            name = source.partition(":parameter")[2]
            return self.client("us-east-1", "ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        manager = self.client("us-east-1", "secretsmanager")
        text = manager.get_secret_value(SecretId=":".join(parts[:7]))["SecretString"]
        return json.loads(text)[parts[7]] if len(parts) > 7 and parts[7] else text


def runs_again(strategy, code, reason):
    """Whether the first rule that applies says so; https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html"""
    for rule in strategy.get("evaluateOnExit", []):
        patterns = (rule.get("onExitCode", "*"), rule.get("onStatusReason", "*"), rule.get("onReason", "*"))
        if all(map(fnmatchcase, (str(code), reason, ""), patterns)):
            return rule["action"].upper() == "RETRY"
    return True


class Processes:
    """Runs jobs as processes; commands of magnus in forks of one that has loaded it."""

    def __init__(self, folder):
        self.images = folder / "images"
        self._lock = threading.Lock()

    def __enter__(self):
        self._server_context = forked.server(forked.kept())
        self._server = self._server_context.__enter__()
        return self

    def __exit__(self, *error):
        self._server_context.__exit__(*error)

    @contextmanager
    def started(self, image, command, environment, log):
        with tempfile.TemporaryDirectory(prefix="job-", ignore_cleanup_errors=True) as folder:
            place, own = Path(folder, "project"), Path(folder, "tmp")
            shutil.copytree(self.images / quote(image, safe=""), place)
            own.mkdir()
            everything = {**forked.kept(), "TMPDIR": str(own), **environment}
            with log.open("wb") as output:
                process = self._fork(command, place, everything, output)
            try:
                yield process
            finally:
                process.close()

    def _fork(self, command, place, environment, output):
        if command[:1] == ["magnus"]:
            return Fork(self._server, self._lock, command[1:], place, environment, output)
        programs = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
        return Child(command, place, {**environment, "PATH": programs}, output)


class Child:
    """A job that is a child of this process."""

    def __init__(self, command, place, environment, output):
        options = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        self._process = subprocess.Popen(command, cwd=place, env=environment, **options)
        self.at = self._process.pid
        self._deadline = None

    def wait(self):
        """The exit status, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(PAUSE_SECONDS)
            return 128 - code if code < 0 else code
        return None

    def end(self):
        self._deadline = ask_to_end(self.at, self._deadline)

    def close(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


class Fork:
    """A job that is a fork of the process that has loaded magnus."""

    def __init__(self, server, lock, arguments, place, environment, output):
        read, written = os.pipe()
        request = os.memfd_create("request")
        with open(request, "w", closefd=False) as file:
            json.dump([arguments, str(place), environment], file)
        with lock:
            forked.socket.send_fds(server, [b"."], [request, output.fileno(), output.fileno(), written])
        os.close(request)
        os.close(written)
        self._told, self._said = read, b""
        while b" " not in self._said:
            self._said += os.read(read, 64)
        self.at = int(self._said.split()[0])
        self._deadline = None

    def wait(self):
        """The exit status, or None while it runs."""
        while select.select([self._told], [], [], PAUSE_SECONDS)[0]:
            if not (more := os.read(self._told, 64)):
                code = int(self._said.split()[1])
                return 128 - code if code < 0 else code
            self._said += more
        return None

    def end(self):
        self._deadline = ask_to_end(self.at, self._deadline)

    def close(self):
        os.close(self._told)


def ask_to_end(pid, deadline):
    """Send SIGTERM the first time, which gives the deadline, and SIGKILL behind it."""
    with suppress(ProcessLookupError):
        if deadline is None:
            os.kill(pid, signal.SIGTERM)
            return time.monotonic() + GRACE_SECONDS
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
    return deadline


class Containers:
    """Runs jobs in containers, on the network of this machine, where the server is."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._engine.close()

    @functools.cached_property
    def _engine(self):
        import docker

        return docker.from_env()

    @contextmanager
    def started(self, image, command, environment, log):
        container = self._engine.containers.run(
            image, command, environment=environment, network_mode="host", detach=True
        )
        try:
            yield Container(container)
        finally:
            log.write_bytes(container.logs())
            container.remove(force=True)


class Container:
    """A job in a container."""

    def __init__(self, container):
        self._container, self.at = container, container.id
        self._deadline = None

    def wait(self):
        """The exit status, or None while it runs."""
        self._container.reload()
        state = self._container.attrs["State"]
        if state["Status"] in {"created", "running"}:
            time.sleep(PAUSE_SECONDS)
            return None
        return state["ExitCode"]

    def end(self):
        if self._deadline is None:
            self._container.kill("SIGTERM")
            self._deadline = time.monotonic() + GRACE_SECONDS
        elif time.monotonic() > self._deadline:
            self._container.kill()
