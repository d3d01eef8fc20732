"""A cluster of Slurm with one node on this machine: its two daemons are those of Debian's package, and run as the user of the tests.

The daemons are started, killed and ended by their pids. Ports are free ones. Times are as short as Slurm allows.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from safety_net import LONGEST_SECONDS

GRACE_SECONDS = 60
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
CONFIGURATION = """\
ClusterName=tests
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=500
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,sched_min_interval=0,bf_interval=1,batch_sched_delay=0,defer_batch
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
JobRequeue=1
KillWait=2
MinJobAge={min_job_age}
MaxArraySize={max_array_size}
NodeName=localhost NodeAddr=127.0.0.1 CPUs=6 RealMemory=6000 State=UNKNOWN
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
PartitionName=debug Nodes=ALL Default=YES MaxTime=2:00:00 State=UP
PartitionName=closed Nodes=ALL State=DOWN
PartitionName=low Nodes=ALL PriorityTier=1
PartitionName=high Nodes=ALL PriorityTier=10 PreemptMode=OFF
"""


def missing():
    """The reason why no cluster can be started; "" where it can."""
    absent = [program for program in PROGRAMS if shutil.which(program) is None and not _in_sbin(program)]
    return f"no {absent[0]} is installed: apt-get install slurm-wlm" if absent else ""


def _in_sbin(program):
    """The path of a daemon, which may not be on the PATH of a user."""
    file = Path("/usr/sbin") / program
    return str(file) if file.exists() else ""


class Cluster:
    """A cluster in a folder. `environment` has what its commands need."""

    def __init__(self, folder: Path, *, min_job_age=300, max_array_size=1001) -> None:
        self.folder = folder
        self.file = folder / "slurm.conf"
        self.environment = {"SLURM_CONF": str(self.file)}
        self._programs = {program: shutil.which(program) for program in PROGRAMS}
        for name in ("state", "spool"):
            (folder / name).mkdir()
        controller_port, node_port = free_ports(2)
        self.file.write_text(
            CONFIGURATION.format(
                folder=folder,
                user=pwd.getpwuid(os.getuid()).pw_name,
                controller_port=controller_port,
                node_port=node_port,
                min_job_age=min_job_age,
                max_array_size=max_array_size,
            )
        )

    def start(self):
        self.start_controller("-c")
        self._start("slurmd", "-N", "localhost")
        self.until(lambda: self.command("sinfo", "-h", "-p", "debug", "-o", "%T") == "idle")

    def start_controller(self, *more):
        """Start the controller, with the state that one before it left unless `more` says that it is new."""
        self._start("slurmctld", *more)
        self.until(lambda: self.command("scontrol", "ping").endswith("UP"))

    def stop_controller(self):
        """Stop the controller; it writes its state."""
        self._end("slurmctld")

    def stop(self):
        """End all jobs and both daemons."""
        if self.pid("slurmctld"):
            self.command("scancel", "--user", str(os.getuid()))
            self.until(lambda: self.command("squeue", "-h", "-o", "%i") == "")
        self._end("slurmd")
        self._end("slurmctld")

    def pid(self, daemon):
        """The number of the process; 0 when it does not run."""
        try:
            number = int((self.folder / f"{daemon}.pid").read_text())
            return number if daemon in Path(f"/proc/{number}/comm").read_text() else 0
        except (OSError, ValueError):
            return 0

    def _start(self, program, *arguments):
        """Start a daemon, which is no child of this process."""
        argv = [_in_sbin(program) or program, "-f", str(self.file), *arguments]
        done = subprocess.run(argv, cwd=self.folder, stdin=-3, stdout=-3, stderr=-3, timeout=LONGEST_SECONDS)
        assert done.returncode == 0, self.logs()

    def _end(self, daemon):
        if number := self.pid(daemon):
            os.kill(number, signal.SIGINT)
            deadline = time.monotonic() + LONGEST_SECONDS
            while self.pid(daemon):
                assert time.monotonic() < deadline, self.logs()
                time.sleep(0.05)

    def command(self, program, *arguments):
        """The output of a command of Slurm; "" where it failed. A wrapper on the PATH does not count it."""
        done = subprocess.run(
            [self._programs[program], *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    def jobs(self, fields="%i %T"):
        """A line for each job that waits or runs."""
        return self.command("squeue", "-h", "--array", "-o", fields).splitlines()

    def is_on_node(self, job):
        """Whether the node still has files of the job: its processes, or what ends with them, are there."""
        spool = self.folder / "spool"
        return (spool / f"job{int(job):05}").exists() or any(spool.glob(f"localhost_{job}.*"))

    @contextmanager
    def drained(self):
        """The node starts no jobs meanwhile."""
        self.command("scontrol", "update", "nodename=localhost", "state=drain", "reason=test")
        yield
        self.command("scontrol", "update", "nodename=localhost", "state=resume")

    def ends_its_jobs(self):
        """Whether no job is left soon; what is left is cancelled."""
        deadline = time.monotonic() + GRACE_SECONDS
        while (left := self.jobs()) and time.monotonic() < deadline:
            time.sleep(0.05)
        if left:
            self.command("scancel", "--user", str(os.getuid()))
            self.until(lambda: not self.jobs())
        return not left

    def until(self, holds):
        """Wait for a condition."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while not holds():
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.05)

    def logs(self):
        """The ends of the logs of the daemons."""
        files = [self.folder / name for name in ("slurmctld.log", "slurmd.log")]
        return "\n".join(file.read_text(errors="replace")[-3000:] for file in files if file.exists())


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@contextmanager
def running(**options):
    """A cluster of its own; where Slurm is not installed the test is skipped, but not in CI."""
    if reason := missing():
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with TemporaryDirectory(prefix="slurm-") as folder:
        cluster = Cluster(Path(folder), **options)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@contextmanager
def counted(folder: Path, *, banner=""):
    """A folder for PATH with commands that note each call in `calls`, and print a banner before their output."""
    folder.mkdir()
    calls = folder / "calls"
    calls.touch()
    for name in ("sbatch", "squeue", "scancel", "scontrol"):
        real = shutil.which(name)
        say = f"echo {banner!r}\n" if banner else ""
        (folder / name).write_text(f'#!/bin/bash\necho "{name} $*" >>{calls}\n{say}exec {real} "$@"\n')
        (folder / name).chmod(0o755)
    yield calls
