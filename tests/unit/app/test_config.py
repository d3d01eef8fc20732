"""The configuration: which source says what, and the parameters a run begins with."""

import pytest

from magnus.app.composition import services
from magnus.app.composition.load_configuration import examine_configuration, load_configuration
from magnus.errors import InvalidConfiguration


def loaded(tmp_path, text=None, defaults=None, **variables):
    if text is not None:
        (tmp_path / "c.yaml").write_text(text)
    if defaults is not None:
        (tmp_path / "magnus-config.yaml").write_text(defaults)
    return load_configuration("" if text is None else "c.yaml", variables, tmp_path)


def wrong(tmp_path, *sources, **variables):
    with pytest.raises(InvalidConfiguration) as caught:
        loaded(tmp_path, *sources, **variables)
    return [str(problem) for problem in caught.value.problems]


def test_without_any_file_the_services_are_persistent(tmp_path):
    found = loaded(tmp_path)
    assert {family: service["type"] for family, service in found.as_json().items()} == {
        "executor": "local",
        "run_log_store": "file-system",
        "catalog": "file-system",
        "secrets": "do-nothing",
        "experiment_tracker": "do-nothing",
        "pickler": "pickle",
    }
    assert (found.file, found.variables) == ("", frozenset())


def test_the_first_source_that_names_a_service_decides_it(tmp_path):
    found = loaded(
        tmp_path,
        "catalog: {type: do-nothing}\n",
        "defaults:\n  catalog: {type: file-system}\n  run_log_store: {type: buffered}\n",
    )
    assert (found.catalog.type, found.run_log_store.type, found.executor.type) == ("do-nothing", "buffered", "local")


def test_the_environment_names_the_file_unless_it_is_given(tmp_path):
    (tmp_path / "e.yaml").write_text("run_log_store: {type: buffered}\n")
    named = {"MAGNUS_CONFIGURATION_FILE": "e.yaml"}
    assert loaded(tmp_path, **named).run_log_store.type == "buffered"
    assert loaded(tmp_path, "catalog: {type: do-nothing}\n", **named).run_log_store.type == "file-system"


def test_variables_are_replaced_in_both_spellings_and_named(tmp_path):
    found = loaded(
        tmp_path,
        'catalog: {type: file-system, config: {catalog_location: "${where}/$what"}}\n',
        MAGNUS_VAR_where="here",
        MAGNUS_VAR_what="now",
    )
    assert found.catalog.config == {"catalog_location": "here/now"}
    assert found.variables == {"where", "what"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "c.yaml:1:1: error: the configuration must be a mapping\n  fix: write 'executor:' and the like"),
        ("executor: local\n", "c.yaml:1:1: error: executor must say its type\n  fix: write type: local below it"),
        ("catalog: {config: {}}\n", "c.yaml:1:1: error: catalog must say its type\n  fix: write type: file-system below it"),
        ("catalog: {type: do-nothing, confg: {}}\n", "c.yaml:1:29: error: unknown key 'catalog.confg'\n  fix: did you mean 'config'?"),
        ("catalog: {type: do-nothing, config: 3}\n", "c.yaml:1:29: error: config of catalog must be a mapping\n  fix: write its options below it, as 'name: value' lines"),
        ("defaults: {executor: {type: local}}\n", "c.yaml:1:1: error: unknown key 'defaults'\n  fix: only magnus-config.yaml of the working directory has 'defaults:'; write the services at the top of this file"),
        ("zzz: {}\n", "c.yaml:1:1: error: unknown key 'zzz'\n  fix: there are 'executor', 'run_log_store', 'catalog', 'secrets', 'experiment_tracker', 'pickler'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_configuration(tmp_path, text, message):
    assert wrong(tmp_path, text) == [message]


def test_services_beside_the_defaults_are_refused_and_not_left_unread(tmp_path):
    text = "executor: {type: local-container}\ndefault: {catalog: {type: do-nothing}}\n"
    assert wrong(tmp_path, None, text) == [
        "magnus-config.yaml:1:1: error: 'executor' must stand below 'defaults:' in this file\n"
        "  fix: write 'defaults:' above it, and indent it",
        "magnus-config.yaml:2:1: error: unknown key 'default'\n  fix: did you mean 'defaults'?",
    ]


def test_defaults_that_are_no_mapping(tmp_path):
    assert wrong(tmp_path, None, "defaults: 3\n") == [
        "magnus-config.yaml:1:1: error: the services must be a mapping\n  fix: write 'executor:' and the like"
    ]


def test_everything_that_is_wrong_with_a_configuration_is_said_at_once(tmp_path):
    text = (
        "executr: {type: local}\n"
        "catalog: {type: file-system, config: {strict: .nan}}\n"
        "secrets: {type: $kind}\n"
        "pickler: {kind: pickle}\n"
        "run_log_store: {type: file-system, config: [1]}\n"
    )
    assert [problem.partition("\n")[0] for problem in sorted(wrong(tmp_path, text))] == [
        "c.yaml:1:1: error: unknown key 'executr'",
        "c.yaml:2:47: error: .nan is no JSON value",
        "c.yaml:3:17: error: the variable 'kind' is not set",
        "c.yaml:4:1: error: pickler must say its type",
        "c.yaml:5:36: error: config of run_log_store must be a mapping",
    ]


def test_what_is_right_in_a_configuration_counts_beside_what_is_wrong(tmp_path):
    (tmp_path / "c.yaml").write_text("executr: {type: local}\nrun_log_store: {type: buffered}\ncatalog: {type: $no}\n")
    found, problems = examine_configuration("c.yaml", {}, tmp_path)
    assert (found.run_log_store.type, found.catalog.type, len(problems)) == ("buffered", "file-system", 2)


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("executor: local-container\n", "write type: local-container below it"),
        ("executor: {type: local, enable_parallel: true}\n", "options stand under 'config:' of executor"),
        ("executor: {type: local, confg: {}}\n", "did you mean 'config'?"),
    ],
)
def test_options_in_the_wrong_place(tmp_path, text, fix):
    [problem] = wrong(tmp_path, text)
    assert problem.endswith(f"\n  fix: {fix}")


