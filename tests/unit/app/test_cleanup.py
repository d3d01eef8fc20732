"""Cleaning up and verifying, on runs that were made for it."""

import os
from hashlib import sha256
from pathlib import Path

import pytest
from upkeep_places import NOW, ROOT, Place

from magnus.app.cleanup import collect_garbage, verify_content
from magnus.app.cleanup.collect_garbage import Rules
from magnus.app.inspect.viewer import MaintainedServices, open_services
from magnus.engine.processes import liveness
from magnus.errors import InvalidConfiguration, RunNotFound
from magnus.interfaces.catalog import Usage
from magnus.run_log.parameters import ObjectParameter
from magnus.run_log.records import Branching, Owner, Status

ALL_GO = Rules(last=0)


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    yield made
    made.store.close()


def clean_up(place, rules=ALL_GO, *, records=False, really=True):
    services = open_services("", {}, place.folder)
    return collect_garbage.clean_up(services, rules, NOW, run_logs=records, really=really)


def verify(place, *run_ids):
    return verify_content.verify(open_services("", {}, place.folder), run_ids)


def hashes(*contents):
    return {sha256(content).hexdigest() for content in contents}


def test_nothing_is_changed_unless_really(place):
    place.run("a", {"f": b"a"})
    place.make_old()
    said = clean_up(place, records=True, really=False)
    assert [(gone.run.run_id, gone.usage) for gone in said.runs] == [("a", Usage(1, 1))]
    assert said.content.removed == Usage(1, 1)
    assert place.store.list_runs() == ["a"]
    assert verify(place).problems == []


def test_files_go_and_run_logs_stay(place):
    place.run("gone", {"f": b"a", "shared": b"s"})
    place.run("kept", {"f": b"b", "shared": b"s"}, tag="x")
    place.make_old()
    done = clean_up(place, Rules(tags=frozenset("x")))
    assert [gone.run.run_id for gone in done.runs] == ["gone"]
    assert done.keep_reasons == {"kept": "its tag is 'x'"}
    assert done.content.removed == Usage(1, 1)
    assert place.contents() == hashes(b"b", b"s")
    assert place.store.list_runs() == ["gone", "kept"]
    again = clean_up(place, Rules(tags=frozenset("x")))
    assert (again.runs, again.content.removed) == ([], Usage())


def test_run_logs_go_when_asked_also_of_runs_whose_files_went_before(place):
    place.run("a", {"f": b"a"})
    clean_up(place)
    done = clean_up(place, records=True)
    assert [(gone.run.run_id, gone.usage) for gone in done.runs] == [("a", Usage())]
    assert place.store.list_runs() == []


def test_a_run_that_may_be_alive_is_left_alone(place):
    place.run("here", {"f": b"a"}, status=Status.PROCESSING, owner=liveness.this_process())
    place.run("elsewhere", {"f": b"b"}, status=Status.PROCESSING, owner=Owner("another host", 1))
    place.run("of an engine", {"f": b"c"}, status=Status.TRIGGERED)
    place.run("killed", {"f": b"d"}, status=Status.PROCESSING, owner=Owner(os.uname().nodename, 2**22 + 1))
    place.make_old()
    done = clean_up(place, records=True)
    assert [gone.run.run_id for gone in done.runs] == ["killed"]
    assert done.runs[0].run.status is Status.FAIL
    assert set(done.keep_reasons.values()) == {"it may be running"}
    assert place.contents() == hashes(b"a", b"b", b"c")


def test_a_run_whose_record_cannot_be_read_is_left_alone_with_its_content(place):
    place.run("a", {"f": b"first"})
    place.step("a", "b", {"f": b"second"})
    file = place.folder / ".run_log_store" / "a.jsonl"
    file.write_bytes(file.read_bytes().replace(b'{"crc":"', b'{"crc":"f'))
    place.make_old()
    done = clean_up(place, records=True)
    assert done.keep_reasons == {"a": "its record cannot be read"}
    assert place.contents() == hashes(b"first", b"second")
    [wrong] = verify(place).problems
    assert (wrong.run_id, wrong.problem.startswith("its run log cannot be read: ")) == ("a", True)


def test_what_an_earlier_step_put_stays_for_resuming(place):
    place.run("a", {"f": b"first"}, tag="x")
    place.step("a", "b", {"f": b"second"})
    place.step("a", "c", {}, parameters={"o": ObjectParameter("o", sha256(b"first").hexdigest())})
    place.make_old()
    assert clean_up(place, Rules(tags=frozenset("x"))).content.removed == Usage()
    assert verify(place, "a").content == Usage(2, 11)


