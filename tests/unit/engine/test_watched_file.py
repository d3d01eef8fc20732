"""A file that takes no secret, however it is cut."""

import io
import pickle

import pytest

from magnus.engine.files.objects import WatchedFile
from magnus.engine.secrets.masking import Masker
from magnus.errors import TaskFailed


def masker():
    made = Masker()
    made.add("key", "hidden value")
    return made


def test_what_holds_no_secret_is_written():
    file = io.BytesIO()
    value = {"a": b"x" * 300_000, "b": ["hidden", "value"]}
    pickle.dump(value, WatchedFile(file, masker(), "no"), pickle.HIGHEST_PROTOCOL)
    assert pickle.loads(file.getvalue()) == value


@pytest.mark.parametrize("cut", range(1, 16))
def test_a_secret_is_found_wherever_it_is_cut(cut):
    data = b"-- hidden value --"
    watched = WatchedFile(io.BytesIO(), masker(), "the object holds one")
    pieces = [data[start : start + cut] for start in range(0, len(data), cut)]
    with pytest.raises(TaskFailed, match="the object holds one"):
        list(map(watched.write, pieces))


def test_a_masker_goes_to_another_process_with_what_it_knows():
    assert pickle.loads(pickle.dumps(masker())).mask("a hidden value") == "a *****"
