"""Loads the pipeline of a run, from YAML or python, with the node types that other packages have."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from magnus.app.composition import plugins
from magnus.definition.loader import Examination, LoadedPipeline, examine, examine_built, load, load_built
from magnus.definition.nodes import NodeType, unknown_type
from magnus.errors import InvalidConfiguration, Problem

if TYPE_CHECKING:
    from magnus.definition.built_pipeline import BuiltPipeline  # lazy: most pipelines are files

_SUFFIX: Final = ".py"
_NODE_TYPES: Final = "nodes"
"""The family of plugins."""


def load_pipeline(
    file: str, built: "BuiltPipeline | None", environment: Mapping[str, str], working_directory: Path
) -> LoadedPipeline:
    """The pipeline; InvalidDefinition carries all that is wrong.

    `file` is YAML, or a python file, which may be followed by `:` and the name of a pipeline in it, or of a function
    that returns one.
    """
    if built is not None:
        return load_built(built, environment, find_node_type)
    path, name = python_file(file)
    if not path:
        return load(file, environment, find_node_type)
    from magnus.app.run.pipeline_script import built_by  # lazy: most pipelines are YAML

    return load_built(built_by(path, name, working_directory), environment, find_node_type)


def examine_pipeline(
    file: str, built: "BuiltPipeline | None", environment: Mapping[str, str], working_directory: Path
) -> Examination:
    """Read a pipeline that may be wrong. Raises InvalidDefinition when no part of it can be read."""
    if built is not None:
        return examine_built(built, environment, find_node_type)
    path, name = python_file(file)
    if not path:
        return examine(file, environment, find_node_type)
    from magnus.app.run.pipeline_script import built_by  # lazy: as above

    return examine_built(built_by(path, name, working_directory), environment, find_node_type)


def is_python_file(file: str) -> bool:
    """Whether what names a pipeline names a python file."""
    return bool(python_file(file)[0])


def python_file(file: str) -> tuple[str, str]:
    """The path of a python file and the name of something in it; empty when it is none."""
    path, _, name = (file, "", "") if file.endswith(_SUFFIX) else file.rpartition(":")
    return (path, name) if path.endswith(_SUFFIX) else ("", "")


def find_node_type(word: str) -> type[NodeType] | Problem:
    """The node type of this word, which is none of magnus; or why there is none that can be used."""
    offered = plugins.offered(_NODE_TYPES)
    if word not in offered:
        return unknown_type(word, offered)
    try:
        node_type: type[NodeType] = plugins.find(_NODE_TYPES, word)
    except InvalidConfiguration as error:
        return error.problems[0]
    return node_type
