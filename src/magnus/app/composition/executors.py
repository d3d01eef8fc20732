"""What the configuration says under `executor`: how it spreads steps, what fits it, what starts early, or a transpiler."""

from magnus.app.composition import plugins
from magnus.app.composition.configuration import Configuration
from magnus.app.composition.services import engine_of, executor_type, options_of
from magnus.engine.context import Services
from magnus.errors import Problem
from magnus.interfaces.capabilities import ExecutorCapabilities, Located
from magnus.interfaces.executor import WarmStart
from magnus.interfaces.transpiler import Transpiler


def incompatibilities(configuration: Configuration, built: Services) -> list[Problem]:
    """What of the services does not fit the executor, or one another; each with the place it is configured at."""
    from magnus.app.composition.compatibility import problems  # lazy: only used once, and by nobody else

    configured = {"run_log_store": configuration.run_log_store, "catalog": configuration.catalog}
    capabilities = {"run_log_store": built.run_log_store.capabilities, "catalog": built.catalog.capabilities}
    located = {"run_log_store": built.run_log_store, "catalog": built.catalog}
    locations = {family: service.location for family, service in located.items() if isinstance(service, Located)}
    all_built_in = all(plugins.is_built_in(family, service.type) for family, service in configured.items())
    if all_built_in and any(plugins.is_built_in(family, configuration.executor.type) for family in plugins.ENGINES):
        integrations = []
    else:
        integrations = plugins.load_all(plugins.PREFIX + "integration")
    return [
        Problem(problem.message, problem.fix, getattr(configuration, family).locate(), severity=problem.severity)
        for family, problem in problems(executor_capabilities(configuration), capabilities, integrations, locations)
    ]


def executor_capabilities(configuration: Configuration) -> ExecutorCapabilities:
    """How the executor of the configuration spreads steps."""
    found, options = executor_type(configuration)
    declared = found.capabilities
    spread: ExecutorCapabilities = declared(options) if callable(declared) else declared
    return spread


def begin(configuration: Configuration) -> WarmStart | None:
    """Start what the executor can start before the pipeline is known, if there is such a thing."""
    found, options = executor_type(configuration)
    warm_start: WarmStart | None = found.begin(options) if hasattr(found, "begin") else None
    return warm_start


def transpiler(configuration: Configuration) -> Transpiler | None:
    """What writes the pipeline down, where the executor of the configuration is another engine; else None."""
    family, found = engine_of(configuration.executor)
    if family != "transpiler":
        return None
    made: Transpiler = found(options_of("executor", found, configuration.executor))
    return made
