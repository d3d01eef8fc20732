"""Options of the executor `slurm`: forms in which they are written, their flags, and what is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magnus.definition import fields
from magnus.definition.wrong_fields import WrongFields
from magnus.executors.slurm import SlurmExecutor
from magnus.executors.slurm.options import SlurmOptions, flags, lines, of_step
from magnus.executors.slurm.words import Flag, Gpus, Size, TimeLimit, Word

TIMES = {
    90: 90,
    "90": 90,
    "0": 0,
    "30:00": 30,
    "2:00:00": 120,
    "2:00:01": 121,
    "1-12": 36 * 60,
    "1-12:30": 36 * 60 + 30,
    "1-12:30:15": 36 * 60 + 31,
    "2h": 120,
    "2h30m": 150,
    "1d": 24 * 60,
    "90m": 90,
    "0:59": 1,
    "UNLIMITED": 0,
}
SIZES = {4000: 4000, "4000": 4000, "512m": 512, "16G": 16384, "16GB": 16384, "16 Gi": 16384, "1.5T": 1572864, 0: 0}


def test_a_tilde_is_the_home_of_the_user(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    options = SlurmOptions(log_folder="~/logs of jobs", shared_folders=(".", "~", "/scratch/~me"))
    capabilities = SlurmExecutor.capabilities(options)
    assert capabilities.keeps == ("/home/me/logs of jobs",)
    assert capabilities.shares == (".", "/home/me", "/scratch/~me")


@pytest.mark.parametrize(("written", "minutes"), TIMES.items())
def test_times_are_whole_minutes(written, minutes):
    assert TimeLimit.read(written) == minutes


@pytest.mark.parametrize(
    "written", ["", "soon", "1:2:3:4", "-5", -5, 1.5, True, None, "1-", "2 hours", "1h1d", "1:200"]
)
def test_other_times_are_refused(written):
    with pytest.raises(ValueError, match="must be a time limit such as 90"):
        TimeLimit.read(written)


@given(st.integers(0, 100), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_time_covers_what_is_written(days, hours, minutes, seconds):
    exact = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    read = TimeLimit.read(f"{days}-{hours:02}:{minutes:02}:{seconds:02}")
    assert exact <= read * 60 < exact + 60


@pytest.mark.parametrize(("written", "mebibytes"), SIZES.items())
def test_sizes_are_mebibytes(written, mebibytes):
    size = Size.read(written)
    assert (size, str(size)) == (mebibytes, f"{mebibytes}M")


@pytest.mark.parametrize("written", ["", "much", "-1G", True, None, 1.5, "100K", "1P"])
def test_other_sizes_are_refused(written):
    with pytest.raises(ValueError, match="must be an amount of memory such as 4000M or 16G"):
        Size.read(written)


@pytest.mark.parametrize("written", ["a b", "--array", "", None, True, "a\nb", ["a"]])
def test_names_have_no_spaces(written):
    with pytest.raises(ValueError, match="must be a name without spaces"):
        Word.read(written)


@pytest.mark.parametrize("written", [1, "2", "a100:2", "a100:1,v100:2", "nvidia_a100-80gb:1"])
def test_gpus(written):
    assert Gpus.read(written) == str(written)


@pytest.mark.parametrize("written", ["a100", "two", -1, True, "a:b:1"])
def test_other_gpus_are_refused(written):
    with pytest.raises(ValueError, match="must be a number of GPUs"):
        Gpus.read(written)


@pytest.mark.parametrize(
    "written", ["--exclusive", "--mail-type=FAIL,END", "--hold", "--nodelist=n1", "--gpus-per-node=2"]
)
def test_free_flags(written):
    assert Flag.read(written) == written


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("-p", "in its long form"),
        ("--mail-type FAIL", "in its long form"),
        ("exclusive", "in its long form"),
        (7, "in its long form"),
        ("--partition=x", "that is the option 'partition'"),
        ("--mem-per-cpu=1G", "that is the option 'mem_per_cpu'"),
        ("--no-requeue", "that is the option 'requeue'"),
        ("--array=1-3", "magnus itself sets --array"),
        ("--arr=1-3", "magnus itself sets --array"),
        ("--job-name=mine", "magnus itself sets --job-name"),
        ("--wrap=true", "magnus itself sets --wrap"),
    ],
)
def test_flags_that_are_not_free(written, words):
    with pytest.raises(ValueError, match=words):
        Flag.read(written)


def read(**written):
    return fields.read(SlurmOptions, written)


def test_options_are_flags_of_sbatch():
    options = read(
        partition="gpu,cpu",
        account=12345,
        qos="high",
        time="2h",
        mem="16G",
        cpus_per_task=4,
        gpus=1,
        gres="license:2",
        constraint="a100&ib",
        nodes=2,
        reservation="class",
        requeue=False,
        extra=["--exclusive"],
    )
    assert flags(of_step(options, "")) == [
        "--partition=gpu,cpu",
        "--account=12345",
        "--qos=high",
        "--time=120",
        "--mem=16384M",
        "--cpus-per-task=4",
        "--gpus=1",
        "--gres=license:2",
        "--constraint=a100&ib",
        "--nodes=2",
        "--reservation=class",
        "--no-requeue",
        "--exclusive",
    ]
    assert flags(of_step(read(), "")) == []


def test_an_override_replaces_options_and_adds_flags_and_lines():
    options = read(
        partition="cpu",
        mem="8G",
        setup="module load python",
        extra=["--exclusive"],
        overrides={
            "big": {"mem_per_cpu": "4G", "setup": ["module load cuda"], "extra": ["--hold"], "requeue": True},
            "same": {},
        },
    )
    big = of_step(options, "big")
    assert flags(big) == ["--partition=cpu", "--mem-per-cpu=4096M", "--requeue", "--exclusive", "--hold"]
    assert lines(big) == ("module load python", "module load cuda")
    assert of_step(options, "same") == of_step(options, "") == of_step(options, "none")


@pytest.mark.parametrize(
    ("written", "path", "message"),
    [
        ({"mem": "1G", "mem_per_cpu": "1G"}, ("mem_per_cpu",), "'mem' and 'mem_per_cpu' are both set"),
        (
            {"overrides": {"a": {"mem": "1G", "mem_per_cpu": "1G"}}},
            ("overrides", "a", "mem_per_cpu"),
            "'mem' and 'mem_per_cpu' are both set",
        ),
        ({"clusters": "a,b"}, ("clusters",), "'a,b' are several clusters"),
        (
            {"container": {"kind": "pyxis", "image": "x", "mounts": ["data"]}},
            ("container", "mounts", 0),
            "'data' is no folder of a node",
        ),
        (
            {"overrides": {"a": {"container": {"kind": "pyxis", "image": "x", "mounts": ["/a", "/b,/c"]}}}},
            ("overrides", "a", "container", "mounts", 1),
            "'/b,/c' has a comma, at which Pyxis splits it",
        ),
        ({"time": "soon"}, ("time",), "time must be a time limit such as 90 (minutes)"),
        (
            {"overrides": {"a": {"mem": "much"}}},
            ("overrides", "a", "mem"),
            "overrides.a.mem must be an amount of memory",
        ),
        ({"extra": ["--hold", "--array=1-3"]}, ("extra", 1), "extra.1 must be a flag that magnus leaves to you"),
        ({"partitoin": "x"}, ("partitoin",), "unknown field 'partitoin'"),
        (
            {"container": {"kind": "docker", "image": "x"}},
            ("container", "kind"),
            "container.kind must be 'apptainer' or",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(written, path, message):
    with pytest.raises(WrongFields) as caught:
        read(**written)
    [complaint] = caught.value.complaints
    assert complaint.path == path
    assert complaint.message.startswith(message)
    assert complaint.fix
    json.dumps(complaint.path)
