"""Large values stand in the catalog, and in records as references that are read when somebody asks."""

import pickle
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from magnus.catalogs.do_nothing import DoNothingCatalog, DoNothingOptions
from magnus.catalogs.file_system.catalog import FileSystemCatalog, FileSystemOptions
from magnus.engine.files.large_values import LargeValues
from magnus.engine.files.spilling_store import SpillingStore
from magnus.errors import CatalogError
from magnus.graph.path import BranchPath
from magnus.interfaces.run_log_store import KeepsDocuments, RemovesRuns
from magnus.run_log.parameters import (
    JsonParameter,
    LargeParameter,
    ListParameter,
    MetricParameter,
    ObjectParameter,
    argument_json,
    plain,
    shown,
)
from magnus.run_log.records import AttemptRecord, Branching, BranchScope, Status
from magnus.run_log_stores import file_system
from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore
from magnus.testing.records import run_record, step_record

LARGE = ["large"] * 100
NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Watched(FileSystemCatalog):
    """Counts what is put and opened, and can be full."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.put_names, self.opened, self.is_full = [], [], False

    def put_stream(self, run_id, branch, name, write):
        if self.is_full:
            raise CatalogError("no space left")
        self.put_names.append(name)
        return super().put_stream(run_id, branch, name, write)

    def open(self, name, data_hash, size):
        self.opened.append(name)
        return super().open(name, data_hash, size)


@pytest.fixture
def catalog(tmp_path):
    return Watched(FileSystemOptions(spill_threshold=100), tmp_path)


@pytest.fixture
def inside(tmp_path):
    return file_system.FileSystemRunLogStore(file_system.FileSystemOptions(), tmp_path)


@pytest.fixture
def store(catalog, inside):
    spilling = SpillingStore(inside, LargeValues(lambda: catalog))
    spilling.create_run(run_record("a"))
    yield spilling
    spilling.close()


def reread(catalog, inside):
    """The store as another process sees it."""
    return SpillingStore(inside, LargeValues(lambda: catalog))


def put(store, **fields):
    number = len(store.list_steps("a", BranchPath()))
    step = replace(step_record(f"step {number}" if number else "a step", position=number), attempts=(), **fields)
    store.put_step("a", step)
    return store.get_step("a", step.path)


def test_a_large_value_is_content_of_the_catalog_and_a_small_one_is_not(store, catalog, inside):
    got = put(store, parameters={"x": JsonParameter(LARGE), "y": JsonParameter("small")})
    assert isinstance(got.parameters["x"], LargeParameter)
    assert got.parameters["y"] == JsonParameter("small")
    assert catalog.put_names == [".parameters/x.json"]
    assert got.parameters["x"].data_hash in inside.mentioned_hashes("a")
    assert plain(got.parameters["x"]) == LARGE


def test_it_is_read_when_somebody_asks_and_once(store, catalog, inside):
    put(store, parameters={"x": JsonParameter(LARGE)})
    parameter = reread(catalog, inside).get_step("a", step_record("a step").path).parameters["x"]
    assert catalog.opened == []
    assert (parameter.value, parameter.value, parameter.text) == (LARGE, LARGE, None)
    assert catalog.opened == [".parameters/x.json"]


def test_every_reader_gets_a_value_of_its_own(store):
    parameter = put(store, parameters={"x": JsonParameter(LARGE)}).parameters["x"]
    parameter.value.append("mine")
    assert parameter.value == LARGE


@pytest.mark.parametrize("value", ["x" * 98, [1] * 40, {"a": "x" * 80}, "ü" * 49])
def test_what_has_up_to_the_threshold_stays(store, value):
    assert put(store, parameters={"x": JsonParameter(value)}).parameters["x"] == JsonParameter(value)


@pytest.mark.parametrize(
    "value",
    ["x" * 99 + "xy", "\n" * 60, [None] * 40, [1.5] * 40, {"a": {"b": "x" * 99}}, [2**70] * 9, [float("inf")] * 20],
)
def test_every_value_comes_back_as_it_was(store, value):
    parameter = put(store, parameters={"x": JsonParameter(value)}).parameters["x"]
    assert isinstance(parameter, LargeParameter)
    assert parameter.value == value


def test_text_that_a_shell_said_comes_back_to_the_letter(store):
    text = "[" + "1 ,  " * 50 + "1]"
    parameter = put(store, parameters={"x": JsonParameter([1] * 51, text)}).parameters["x"]
    assert (parameter.value, parameter.text) == ([1] * 51, text)
    plain_text = put(store, parameters={"x": JsonParameter("w" * 200, "w" * 200)}).parameters["x"]
    assert plain_text.value == "w" * 200


def test_metrics_and_objects_stay_and_lists_of_them_hold_references(store):
    objects, metric = ObjectParameter("o", "0a" * 32, 3), MetricParameter([0.5] * 100)
    collected = ListParameter((objects, JsonParameter(LARGE)))
    got = put(store, parameters={"m": metric, "l": collected}).parameters
    assert got["m"] == metric
    assert got["l"].items[0] == objects
    assert plain(got["l"]) == [plain(objects), LARGE]


def test_a_value_in_many_places_is_put_once(store, catalog):
    attempt = AttemptRecord(0, NOW, NOW, 0.1, Status.SUCCESS, "", {"x": LARGE, "n": 1})
    step = replace(
        step_record(),
        attempts=(attempt,),
        parameters={"x": JsonParameter(LARGE)},
        scope=BranchScope({"x": JsonParameter(LARGE)}, {}, {"x": LARGE, "i": 2}),
    )
    store.put_step("a", step)
    store.put_step("a", step)
    got = store.get_step("a", step.path)
    assert catalog.put_names == [".parameters/x.json"]
    assert got.attempts[0].parameters == {"x": argument_json(got.parameters["x"]), "n": 1}
    assert got.scope.map_variables["i"] == 2
    assert got.scope.map_variables["x"].value == got.scope.parameters["x"].value == LARGE


def test_the_elements_of_a_map_are_one_large_value(store, catalog, inside):
    put(store, branching=Branching(count=100, values=tuple(LARGE)))
    branching = reread(catalog, inside).get_step("a", step_record("a step").path).branching
    assert isinstance(branching.values, LargeParameter)
    assert catalog.opened == []
    assert branching.elements == LARGE


def test_initial_parameters_too(catalog, inside):
    store = reread(catalog, inside)
    store.create_run(replace(run_record("b"), parameters={"x": JsonParameter(LARGE)}))
    run = store.get_run("b")
    store.update_run(replace(run, status=Status.SUCCESS))
    assert catalog.put_names == [".parameters/x.json"]
    assert plain(store.get_run("b").parameters["x"]) == LARGE


def test_another_run_that_refers_to_it_has_it_in_its_files(store, catalog, tmp_path):
    parameter = put(store, parameters={"x": JsonParameter(LARGE)}).parameters["x"]
    store.create_run(replace(run_record("b"), parameters={"x": parameter}))
    assert (tmp_path / ".catalog/b/.parameters/x.json").read_bytes() == parameter.json_text.encode()
    catalog.remove_run("a")
    catalog.collect(frozenset(), ["a"])
    assert plain(store.get_run("b").parameters["x"]) == LARGE


def test_a_value_that_cannot_be_kept_stays_in_the_record(store, catalog):
    catalog.is_full = True
    assert put(store, parameters={"x": JsonParameter(LARGE)}).parameters["x"] == JsonParameter(LARGE)


def test_nothing_moves_where_the_catalog_keeps_nothing(inside, tmp_path):
    store = SpillingStore(inside, LargeValues(lambda: DoNothingCatalog(DoNothingOptions(), tmp_path)))
    store.create_run(run_record("a"))
    long = JsonParameter("x" * 10**6)
    assert put(store, parameters={"x": long}).parameters["x"] == long


def test_null_as_threshold_keeps_all_in_the_records(inside, tmp_path):
    catalog = FileSystemCatalog(FileSystemOptions(spill_threshold=None), tmp_path)
    store = reread(catalog, inside)
    store.create_run(run_record("a"))
    long = JsonParameter("x" * 10**6)
    assert put(store, parameters={"x": long}).parameters["x"] == long


def test_a_value_that_is_gone_is_shown_as_its_reference(store, catalog, inside, tmp_path):
    put(store, parameters={"x": JsonParameter(LARGE)})
    for file in (tmp_path / ".catalog/.store").glob("??/*"):
        file.unlink()
    parameter = reread(catalog, inside).get_step("a", step_record("a step").path).parameters["x"]
    assert shown(parameter) == argument_json(parameter)
    with pytest.raises(CatalogError, match=r"'.parameters/x.json' is not in the catalog"):
        plain(parameter)


def test_a_parameter_travels_to_another_process(store):
    parameter = put(store, parameters={"x": JsonParameter(LARGE)}).parameters["x"]
    assert pickle.loads(pickle.dumps(replace_catalog(parameter))).value == LARGE


def replace_catalog(parameter):
    """The same with a catalog as runs have it."""
    plain_catalog = FileSystemCatalog(FileSystemOptions(), parameter.contents._catalog._working_directory)
    return replace(parameter, contents=LargeValues(lambda: plain_catalog))


def test_the_store_has_the_methods_of_the_one_inside(store):
    assert isinstance(store, KeepsDocuments)
    assert isinstance(store, RemovesRuns)
    in_memory = SpillingStore(BufferedRunLogStore(BufferedOptions(), None), store._values)
    assert not isinstance(in_memory, KeepsDocuments)
    assert isinstance(in_memory, RemovesRuns)


def test_names_of_any_length_and_kind_can_be_kept(store):
    for name in ("ü" * 200, "a/b", "..", "", "\udcff"):
        got = put(store, parameters={name: JsonParameter([name, *LARGE] if name.isprintable() else LARGE)})
        assert plain(got.parameters[name])[-1] == "large"


def test_branches_have_places_of_their_own(store, tmp_path):
    path = BranchPath(("m", "0")).step("s")
    store.put_step("a", replace(step_record(), path=path, attempts=(), parameters={"x": JsonParameter(LARGE)}))
    assert [file.name for file in (tmp_path / ".catalog/a/.branches").rglob("*.json")] == ["x.json"]


def test_a_value_that_could_not_be_adopted_is_put_again(catalog, store):
    value = list(range(100))
    large = put(store, parameters={"x": JsonParameter(value)}).parameters["x"]
    failed = []

    def adopt(*_):
        failed.append(1)
        raise CatalogError("not now")

    catalog.adopt = adopt
    store.create_run(run_record("b"))
    store.put_step("b", replace(step_record("s"), attempts=(), parameters={"x": large}))
    assert failed
    assert catalog.usage("b") is not None


def test_properties_of_a_store_are_read_when_they_are_asked_for():
    class Store(BufferedRunLogStore):
        places = 0

        @property
        def location(self):
            self.places += 1
            return self.places

        @property
        def trouble(self):
            raise AssertionError

    store = SpillingStore(Store(BufferedOptions(), None), LargeValues(lambda: None))
    assert [store.location, store.location] == [1, 2]
    assert not hasattr(store, "trouble")
    assert not isinstance(store, KeepsDocuments)


def test_a_result_that_was_just_put_is_not_read_again(store, inside, monkeypatch):
    steps = [replace(step_record(name, position=number), attempts=()) for number, name in enumerate("xy")]
    large = replace(steps[1], parameters={"large": JsonParameter("text " * 100), "odd": JsonParameter((1, 2.5))})
    for step in (steps[0], large):
        store.put_step("a", step)
    expected = store.get_step("a", large.path)
    reads = []
    get_step = inside.get_step
    monkeypatch.setattr(type(inside), "get_step", lambda _, *key: reads.append(key) or get_step(*key))
    result = store.result("a", large.path)
    assert result == expected
    assert isinstance(result.parameters["large"], LargeParameter)
    assert result.parameters["large"].value == expected.parameters["large"].value
    assert reads == []
    assert store.result("a", large.path) == expected, "a second one is read"
    assert store.result("a", steps[0].path) == store.get_step("a", steps[0].path)
    assert len(reads) == 3


def test_a_step_that_is_open_and_one_of_another_run_are_read(store):
    step = replace(step_record("x"), attempts=())
    store.create_run(run_record("b"))
    store.put_step("b", replace(step, message="of b"))
    store.put_step("a", replace(step, status=Status.FAIL))
    assert store.result("b", step.path).message == "of b"
    store.put_step("a", replace(step, status=Status.PROCESSING, message="again"))
    assert store.result("a", step.path).message == "again"
