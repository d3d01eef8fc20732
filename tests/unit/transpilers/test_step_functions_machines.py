"""What is written for Step Functions: for every pipeline of the corpus as it was read by people, and by the rules of AWS.

`pytest tests/unit/transpilers --update-expected` writes `tests/corpus/step-functions/` anew.
"""

import json

import pytest
import states_rules
from written_machines import CORPUS, loaded, written

EXPECTED = CORPUS / "step-functions"
NAMES = sorted(file.stem for file in CORPUS.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_the_machine_of_a_pipeline_of_the_corpus(name, pytestconfig):
    text = written(loaded(name), parameters={"x": 3})
    expected = EXPECTED / f"{name}.json"
    if pytestconfig.getoption("--update-expected"):
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(text)
    assert text == expected.read_text()
    assert list(states_rules.broken(json.loads(text))) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_machine_with_a_job_for_each_act_keeps_the_rules(name):
    assert list(states_rules.broken(json.loads(written(loaded(name), fuse=False)))) == []


def test_no_machine_is_expected_of_a_pipeline_that_is_not_there():
    assert sorted(file.stem for file in EXPECTED.glob("*.json")) == NAMES


def test_a_map_is_inline_where_its_branches_are_few():
    for count, mode in ((200, "INLINE"), (201, "DISTRIBUTED")):
        machine = json.loads(written(loaded("map"), parameters={"xs": [0] * count}, lengths={"xs": count}))
        [each] = [state for state in states_rules.states_of(machine).values() if state["Type"] == "Map"]
        assert each["ItemProcessor"]["ProcessorConfig"]["Mode"] == mode
        assert each["Comment"].startswith(mode.lower())
        assert list(states_rules.broken(machine)) == []
