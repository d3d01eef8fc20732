"""Descriptors that other code may close."""

import os

from magnus.system.descriptors import OwnDescriptor


def test_a_descriptor_whose_number_another_file_got_is_left_alone(tmp_path):
    own = OwnDescriptor(os.open(tmp_path, os.O_RDONLY))
    assert own.status().st_ino == tmp_path.stat().st_ino
    os.close(own.number)
    assert own.status() is None
    other = os.open(os.devnull, os.O_RDONLY)
    try:
        assert other == own.number
        assert own.status() is None
        own.close()
        assert os.read(other, 1) == b""
    finally:
        os.close(other)


def test_a_descriptor_that_nobody_closed_is_closed_once(tmp_path):
    own = OwnDescriptor(os.open(tmp_path, os.O_RDONLY))
    own.close()
    assert own.status() is None
    own.close()
