"""Sends a finished run to the experiment tracker, which missed it or a part of it."""

import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from magnus.app.composition import services
from magnus.app.composition.load_configuration import load_configuration
from magnus.app.inspect.find import find_run
from magnus.engine.context import Clock
from magnus.engine.interaction.tracking import StepNames, Tracking, reason_of
from magnus.engine.secrets.masking import Masker
from magnus.errors import ExperimentTrackerError, InvalidConfiguration, InvalidInput
from magnus.interfaces.capabilities import Located
from magnus.interfaces.experiment_tracker import KeepsNothing, TrackedRun
from magnus.interfaces.reporter import Reporter
from magnus.run_log.records import ENDED, StepRecord
from magnus.run_log.step_walk import SeenStep, walk


def track(text: str, configuration_file: str, environment: Mapping[str, str], reporter: Reporter) -> tuple[str, int]:
    """Send a finished run to the tracker of the configuration; returns its id and the number of steps.

    InvalidInput if there is no such run, it has not finished, or the tracker stores nothing; ExperimentTrackerError if
    the tracker cannot be reached, or refuses.
    """
    folder = Path.cwd()
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # objects may be of classes of the project
    configuration = load_configuration(configuration_file, environment, folder)
    service_set = services.services(configuration, folder)
    with closing(service_set.run_log_store) as store:
        run = find_run(store, text)
        if isinstance(service_set.experiment_tracker, KeepsNothing):
            tracker = configuration.experiment_tracker
            message = f"an experiment tracker of type '{tracker.type}' keeps nothing"
            raise InvalidConfiguration(
                message, fix="name a configuration with another: -c FILE", location=tracker.locate()
            )
        if run.status not in ENDED:
            raise InvalidInput(f"the run '{run.run_id}' has not finished", fix="wait for its end, or resume it")
        clock = Clock()
        tracking = Tracking(
            service_set.experiment_tracker,
            service_set.experiment_tracker_settings,
            masker=Masker(),
            reporter=reporter,
            now=clock.now,
            monotonic=clock.monotonic,
            names=StepNames(store),
            contents=(service_set.catalog, service_set.picklers),
        )
        dag = run.run_config.get("dag")
        name = dag.get("name") if isinstance(dag, dict) else None
        place = f"{service_set.catalog.location}/{run.run_id}" if isinstance(service_set.catalog, Located) else ""
        steps_and_branches = walk(lambda branch: store.list_steps(run.run_id, branch))
        steps = [one.record for one in steps_and_branches if isinstance(one, SeenStep) and _is_tracked(one.record)]
        try:
            tracking.tell_all(TrackedRun(run.run_id, run.tag, str(name or ""), place), run, steps)
        except ExperimentTrackerError as error:
            raise ExperimentTrackerError(
                f"the experiment tracker has not received all of the run '{run.run_id}': {reason_of(error)}",
                fix="send it again later; values that it has already are not counted twice",
            ) from error
    return run.run_id, len(steps)


def _is_tracked(step: StepRecord) -> bool:
    """Whether the step is sent; steps with branches are not, since the steps in their branches are."""
    return step.status in ENDED and not step.is_terminal and step.branching is None
