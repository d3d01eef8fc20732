import pytest

from magnus.run_log.records import Branching


@pytest.mark.parametrize("branching", [Branching(("a", "1", "")), Branching(count=11), Branching()])
def test_there_is_a_branch_of_a_key_when_it_is_one_of_the_keys(branching):
    for key in ("a", "b", "", "0", "1", "01", "+1", "-1", " 1", "10", "11", "²", "1.0"):
        assert branching.has(key) is (key in branching.keys)
