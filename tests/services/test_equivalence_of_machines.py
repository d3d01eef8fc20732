"""The corpus and random pipelines as machines of AWS Step Functions, interpreted: they come out as everywhere else."""

import json

import interpreted
import pytest
import test_corpus

IN_ONE_FOLDER = {"files"}
"""Steps find what others left in their working directory, which jobs do not share."""
NAMES = [name for name in test_corpus.NAMES if name not in IN_ONE_FOLDER]

pytestmark = [pytest.mark.xdist_group("step functions"), pytest.mark.timeout(1800)]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_corpus_comes_out_as_everywhere(step_functions, asl_faults, tmp_path, name):
    store = interpreted.stores(step_functions, f"corpus/{name}")
    drive = interpreted.driver(step_functions, asl_faults)
    came = test_corpus.driven(name, store, drive, tmp_path, spill_threshold=1000, catalog=store)
    assert came == json.loads((test_corpus.CORPUS / "expected" / f"{name}.json").read_text())
