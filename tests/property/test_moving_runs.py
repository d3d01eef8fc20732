"""Any run that a store can keep comes through an archive as it was; any change of one byte of it is refused."""

import contextlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from magnus.app.composition import services
from magnus.app.composition.load_configuration import load_configuration
from magnus.app.transfer.export_runs import export_runs
from magnus.app.transfer.import_runs import import_runs
from magnus.errors import InvalidInput
from magnus.graph.path import StepPath
from magnus.run_log import codec
from magnus.run_log.records import Status
from magnus.testing.records import names, run_records, step_records

STORES = {
    "a.json": {"run_log_store": {"type": "file-system", "config": {"log_folder": "a"}}},
    "b.json": {"run_log_store": {"type": "chunked-fs", "config": {"log_folder": "b"}}},
    "c.json": {"run_log_store": {"type": "sql", "config": {"url": "sqlite:///c.db"}}},
}


def store(file):
    return services.service("run_log_store", load_configuration(file, {}, Path.cwd()).run_log_store, Path.cwd())


@contextlib.contextmanager
def folder():
    with TemporaryDirectory() as path, contextlib.chdir(path):
        for file, configuration in STORES.items():
            catalog = {"type": "file-system", "config": {"catalog_location": f"{file}.catalog"}}
            Path(file).write_text(json.dumps({**configuration, "catalog": catalog}))
        yield


def steps():
    """Steps of the root, one of each name, without files, which no catalog has."""
    paths = names().filter(bool).map(lambda name: StepPath((name,)))
    return st.lists(step_records(paths), max_size=4, unique_by=lambda step: step.path).map(
        lambda found: [replace(step, catalog=(), scope=None, branching=None) for step in found]
    )


def stored(file):
    opened = store(file)
    with contextlib.closing(opened):
        run = codec.to_bytes(codec.run_to_json(opened.get_run("r")))
        root = StepPath(("a",)).branch
        return run, sorted(codec.to_bytes(codec.step_to_json(step)) for step in opened.list_steps("r", root))


def put(run, found):
    opened = store("a.json")
    with contextlib.closing(opened):
        opened.create_run(run)
        for step in found:
            opened.put_step("r", step)


RUNS = run_records(st.just("r")).map(lambda run: replace(run, status=Status.FAIL))


@settings(max_examples=15, deadline=None)
@given(RUNS, steps())
def test_records_come_through_all_stores_as_they_were(run, found):
    with folder():
        put(run, found)
        export_runs(["r"], "a.tar", "a.json", {})
        for file, before in (("b.json", "a.json"), ("c.json", "b.json")):
            assert [imported.is_new for imported in import_runs("a.tar", file, {}).runs] == [True]
            assert stored(file) == stored(before)
            assert [imported.is_new for imported in import_runs("a.tar", file, {}).runs] == [False]
            export_runs(["r"], "b.tar", file, {})
            assert Path("b.tar").read_bytes() == Path("a.tar").read_bytes()


@settings(max_examples=25, deadline=None)
@given(RUNS, steps(), st.data())
def test_a_changed_or_missing_byte_is_refused_and_nothing_is_written(run, found, data):
    with folder():
        put(run, found)
        export_runs(["r"], "a.tar", "a.json", {})
        whole = Path("a.tar").read_bytes()
        place = data.draw(st.integers(0, len(whole) - 1))
        value = data.draw(st.integers(0, 255).filter(lambda value: value != whole[place]))
        for content in (
            whole[:place] + bytes([value]) + whole[place + 1 :],
            whole[:place],
            whole[:place] + whole[place + 1 :],
        ):
            Path("bad.tar").write_bytes(content)
            with pytest.raises(InvalidInput):
                import_runs("bad.tar", "b.json", {})
        assert not Path("b").exists()
