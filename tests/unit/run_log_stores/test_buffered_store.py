"""The run log store in memory, beyond the contract of all stores."""

from pathlib import Path

import pytest

from magnus.definition.fields import read
from magnus.definition.wrong_fields import WrongFields
from magnus.errors import RunExists, RunNotFound
from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore
from magnus.testing.records import run_record


@pytest.fixture
def store():
    return BufferedRunLogStore(BufferedOptions(), Path.cwd())


def test_it_has_no_options():
    with pytest.raises(WrongFields):
        read(BufferedRunLogStore.options, {"log_folder": "x"})


def test_a_run_that_is_not_there(store):
    with pytest.raises(RunNotFound) as caught:
        store.get_run("a")
    assert str(caught.value) == (
        "error: there is no run 'a' in the memory of this process\n"
        "  fix: run logs of type buffered end with their process: configure another run_log_store"
    )


def test_a_run_id_in_use(store):
    store.create_run(run_record("a"))
    with pytest.raises(RunExists) as caught:
        store.create_run(run_record("a"))
    assert str(caught.value) == "error: there is a run 'a' already\n  fix: choose another run id"


def test_two_stores_share_nothing(store):
    store.create_run(run_record("a"))
    assert list(BufferedRunLogStore(BufferedOptions(), Path.cwd()).list_runs()) == []
