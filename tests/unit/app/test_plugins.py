"""Names to classes; real distributions are installed in the end-to-end tests."""

from importlib.metadata import EntryPoint

import pytest

from magnus.app.composition.plugins import BUILT_IN, find, find_engine
from magnus.errors import InvalidConfiguration
from magnus.run_log_stores.buffered import BufferedRunLogStore

NONE = {"run_log_store": {}}
TRANSPILER = "magnus.transpilers.argo:ArgoTranspiler"
EXECUTOR = "magnus.executors.local:LocalExecutor"
HERE = "magnus.run_log_stores.buffered:BufferedRunLogStore"


def entries(**groups):
    return lambda group: [EntryPoint(name, place, group) for name, place in groups.get(group.replace(".", "_"), [])]


def refused(name, **more):
    with pytest.raises(InvalidConfiguration) as caught:
        find("run_log_store", name, **more)
    return str(caught.value)


@pytest.mark.parametrize(("family", "name"), [(family, name) for family, names in BUILT_IN.items() for name in names])
def test_every_built_in_type_can_be_found_without_looking_at_packages(family, name):
    def nobody(group):
        raise AssertionError(group)

    assert isinstance(find(family, name, entry_points=nobody), type)


def test_a_built_in_type_cannot_be_replaced_by_a_package():
    others = entries(magnus_run_log_store=[("buffered", "no_such_module:Thing")])
    assert find("run_log_store", "buffered", entry_points=others) is BufferedRunLogStore


def test_the_group_of_ours_comes_before_the_old_one():
    both = entries(magnus_run_log_store=[("mine", HERE)], run_log_store=[("mine", "no_such_module:Thing")])
    assert find("run_log_store", "mine", built_in=NONE, entry_points=both) is BufferedRunLogStore
    old = entries(run_log_store=[("mine", HERE)])
    assert find("run_log_store", "mine", built_in=NONE, entry_points=old) is BufferedRunLogStore


def test_an_unknown_type_is_answered_with_those_there_are():
    assert refused("remote", entry_points=entries(magnus_run_log_store=[("mine", HERE)])) == (
        "error: run_log_store has no type 'remote'\n  fix: there are 'buffered', 'chunked-fs', 'db', 'file-system', 'mine', 'object-store', 's3', 'sql'"
    )


def test_a_missing_extra_is_named():
    needing = {"run_log_store": {"db": "no_such_client.stores:Store[db]"}}
    assert refused("db", built_in=needing) == (
        "error: run_log_store 'db' needs the package 'no_such_client', which is not installed\n"
        "  fix: pip install 'magnus[db]'"
    )


def test_a_package_that_offers_what_cannot_be_loaded_under_an_old_name_is_passed_over():
    old = entries(run_log_store=[("db", "no_such_module:Thing")])
    assert refused("db", built_in=NONE, entry_points=old).startswith(
        "error: run_log_store has no type 'db'; that of the package of 'no_such_module:Thing' cannot be loaded: "
        "ModuleNotFoundError: No module named 'no_such_module'\n"
    )


def test_one_thing_offered_twice_is_one_thing():
    twice = entries(magnus_run_log_store=[("mine", HERE), ("mine", HERE)])
    assert find("run_log_store", "mine", built_in=NONE, entry_points=twice) is BufferedRunLogStore


@pytest.mark.parametrize(
    ("family", "begins"),
    [
        ("executor", "error: executor has no type 'k8s'; that of the package of 'no_such:Thing' cannot be loaded: "),
        ("tasks", "error: unknown command_type 'k8s'; that of the package of 'no_such:Thing' cannot be loaded: "),
        ("nodes", "error: unknown node type 'k8s'; that of the package of 'no_such:Thing' cannot be loaded: "),
    ],
)
def test_a_plugin_of_the_earlier_generation_that_cannot_be_loaded_is_named_with_the_reason(family, begins):
    with pytest.raises(InvalidConfiguration) as caught:
        find(family, "k8s", entry_points=entries(**{family: [("k8s", "no_such:Thing")]}))
    message, fix = str(caught.value).split("\n")
    assert message == f"{begins}ModuleNotFoundError: No module named 'no_such'"
    assert fix.startswith("  fix: update that package for this generation of magnus; docs/how-to/write-a")