def test_the_defaults_may_name_the_parameters_file(tmp_path):
    found = loaded(tmp_path, defaults="defaults:\n  parameters_file: ${where}/p.yaml\n", MAGNUS_VAR_where="x")
    assert found.parameters_file == "x/p.yaml"
    assert found.variables == {"where"}
    assert loaded(tmp_path, "catalog: {type: do-nothing}\n", MAGNUS_VAR_where="y").parameters_file == "y/p.yaml"


def test_a_parameters_file_that_is_no_path(tmp_path):
    assert wrong(tmp_path, None, "defaults:\n  parameters_file: [p.yaml]\n") == [
        "magnus-config.yaml:2:3: error: parameters_file must be text\n  fix: write the path of a file"
    ]
    assert wrong(tmp_path, "parameters_file: p.yaml\n", "defaults: {}\n") == [
        "c.yaml:1:1: error: unknown key 'parameters_file'\n"
        "  fix: write it below 'defaults:' of magnus-config.yaml, or name the file with -p"
    ]


def test_a_folder_can_stand_for_the_working_directory(tmp_path):
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    (folder / "sub").mkdir(parents=True)
    elsewhere.mkdir()
    (folder / "c.yaml").write_text("catalog: {type: file-system, config: {catalog_location: kept}}")
    (folder / "magnus-config.yaml").write_text("defaults: {secrets: {type: dotenv}}")
    named = {"MAGNUS_CONFIGURATION_FOLDER": str(folder)}
    loaded = load_configuration("c.yaml", named, elsewhere)
    built = services.services(loaded, elsewhere)
    assert loaded.file == "c.yaml"
    assert loaded.secrets.type == "dotenv"
    assert built.catalog.location == folder / "kept"
    assert built.run_log_store.capabilities.persistent
    assert services.hidden_folders(built) == (folder / "kept", folder / ".run_log_store")


@pytest.mark.parametrize("folder", ["relative", "/not/there"])
def test_what_stands_for_the_working_directory_is_an_absolute_folder(tmp_path, folder):
    with pytest.raises(InvalidConfiguration, match="must be the absolute path of a folder"):
        load_configuration("", {"MAGNUS_CONFIGURATION_FOLDER": folder}, tmp_path)
