"""Reads a pipeline file into a checked graph, with the place of everything in it. Called by `app`.

It reports all mistakes at once: in the YAML, the variables, the fields and the structure of all steps. Later checks
leave broken parts out, so that no mistake is reported twice.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from magnus.definition.compiler import Compiler, StepPlace, file_beside, raise_if_any
from magnus.definition.nodes import FindNodeType, unknown_type
from magnus.definition.normal_form import normal
from magnus.definition.shape import kind, unknown_keys
from magnus.definition.shorthands import moved, write_out
from magnus.definition.step_names import with_names_as_text
from magnus.definition.variables import replace_variables
from magnus.definition.written_pipeline import WrittenPipeline
from magnus.definition.yaml_text import Document, KeyPath, Reading, read_with_faults
from magnus.errors import InvalidDefinition, Location, Problem, in_order
from magnus.graph.hash import dag_hash
from magnus.graph.nodes import Graph, Node
from magnus.suggest import near
from magnus.values import Json, UserObject

if TYPE_CHECKING:
    from magnus.definition.built_pipeline import BuiltPipeline  # lazy: most pipelines are files

_DAG: Final = "dag"
"""The key of the pipeline in its file."""


class LoadedPipeline(Struct, frozen=True):
    """A pipeline file: the graph to run, and the written pipeline.

    Attributes:
        graph: the checked graph.
        dag: the value of `dag:`, without shorthands, before variables are replaced.
        dag_hash: the hash of the pipeline in its normal form.
        variables: the names of the variables in the file and in the files it includes.
        warnings: problems that do not stop a run.
        steps: all tasks and composites with their places.
        functions: the functions that no import can find, by their commands.
        file: the file of the pipeline.
        included: the value of `dag:` of each included file, likewise, by its name.
    """

    graph: Graph
    dag: Json
    dag_hash: str
    variables: frozenset[str]
    warnings: tuple[Problem, ...]
    steps: Sequence[StepPlace]
    functions: Mapping[str, Callable[..., UserObject]]
    file: str = ""
    included: Mapping[str, Json] = field(default_factory=dict)

    def locate_step(self, node: Node, field: str) -> Location | None:
        """The place of a field of the step; None if it is not in the pipeline."""
        return next((place.locate(field) for place in self.steps if place.node is node), None)


class Examination(Struct, frozen=True):
    """The result of reading a pipeline that may be wrong.

    Attributes:
        pipeline: the pipeline; None when it has mistakes.
        problems: the mistakes and warnings.
        steps: the steps that could be read.
        graph: the graph of the pipeline. If it has mistakes, they are repaired by guesses; then it is for display alone.
        unsure: names of the steps that could be read in part only.
    """

    pipeline: LoadedPipeline | None
    problems: tuple[Problem, ...]
    steps: tuple[StepPlace, ...]
    graph: Graph | None = None
    unsure: frozenset[str] = frozenset()


def load(file: str, environment: Mapping[str, str], find_type: FindNodeType = unknown_type) -> LoadedPipeline:
    """Read the pipeline, with variables from `environment`. Raises InvalidDefinition with all mistakes.

    `find_type` finds node types of other packages.
    """
    return _without_problems(examine(file, environment, find_type))


def examine(file: str, environment: Mapping[str, str], find_type: FindNodeType = unknown_type) -> Examination:
    """Read a pipeline that may be wrong. Raises InvalidDefinition when no part of it can be read."""
    return _examined(_Files(environment, find_type), file, {}, find_type)


def load_built(
    built: "BuiltPipeline", environment: Mapping[str, str], find_type: FindNodeType = unknown_type
) -> LoadedPipeline:
    """Read a pipeline that a program built; else as `load`."""
    return _without_problems(examine_built(built, environment, find_type))


def examine_built(
    built: "BuiltPipeline", environment: Mapping[str, str], find_type: FindNodeType = unknown_type
) -> Examination:
    """Read a pipeline that a program built and that may be wrong; else as `examine`."""
    files = _Files(environment, find_type)
    files.add(built.document.file, Reading(built.document, built.wrong))
    for name, dag in built.included.items():
        files.add(name, Reading(Document(name, {"dag": dag}, {}, {}), ()))
    return _examined(files, built.document.file, built.functions, find_type)


def load_recorded(
    file: str,
    dags: Mapping[str, Json],
    environment: Mapping[str, str],
    find_type: FindNodeType,
    *,
    dag_hash: str,
    variables: frozenset[str],
) -> LoadedPipeline:
    """Read the pipeline of an existing run, which was checked when the run was created; else as `load`.

    `dags` has the value of `dag:` of the file and of each included file; `variables` may be in them.
    """
    from magnus.definition.recorded_compiler import RecordedCompiler, RecordedSteps  # lazy: only parts of runs need it

    files = _Files(environment, find_type)
    for name, dag in dags.items():
        files.add_recorded(name, dag, has_variables=bool(variables))
    compiler = RecordedCompiler(files.read, {}, find_type)
    graph = compiler.graph(files.open(file, (file,)), _DAG)
    raise_if_any(list(in_order((*files.problems, *compiler.problems))))
    assert graph is not None
    included = {name: dag for name, dag in dags.items() if name != file}
    return LoadedPipeline(
        graph, dags[file], dag_hash, variables, (), RecordedSteps(graph, compiler.steps), {}, file, included
    )


def _without_problems(examined: Examination) -> LoadedPipeline:
    errors = [problem for problem in examined.problems if problem.severity == "error"]
    raise_if_any(list(in_order(errors)))
    assert examined.pipeline is not None
    return examined.pipeline


def _examined(
    files: "_Files", file: str, functions: Mapping[str, Callable[..., UserObject]], find_type: FindNodeType
) -> Examination:
    written = files.open(file, (file,))
    compiler = Compiler(files.read, functions, find_type)
    graph = compiler.graph(written, _DAG)
    problems = (*files.problems, *compiler.problems)
    if graph is None or problems:
        all_problems = (*problems, *compiler.warnings)
        return Examination(None, all_problems, tuple(compiler.steps), graph, frozenset(compiler.unsure))
    dag = written.document.value[_DAG]
    included = {name: document.value[_DAG] for name, document in files.documents.items() if name != file}
    whole = normal(dag, file, included)
    pipeline = LoadedPipeline(
        graph=graph,
        dag=dag,
        dag_hash=dag_hash(whole),
        variables=frozenset(files.variables),
        warnings=tuple(compiler.warnings),
        steps=tuple(compiler.steps),
        functions=functions,
        file=file,
        included=included,
    )
    return Examination(pipeline, (), tuple(compiler.steps), graph)


class _Files:
    """The files of a pipeline: each read once, with the variables in it replaced."""

    def __init__(self, environment: Mapping[str, str], find_type: FindNodeType) -> None:
        self._environment = environment
        self._find_type = find_type
        self._written: dict[str, WrittenPipeline] = {}
        self.documents: dict[str, Document] = {}
        self.variables: set[str] = set()
        self.problems: list[Problem] = []

    def open(self, file: str, files: tuple[str, ...]) -> WrittenPipeline:
        """The pipeline in the file."""
        if file not in self.documents:
            self.add(file, read_with_faults(file, InvalidDefinition, "the pipeline"))
        return replace(self._written[file], files=files)

    def add(self, file: str, reading: Reading) -> None:
        """Add the pipeline of a file, with its problems and variables."""
        path, problems = _root(reading.document)
        whole = write_out(reading.document, path, self._find_type)
        document = _with_names_as_text(whole.document, path)
        replaced = replace_variables(document, self._environment)
        broken = [*(moved(where, whole.moves) for where, _ in reading.wrong), *(where for where, _ in replaced.unset)]
        self.problems += (*(problem for _, problem in reading.wrong), *problems)
        self.problems += dict.fromkeys(problem for _, problem in replaced.unset)
        value = replaced.value[path[0]] if path else replaced.value
        self._written[file] = WrittenPipeline(
            value, document, path, (file,), broken=frozenset(broken), implied=whole.implied
        )
        self.documents[file] = document
        self.variables |= replaced.names

    def add_recorded(self, file: str, dag: Json, *, has_variables: bool) -> None:
        """Add a pipeline that is written out and checked, without places."""
        document = Document(file, {_DAG: dag}, {}, {})
        if has_variables:
            replaced = replace_variables(document, self._environment)
            self.problems += dict.fromkeys(problem for _, problem in replaced.unset)
            dag = replaced.value[_DAG]
        self._written[file] = WrittenPipeline(dag, document, (_DAG,), (file,))
        self.documents[file] = document

    def read(self, name: str, place: Location, files: tuple[str, ...]) -> WrittenPipeline | Problem:
        """The pipeline in a file that another file names at `place`."""
        file = file_beside(name, files[-1])
        if file in files:
            chain = " -> ".join((*files[files.index(file) :], file))
            return Problem(f"the file includes itself: {chain}", "leave one of them out", place)
        try:
            return self.open(file, (*files, file))
        except InvalidDefinition as error:
            [problem] = error.problems
            return Problem(problem.message, problem.fix, problem.location or place)


def _with_names_as_text(document: Document, path: KeyPath) -> Document:
    if not path:
        return replace(document, value=with_names_as_text(document, path, document.value))
    [key] = path
    dag = with_names_as_text(document, path, document.value[key])
    return replace(document, value={**document.value, key: dag})


def _root(document: Document) -> tuple[KeyPath, list[Problem]]:
    """The key of the pipeline in the file, and mistakes beside it. Raises InvalidDefinition when there is none.

    The file is a mapping with the key `dag` alone.
    """
    root = document.value
    if not isinstance(root, dict):
        message = f"a pipeline is a mapping with the key 'dag', this is {kind(root)}"
        raise InvalidDefinition(message, fix="write dag: first", location=document.locate())
    problems = list(unknown_keys(root, (_DAG,), document, ()))
    if _DAG in root:
        return (_DAG,), problems
    # The places of a large JSON file take a while to find, so they are looked up where something is wrong.
    missing = Problem("'dag' is missing", "write dag: first, and the pipeline indented below it", document.locate())
    if "steps" in root:
        return (), [missing]
    if key := near(_DAG, root):
        return (key,), problems
    raise InvalidDefinition.of([missing, *problems])
