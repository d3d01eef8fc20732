"""Schemas and loader agree: what is right is right for both, what the schema refuses the loader refuses too."""

import copy
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from magnus.app.composition import plugins
from magnus.app.composition.configuration import FAMILIES
from magnus.app.composition.file_schemas import configuration_schema, pipeline_schema
from magnus.app.composition.load_configuration import load_configuration
from magnus.definition import yaml_text
from magnus.definition.built_pipeline import BuiltPipeline
from magnus.definition.fields import read as read_fields
from magnus.definition.json_schema import descriptions
from magnus.definition.loader import load_built
from magnus.definition.nodes import NODE_TYPES
from magnus.definition.nodes.task import TASK_FIELDS
from magnus.definition.wrong_fields import WrongFields
from magnus.errors import InvalidDefinition, InvalidInput
from magnus.graph.nodes import TaskNode

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / "docs/schema"
EXAMPLES = [file for file in sorted((ROOT / "examples").rglob("*.yaml")) if "dag:" in file.read_text()]
PIPELINES = [*sorted((ROOT / "tests/corpus").glob("*.yaml")), *EXAMPLES]


def none(_group):
    return ()


PIPELINE = Draft202012Validator(pipeline_schema(entry_points=none))
CONFIGURATION = Draft202012Validator(configuration_schema(entry_points=none))


def read(file):
    return yaml_text.read(str(file), InvalidDefinition, "the pipeline")


def problems(validator, value):
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


@pytest.mark.parametrize("validator", [PIPELINE, CONFIGURATION], ids=["pipeline", "configuration"])
def test_a_schema_is_one(validator):
    Draft202012Validator.check_schema(validator.schema)


@pytest.mark.parametrize(("name", "validator"), [("pipeline", PIPELINE), ("configuration", CONFIGURATION)])
def test_the_published_copy_is_up_to_date(name, validator, request):
    text = json.dumps(validator.schema, indent=2, ensure_ascii=False) + "\n"
    file = PUBLISHED / f"{name}.json"
    if request.config.getoption("--update-schemas"):
        file.write_text(text)
    assert file.read_text() == text, "write it anew with: pytest --update-schemas tests/unit/app/test_schema.py"


@pytest.mark.parametrize("file", PIPELINES, ids=lambda file: file.stem)
def test_pipelines_that_load_are_valid(file):
    assert problems(PIPELINE, read(file).value) == []


def configurations():
    yield pytest.param((ROOT / "examples/configured.yaml").read_text(), id="examples/configured.yaml")
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)):
            if re.match(rf"({'|'.join(FAMILIES)}):", text):
                yield pytest.param(text, id=f"{page.name}-{number}")


