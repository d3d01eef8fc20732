"""The picture of a pipeline, for `magnus graph`: loads the pipeline, and draws it; nothing of it is run."""

from collections.abc import Mapping
from pathlib import Path

from magnus.app.pipelines import load_pipeline
from magnus.graph.graph import Graph


def graph_to_draw(file: str, environment: Mapping[str, str], working_directory: Path) -> Graph:
    """The graph of a pipeline in a YAML or python file; InvalidDefinition when it is faulty."""
    return load_pipeline(file, None, environment, working_directory).graph


def write_whole(file: Path, text: str) -> None:
    """Write a file of text so that it is there as a whole or not at all; InvalidInput when it cannot be written."""
    import os  # lazy: most pictures are printed
    from tempfile import NamedTemporaryFile

    from magnus.errors import InvalidInput

    made = ""
    try:
        with NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, prefix=".", delete=False) as other:
            made = other.name
            other.write(text)
        umask = os.umask(0)
        os.umask(umask)
        Path(made).chmod(0o666 & ~umask)
        Path(made).replace(file)
    except OSError as error:
        if made:
            Path(made).unlink(missing_ok=True)
        message = f"the file '{file}' cannot be written: {error.strerror}"
        raise InvalidInput(message, fix="choose another place with -o") from error