def test_a_run_that_a_kept_one_resumed_stays(place):
    place.run("first", {"f": b"a"})
    place.run("second", {}, original_run_id="first", tag="x")
    assert set(clean_up(place, Rules(tags=frozenset("x"))).keep_reasons) == {"first", "second"}


def test_files_of_runs_without_a_run_log_stay(place):
    place.run("a", {"f": b"a"})
    place.store.remove_run("a")
    place.make_old()
    assert clean_up(place).content.removed == Usage()
    assert place.contents() == hashes(b"a")


def test_damage_is_said_by_run_step_and_file(place):
    place.run("a", {"f": b"first", "g": b"gone", "h": b"other"})
    place.step("a", "outer", {}, branching=Branching(count=1))
    inner = ROOT.step("outer").into("0")
    [entry] = place.step("a", "b", {"x": b"deep"}, inner)
    place.step("a", "outer", {}, branching=Branching(count=1), catalog=(entry,))
    for content in (b"first", b"deep"):
        stored = place.folder / ".catalog/.store" / f"{sha256(content).hexdigest()[:2]}"
        for file in stored.iterdir():
            file.chmod(0o644)
            file.write_bytes(content[::-1])
    gone = sha256(b"gone").hexdigest()
    (place.folder / ".catalog/.store" / gone[:2] / gone[2:]).unlink()
    found = verify(place, "a", "a")
    assert [(wrong.step, wrong.name, wrong.problem) for wrong in found.problems] == [
        ("a", "f", "damaged"),
        ("a", "g", "missing"),
        ("outer/0/b", "x", "damaged"),
    ]
    assert (found.runs, found.content) == (1, Usage(4, 18))


def test_what_was_only_recorded_is_not_missed(place):
    place.run("a")
    work = place.folder / "work"
    (work / "f").write_bytes(b"a")
    entries = place.catalog.put("a", ROOT, work, ["f"], unchanged={}, store_copy=False)
    place.step("a", "b", {}, catalog=entries)
    assert verify(place).problems == []


def test_runs_whose_files_were_removed_are_not_verified(place):
    place.run("a", {"f": b"a"})
    place.make_old()
    clean_up(place)
    found = verify(place)
    assert (found.runs, found.problems, found.removed) == (0, [], ["a"])


def test_a_run_that_is_not_there_cannot_be_verified(place):
    with pytest.raises(RunNotFound):
        verify(place, "missing")


def test_a_catalog_that_keeps_nothing_has_nothing_to_clean_up(place):
    place.run("a", {"f": b"a"})
    (place.folder / "c.yaml").write_text("catalog: {type: do-nothing}")
    services = open_services("c.yaml", {}, place.folder)
    assert collect_garbage.clean_up(services, ALL_GO, NOW, run_logs=False, really=True).runs == []
    assert verify_content.verify(services, []).problems == []
    result = collect_garbage.clean_up(services, ALL_GO, NOW, run_logs=True, really=True)
    assert [removed.run.run_id for removed in result.runs] == ["a"]
    assert place.store.list_runs() == []


def test_a_store_that_cannot_remove_runs_is_read_step_by_step(tmp_path):
    from acme_magnus.run_log_store import SqliteOptions, SqliteRunLogStore

    (tmp_path / "c.yaml").write_text("run_log_store: {type: acme-sqlite}")
    place = Place(tmp_path, SqliteRunLogStore(SqliteOptions(), tmp_path))
    place.run("a", {"f": b"first"}, tag="x")
    place.step("a", "b", {"f": b"second"})
    place.run("b", {"f": b"third"})
    place.make_old()
    services = MaintainedServices(place.store, open_services("", {}, tmp_path).catalog)
    with pytest.raises(InvalidConfiguration, match="run logs cannot be removed"):
        collect_garbage.clean_up(services, ALL_GO, NOW, run_logs=True, really=True)
    done = collect_garbage.clean_up(services, Rules(tags=frozenset("x")), NOW, run_logs=False, really=True)
    assert done.content.removed == Usage(1, 5)
    assert place.contents() == hashes(b"first", b"second")


@pytest.mark.slow
def test_many_runs_are_cleaned_up_at_once(place):
    for number in range(300):
        place.run(f"run{number:03}", {f"{number}/{n}": b"%d %d" % (number, n) for n in range(4)}, days=number)
        for path in (place.folder / "work").iterdir():
            path.rename(Path(place.folder, f".aside{number}"))
    place.make_old()
    done = clean_up(place, Rules(last=10))
    assert (len(done.runs), done.content.removed.files) == (290, 1160)
