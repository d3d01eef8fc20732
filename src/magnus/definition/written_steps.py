"""The steps of a pipeline as they are written, each apart from the pipelines in it. Pure; used to compare pipelines."""

from collections.abc import Iterator, Mapping, Sequence

from magnus.definition.compiling import file_beside
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
        own: dict[str, Json] = {}
        inside: list[tuple[tuple[str, ...], Json]] = []
        for key, value in step.items():
            if isinstance(value, dict) and "steps" in value:
                inside.append(((), value))
                own[key] = {"start_at": value.get("start_at")}
            elif key == "branches" and isinstance(value, dict):
                inside += [((branch,), inner) for branch, inner in value.items()]
                own[key] = {branch: _start(inner) for branch, inner in value.items()}
            else:
                own[key] = value
        yield "/".join((*around, name)), own
        for more, inner in inside:
            yield from written_steps(inner, (*around, name, *more), file=file, included=included)
        if included and isinstance(step.get("dag_definition"), str):
            other = file_beside(step["dag_definition"], file)
            yield from written_steps(included.get(other), (*around, name), file=other, included=included)


def _start(pipeline: Json) -> Json:
    return pipeline.get("start_at") if isinstance(pipeline, dict) else pipeline
