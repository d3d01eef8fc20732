"""What a step prints, by whatever way, is captured, masked, kept and shown."""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from magnus.engine.output.capture import OutputCapture
from magnus.engine.secrets.masking import Masker
from magnus.errors import CatalogError


class Kept:
    """A log that is kept in memory and can be read after it was closed."""

    def __init__(self):
        self.data = b""
        self.opened = 0

    def open(self):
        self.opened += 1
        return self

    def write(self, data):
        self.data += data

    def flush(self):
        """Nothing is held back."""

    def close(self):
        pass


def captured(folder: Path, do, masker=None):
    kept, shown = Kept(), []
    with (
        OutputCapture(masker or Masker(), folder) as output_capture,
        output_capture.step(open_log=kept.open, show=shown.append) as output,
    ):
        do()
    assert b"".join(shown) == kept.data
    return kept, output


def test_every_way_of_printing(tmp_path):
    def do():
        print("python")
        print("error", file=sys.stderr)
        os.write(1, b"descriptor\n")
        subprocess.run(["sh", "-c", "echo child; echo child error >&2"], check=True)
        ctypes.CDLL(None).puts(b"library")

    kept, output = captured(tmp_path, do)
    assert sorted(kept.data.decode().splitlines()) == sorted(
        ["python", "error", "descriptor", "child", "child error", "library"]
    )
    assert output.tail == kept.data
    assert list(tmp_path.iterdir()) == []


def test_no_output_opens_no_log(tmp_path):
    kept, _ = captured(tmp_path, lambda: None)
    assert kept.opened == 0


def test_an_extension_that_holds_the_interpreter_lock_cannot_block(tmp_path):
    text = b"x" * 3_000_000
    kept, output = captured(tmp_path, lambda: ctypes.PyDLL(None).write(1, text, len(text)))
    assert kept.data == text
    assert len(output.tail) == 4096


def test_a_process_left_behind_is_not_waited_for_and_does_not_leak(tmp_path):
    left = []

    def do():
        left.append(subprocess.Popen(["sh", "-c", "read line; echo late"], stdin=subprocess.PIPE))
        print("first")

    kept, _ = captured(tmp_path, do)
    assert kept.data == b"first\n"
    with left[0] as process:
        process.communicate(b"go\n")
    assert process.returncode == 0
    assert process.returncode != -signal.SIGPIPE


def test_secrets_are_masked_across_writes(tmp_path):
    masker = Masker()
    masker.add("token", "s3cr3t-value")

    def do():
        os.write(1, b"a s3cr3t-")
        os.write(1, b"value b\n")

    kept, output = captured(tmp_path, do, masker)
    assert kept.data == b"a ***** b\n"
    assert output.tail == kept.data


def test_streams_and_descriptors_are_restored(tmp_path):
    before = (sys.stdout, sys.stderr, os.fstat(1).st_ino, os.fstat(2).st_ino)

    def do():
        print("x")
        raise ValueError("of the step")

    with pytest.raises(ValueError, match="of the step"):
        captured(tmp_path, do)
    assert (sys.stdout, sys.stderr, os.fstat(1).st_ino, os.fstat(2).st_ino) == before


def test_a_log_that_cannot_be_kept_is_said_at_the_end(tmp_path):
    def refuse():
        raise OSError(28, "No space left on device")

    shown = []
    with (
        OutputCapture(Masker(), tmp_path) as output_capture,
        pytest.raises(CatalogError, match=r"the output of the step could not be kept: No space left on device"),
        output_capture.step(open_log=refuse, show=shown.append),
    ):
        print("still shown")
    assert b"".join(shown) == b"still shown\n"


def test_a_viewer_that_fails_does_not_break_the_step(tmp_path):
    def refuse(_data):
        raise RuntimeError("no terminal")

    kept = Kept()
    with OutputCapture(Masker(), tmp_path) as output_capture, output_capture.step(open_log=kept.open, show=refuse):
        print("kept")
    assert kept.data == b"kept\n"


def in_turn(folder, *steps):
    """What each of the steps of one run printed."""
    printed = []
    with OutputCapture(Masker(), folder) as output_capture:
        for do in steps:
            kept = Kept()
            with output_capture.step(open_log=kept.open, show=lambda _: None):
                do()
            printed.append(kept.data)
    return printed


@pytest.mark.parametrize(
    "change",
    [
        lambda: sys.stdout.close(),  # noqa: PLW0108 - looked up when it is called
        lambda: sys.stdout.detach(),  # noqa: PLW0108
        lambda: sys.stdout.reconfigure(encoding="latin-1"),
        lambda: sys.stdout.reconfigure(line_buffering=False),
        lambda: sys.stdout.reconfigure(errors="strict"),
    ],
    ids=["closed", "detached", "encoding", "buffering", "errors"],
)
def test_a_step_that_changes_its_streams_changes_them_for_itself_alone(tmp_path, change):
    settings = []

    def look():
        print("ä\udcff")
        settings.append((sys.stdout.encoding, sys.stdout.errors, sys.stdout.line_buffering))

    printed = in_turn(tmp_path, look, change, look)
    assert printed == ["ä\\udcff\n".encode(), b"", "ä\\udcff\n".encode()]
    assert settings[0] == settings[1]


def test_what_a_step_could_not_write_does_not_come_out_in_the_next(tmp_path):
    def into_a_full_device():
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, 1)
        os.close(full)
        sys.stdout.write("lost")

    assert in_turn(tmp_path, into_a_full_device, lambda: print("kept")) == [b"", b"kept\n"]


def test_steps_share_a_file_unless_a_process_still_has_it(tmp_path):
    files, background = [], []

    def look():
        files.append(os.fstat(1).st_ino)

    def leave_a_process():
        look()
        print("begun")
        background.append(subprocess.Popen(["sh", "-c", "read go; echo late"], stdin=subprocess.PIPE))

    def let_it_print():
        look()
        background[0].communicate(b"go\n")
        print("own")

    printed = in_turn(tmp_path, look, leave_a_process, let_it_print, look)
    assert printed == [b"", b"begun\n", b"own\n", b""]
    assert files[0] == files[1] != files[2] == files[3]
