"""What is written as YAML is read as the same value, by every reader of it."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from magnus.definition.yaml_text import dump, read
from magnus.errors import InvalidDefinition


def read_back(text, tmp_path_factory):
    file = tmp_path_factory.mktemp("yaml") / "f.yaml"
    file.write_text(text)
    return read(file, InvalidDefinition, "the file").value


@pytest.mark.parametrize(
    "text", "y Y n N 1e3 -1E+3 0o17 0b11 0X1f 1_000 .5 1.2.3 .inf -Inf nan on yes null ~ 12:30".split()
)
def test_a_text_that_some_reader_takes_for_something_else_is_quoted(text):
    assert dump({text: text}) == f"'{text}': '{text}'\n"


@pytest.mark.parametrize("text", ["yn", "e3", "one", "v1", "1.4-slim", "a y", "0xyz"])
def test_another_text_is_not(text):
    assert dump([text]) == f"- {text}\n"


def test_what_others_teach_pyyaml_makes_no_difference(monkeypatch):
    representers = {**yaml.SafeDumper.yaml_representers, str: lambda dumper, text: dumper.represent_int(7)}
    for dumper in (yaml.SafeDumper, yaml.representer.SafeRepresenter):
        monkeypatch.setattr(dumper, "yaml_representers", representers)
    assert yaml.safe_dump(["a"]) == "- 7\n"
    assert dump(["a"]) == "- a\n"


@given(
    st.recursive(
        st.text(st.characters(codec="utf-8", exclude_categories=["C"])) | st.integers() | st.booleans(), st.lists
    )
)
def test_values_are_read_as_they_were(tmp_path_factory, value):
    assert read_back(dump({"v": value}), tmp_path_factory) == {"v": value}
