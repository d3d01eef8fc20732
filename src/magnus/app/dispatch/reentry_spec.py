"""What an executor needs to run steps by the re-entry command, if the folders of a run are mounted.

Abilities of services decide, never their names: one that is `Located` has its files mounted, and one that
`ReadsEnvironment` gets its variables, and has the files mounted that they name, such as certificates.
"""

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from magnus import __version__
from magnus.app.composition.configuration import Configuration
from magnus.app.composition.load_configuration import FOLDER_VARIABLE
from magnus.engine.context import RunContext, Services
from magnus.graph.nodes import CompositeNode, Graph
from magnus.graph.path import StepPath
from magnus.interfaces.capabilities import Located, ReadsEnvironment, SecretVariableNames, ServiceCapabilities
from magnus.interfaces.executor import ReentrySpec, StepRequest
from magnus.interfaces.reentry import composite_command, step_command


def reentry_spec(configuration: Configuration, context: RunContext, variables: Mapping[str, str]) -> ReentrySpec:
    """How the run of `context` runs steps by the re-entry command; pipeline and configuration use the `variables`."""
    services, folder = context.services, configuration.folder
    apart = {} if folder is None else {FOLDER_VARIABLE: str(folder)}
    return ReentrySpec(
        run_id=context.run_id,
        version=__version__,
        working_directory=context.working_directory,
        written=(context.working_directory, *_locations(services.run_log_store, services.catalog)),
        read=(
            *_written_by_users(context, folder),
            *_locations(services.secrets, services.experiment_tracker),
            *_files_of_variables(services),
        ),
        environment={**variables, **variables_read(services, context.graph), **apart},
        command=partial(_command, context.graph),
        override=partial(override_of, context.graph, configuration.executor.type),
        report=context.reporter.report,
    )


def _command(graph: Graph, request: StepRequest) -> list[str]:
    """The argv that runs the step; a composite with all its branches."""
    is_composite = isinstance(graph.step(request.path), CompositeNode)
    return composite_command(request) if is_composite else step_command(request)


def _locations(*services: object) -> list[Path]:
    """The folders of services; of one with files beside its location, the folder around them."""
    located = [service for service in services if isinstance(service, Located)]
    return [service.location.parent if _has_files_beside(service) else service.location for service in located]


def _has_files_beside(service: object) -> bool:
    """Secrets providers and trackers declare no capabilities."""
    capabilities = getattr(service, "capabilities", None)
    return isinstance(capabilities, ServiceCapabilities) and bool(capabilities.beside)


def _written_by_users(context: RunContext, folder: Path | None) -> Iterator[Path]:
    """The folders of the files of pipeline and configuration; what these name may be beside them.

    `folder` is the folder of the configuration, where that is not the working directory.
    """
    if folder is not None:
        yield folder
    files = [
        (context.working_directory, context.definition_file),
        (folder or context.working_directory, context.configuration_file),
    ]
    yield from ((place / file).absolute().parent for place, file in files if file)
    if context.script:
        yield context.script.absolute().parent


def _files_of_variables(services: Services) -> list[Path]:
    """The existing files that are values of variables; a variable with a secret may have any text, and is left out."""
    readers = [service for service in _readers(services) if not isinstance(service, SecretVariableNames)]
    values = (value for service in readers for value in service.variables(()).values() if value.startswith("/"))
    return [Path(value) for value in values if os.path.isfile(value)]  # noqa: PTH113 - a value may be too long for a path


def _readers(services: Services) -> list[ReadsEnvironment]:
    families = (
        services.run_log_store,
        services.catalog,
        services.secrets,
        services.picklers.default,
        services.experiment_tracker,
    )
    return [service for service in families if isinstance(service, ReadsEnvironment)]


def variables_read(services: Services, graph: Graph) -> Mapping[str, str]:
    """The variables of the environment that services read; secrets that steps list have variables, too."""
    secrets = sorted({name for task in graph.tasks() for name in task.secrets})
    read: dict[str, str] = {}
    for service in _readers(services):
        read.update(service.variables(secrets))
    return read


def override_of(graph: Graph, kind: str, path: StepPath) -> str:
    """The overrides for executors of the type `kind` that the step names, or the nearest around it that names any."""
    override = ""
    for length in range(1, len(path.parts) + 1, 2):
        node = graph.step(StepPath(path.parts[:length]))
        override = getattr(node, "overrides", {}).get(kind, override)
    return override
