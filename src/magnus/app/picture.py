"""The picture of a pipeline, for `magnus graph`: loads the pipeline, and draws it; nothing of it is run."""

from collections.abc import Mapping
from pathlib import Path

from magnus.app.pipelines import load_pipeline
from magnus.graph.graph import Graph


def graph_to_draw(file: str, environment: Mapping[str, str], working_directory: Path) -> Graph:
    """The graph of a pipeline in a YAML or python file; InvalidDefinition when it is faulty."""
    return load_pipeline(file, None, environment, working_directory).graph