@pytest.mark.parametrize("text", list(configurations()))
def test_configurations_that_are_shown_are_valid(text, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(text)
    value = read(file).value
    value.pop("defaults", None)
    own = {family: service for family, service in value.items() if _is_built_in(family, service)}
    assert own
    assert problems(CONFIGURATION, own) == []


def _is_built_in(family, service):
    families = (family, "transpiler") if family == "executor" else (family,)
    return any(plugins.is_built_in(one, service["type"]) for one in families)


def properties(schema, path=""):
    """Every property of a schema that is defined in place, with where it is."""
    if isinstance(schema, dict):
        is_condition = path.endswith(".if")
        for name, found in ({} if is_condition else schema.get("properties", {})).items():
            if isinstance(found, dict) and "$ref" not in found and set(found) != {"anyOf"}:
                yield f"{path}.{name}", found
        for key, value in schema.items():
            yield from properties(value, f"{path}.{key}")
    elif isinstance(schema, list):
        for number, value in enumerate(schema):
            yield from properties(value, f"{path}.{number}")


def test_every_field_is_described():
    found = [*properties(PIPELINE.schema), *properties(CONFIGURATION.schema)]
    assert len(found) > 60
    assert [
        path for path, schema in found if not schema.get("description") and not path.endswith(".then.properties.config")
    ] == []


def models():
    yield from NODE_TYPES.values()
    for family, types in plugins.BUILT_IN.items():
        yield from (plugins.find(family, name).options for name in types)


def test_descriptions_are_of_fields_that_are_there():
    for model in set(models()):
        assert set(descriptions(model)) == set(model.__struct_fields__), model


def task(**fields):
    return {"dag": {"start_at": "a", "steps": {"a": {"command": "m.f", "next": "success", **fields}}}}


@pytest.mark.parametrize(
    "fields",
    [
        {"comand": "x"},
        {"command": 1},
        {"next": None},
        {"type": "tusk"},
        {"command_type": "perl"},
        {"strict": True},
        {"command_type": "shell", "strict": "maybe"},
        {"command_type": "notebook", "output_cell_tag": 3},
        {"max_attempts": 0},
        {"retry": "often"},
        {"timeout": 0},
        {"timeout": "soon"},
        {"retry_delay": -1},
        {"catalog": {"gte": "x"}},
        {"catalog": ["x"]},
        {"returns": [{"name": "x", "kind": "thing"}]},
        {"secrets": {"a": "b"}},
        {"on_failure": [3]},
        {"on_failure": {"start_at": "b"}},
        {"type": "success"},
        {"type": "map", "iterate_on": "xs"},
    ],
    ids=str,
)
def test_mistakes_are_refused(fields):
    wrong = task(**fields)
    assert problems(PIPELINE, wrong)
    assert not loads(wrong)


@pytest.mark.parametrize(
    "fields",
    [
        {"command": "${which}"},
        {"max_attempts": "3"},
        {"max_attempts": "${many}"},
        {"timeout": "1h30m"},
        {"timeout": None},
        {"retry_delay": 0.5},
        {"retry": 3},
        {"on_failure": None},
        {"on_failure": {"start_at": "b", "steps": {"b": {"type": "stub", "next": "success", "any": [1]}}}},
        {"catalog": {"get": "*.csv", "put": ["a", "b"], "strict": "true"}},
        {"returns": ["x", {"name": "y", "kind": "metric"}]},
        {"secrets": "TOKEN"},
        {"command_type": "shell", "strict": "True"},
        {"command_type": "${kind}", "anything": 1},
        {"overrides": {"argo": "big"}},
    ],
    ids=str,
)
def test_every_way_to_write_a_field_is_valid(fields):
    assert problems(PIPELINE, task(**fields)) == []


@pytest.mark.parametrize(
    "services",
    [
        {"executer": {"type": "local"}},
        {"executor": {"type": "loca"}},
        {"executor": {"config": {}}},
        {"executor": {"type": "local", "conf": {}}},
        {"executor": {"type": "local", "config": {"max_worker": 2}}},
        {"executor": {"type": "local", "config": {"max_workers": 0}}},
        {"catalog": {"type": "file-system", "config": {"strict": "maybe"}}},
        {"run_log_store": "file-system"},
    ],
    ids=str,
)
def test_mistakes_in_configurations_are_refused(services, tmp_path):
    assert problems(CONFIGURATION, services)
    assert not configures(services, tmp_path)


@pytest.mark.parametrize(
    "services",
    [
        {},
        {"executor": {"type": "local", "config": None}},
        {"executor": {"type": "local", "config": {"max_workers": "2", "enable_parallel": "$parallel"}}},
        {"secrets": {"type": "${secrets}", "config": {"location": "${home}/.env"}}},
    ],
    ids=str,
)
def test_every_way_to_write_a_configuration_is_valid(services):
    assert problems(CONFIGURATION, services) == []


def configures(services, folder):
    (folder / "c.json").write_text(json.dumps(services))
    try:
        configuration = load_configuration("c.json", {}, folder)
        for family in FAMILIES:
            service = getattr(configuration, family)
            read_fields(plugins.find(family, service.type).options, service.config)
    except (InvalidInput, WrongFields):
        return False
    return True


def loads(value, file="pipeline.yaml"):
    """Whether the loader takes a pipeline, with the options of its tasks."""
    try:
        loaded = load_built(BuiltPipeline(yaml_text.Document(str(file), value, {}, {}), {}), {"MAGNUS_VAR_x": "1"})
        for step in loaded.steps:
            if isinstance(step.node, TaskNode):
                kind = plugins.find("tasks", step.node.task.kind, entry_points=none)
                read_fields(kind.options, step.node.task.options, more_fields=TASK_FIELDS)
    except (InvalidInput, WrongFields):
        return False
    return True


def places(value, path=()):
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


WORDS = ["", "x", "success", "task", "stub", "map", "loop", "shell", "python", "true", "1h", "3", "${x}", "a.b", "null"]
VALUES = [
    None,
    True,
    False,
    0,
    1,
    -1,
    0.5,
    2.0,
    [],
    {},
    ["x"],
    {"x": "y"},
    {"start_at": "q", "steps": {"q": {}}},
    *WORDS,
]


@st.composite
def mutated(draw):
    """A pipeline of the corpus with up to two things changed."""
    file = draw(st.sampled_from(PIPELINES))
    value = copy.deepcopy(read(file).value)
    for _ in range(draw(st.integers(1, 2))):
        *around, key = draw(st.sampled_from([path for path in places(value) if path]))
        inside = value
        for part in around:
            inside = inside[part]
        match draw(st.sampled_from(["change", "remove", "misspell", "add"])):
            case "change":
                inside[key] = copy.deepcopy(draw(st.sampled_from(VALUES)))
            case "remove":
                del inside[key]
            case "misspell" if isinstance(inside, dict):
                inside[key[:-1] or "z"] = inside.pop(key)
            case "add" if isinstance(inside, dict):
                more = draw(st.sampled_from(["next", "on_failure", "retry", "strict", "type", "default", "z"]))
                inside[more] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        if not value:
            break
    return file, value


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutated())
def test_what_the_schema_refuses_the_loader_refuses(case):
    file, value = case
    found = problems(PIPELINE, value)
    assert not found or not loads(value, file), found


def test_the_loader_takes_what_is_not_changed():
    assert all(loads(read(file).value, file) for file in PIPELINES)
