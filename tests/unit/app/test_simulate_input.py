"""What is no manifest is told before anything of it is read."""

import pytest

from magnus.app.run.simulate import spec_of
from magnus.definition.yaml_text import Document
from magnus.errors import InvalidDefinition


def test_a_pipeline_is_told_from_a_manifest():
    with pytest.raises(InvalidDefinition) as caught:
        spec_of(Document("p.yaml", {"dag": {}}, {}, {}))
    assert str(caught.value).endswith(
        "error: this is a pipeline, and no manifest for Argo Workflows\n"
        "  fix: write the manifest first: magnus execute p.yaml -c FILE, with executor: {type: argo, ...} in FILE"
    )