@pytest.mark.parametrize("family", ["nodes", "executor", "pickler"])
def test_a_fix_never_lists_nothing(family):
    with pytest.raises(InvalidConfiguration) as caught:
        find(family, "zzz", built_in={}, entry_points=entries())
    assert caught.value.problems[0].fix == "see the name, or install the package that has it"


def test_one_type_alone_is_named():
    assert refused("zzz", built_in={"run_log_store": {"one": HERE}}).endswith("\n  fix: there is 'one'")


def engine_refused(**groups):
    with pytest.raises(InvalidConfiguration) as caught:
        find_engine("mine", entry_points=entries(**groups))
    return str(caught.value)


@pytest.mark.parametrize(("name", "family"), [("argo", "transpiler"), ("local", "executor"), ("mocked", "executor")])
def test_what_is_configured_as_the_executor_is_looked_up_among_executors_and_transpilers(name, family):
    def nobody(group):
        raise AssertionError(group)

    found, plugin = find_engine(name, entry_points=nobody)
    assert (found, plugin) == (family, find(family, name))


@pytest.mark.parametrize(("family", "place"), [("transpiler", TRANSPILER), ("executor", EXECUTOR)])
def test_a_package_offers_an_executor_or_a_transpiler(family, place):
    found, plugin = find_engine("mine", entry_points=entries(**{f"magnus_{family}": [("mine", place)]}))
    assert (found, plugin.__name__) == (family, place.partition(":")[2])


def test_a_name_of_an_executor_and_of_a_transpiler_is_refused():
    assert engine_refused(magnus_executor=[("mine", EXECUTOR)], magnus_transpiler=[("mine", TRANSPILER)]) == (
        f"error: executor 'mine' is offered as an executor by the package of '{EXECUTOR}' "
        f"and as a transpiler by the package of '{TRANSPILER}'\n  fix: remove one of them"
    )


def test_a_class_under_the_entry_points_of_the_other_family_is_told_where_it_belongs():
    assert engine_refused(magnus_executor=[("mine", TRANSPILER)]) == (
        f"error: executor 'mine' of the package of '{TRANSPILER}' cannot be used: "
        "it has no '__enter__', '__exit__', 'submit', 'cancel'\n"
        "  fix: register it under 'magnus.transpiler'; docs/how-to/write-a-transpiler.md has what it needs"
    )
    assert engine_refused(magnus_transpiler=[("mine", EXECUTOR)]) == (
        f"error: transpiler 'mine' of the package of '{EXECUTOR}' cannot be used: it has no 'problems', 'transpile'\n"
        "  fix: register it under 'magnus.executor'; docs/how-to/write-an-executor.md has what it needs"
    )


@pytest.mark.parametrize("family", ["executor", "transpiler"])
def test_an_engine_declares_its_capabilities(family):
    message = engine_refused(**{f"magnus_{family}": [("mine", HERE)]})
    assert "it has no 'problems', 'transpile'" in message or "it has no '__enter__'" in message
    message = engine_refused(**{f"magnus_{family}": [("mine", "types:SimpleNamespace")]})
    assert "it has no 'options', 'capabilities', " in message


def test_an_unknown_engine_is_answered_with_executors_and_transpilers():
    assert engine_refused(magnus_transpiler=[("make", TRANSPILER)]) == (
        "error: executor has no type 'mine'\n"
        "  fix: there are 'argo', 'aws-step-functions', 'local', 'local-container', 'make', 'mocked', 'slurm'"
    )
    with pytest.raises(InvalidConfiguration, match="did you mean 'argo'"):
        find_engine("agro", entry_points=entries())
