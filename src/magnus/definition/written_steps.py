"""The steps of a pipeline as they are written, each apart from the pipelines in it. Pure; used to compare pipelines."""

from collections.abc import Iterator, Mapping, Sequence

from magnus.definition.compiling import file_beside
from magnus.definition.inner_pipelines import inner_files, inner_pipelines, with_inner_pipelines
from magnus.values import Json


def written_steps(
    dag: Json, around: Sequence[str] = (), *, file: str = "", included: Mapping[str, Json] | None = None
) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """The fields of each step, by the names around it and its own, joined by `/`.

    In place of a pipeline stands the step it begins at, in place of branches the names of them with that. `file` is the
    one that the pipeline is in, `included` has what is in those that it names.
    """
    if not isinstance(dag, dict):
        return
    for name, step in dag.get("steps", {}).items():
        yield "/".join((*around, name)), with_inner_pipelines(step, _start)
        for (_, *branch), pipeline in inner_pipelines(step):
            yield from written_steps(pipeline, (*around, name, *branch), file=file, included=included)
        for _, _, inner_file in inner_files(step):
            other = file_beside(inner_file, file)
            if included and other in included:
                yield from written_steps(included[other], (*around, name), file=other, included=included)


def _start(place: Sequence[str], pipeline: Json) -> Json:
    """The step that the pipeline begins at; a branch among others is that alone."""
    start = pipeline.get("start_at")
    return start if len(place) > 1 else {"start_at": start}
