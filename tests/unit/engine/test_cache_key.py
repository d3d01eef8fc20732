"""What a program can see of a parameter is in the key of its step."""

from magnus.engine.run.cache_key import step_key
from magnus.graph.nodes import TaskNode, TaskSpec
from magnus.interfaces.task_kind import TaskInputs
from magnus.run_log.parameters import JsonParameter, ObjectParameter
from magnus.run_log.records import BranchScope


def key(parameter):
    scope = BranchScope(parameters={"p": parameter})
    node = TaskNode("a", TaskSpec("python", "work.a"), "success")
    return step_key(node, TaskInputs({}), scope, (), objects_code={}, environment="", data_folder="").key


def test_the_order_of_keys_counts_as_a_program_sees_it():
    assert key(JsonParameter({"a": 1, "b": 2})) == key(JsonParameter({"a": 1, "b": 2}))
    assert key(JsonParameter({"a": 1, "b": 2})) != key(JsonParameter({"b": 2, "a": 1}))
    assert key(JsonParameter([{"x": {"a": 1, "b": 2}}])) != key(JsonParameter([{"x": {"b": 2, "a": 1}}]))


def test_a_mapping_is_not_its_list_of_pairs():
    assert key(JsonParameter({"a": 1})) != key(JsonParameter([["a", 1]]))
    assert key(JsonParameter({"mapping": [["a", 1]]})) != key(JsonParameter({"a": 1}))


def test_the_same_content_in_another_format_is_another_object():
    pickled, text = (ObjectParameter(f".objects/p.{ending}", "0" * 64, 3) for ending in ("pickle", "txt"))
    assert key(pickled) != key(text)
    assert key(pickled) == key(ObjectParameter(".objects/q.pickle", "0" * 64, 3))
