"""Compares two runs of one run log store."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from magnus.app import services
from magnus.app.compare.align_steps import pairs
from magnus.app.compare.causes import Places, code_causes, data_causes, parameter_causes, variable_causes
from magnus.app.compare.compare_environment import commit_causes, environment_causes, interruptions, notes, run_changes
from magnus.app.compare.compare_pipelines import pipeline_causes
from magnus.app.compare.compare_steps import step_differences, timings
from magnus.app.compare.model import Difference, Timing
from magnus.app.compare.read_run import Alike, ReadRun, alike
from magnus.app.compare.verdict import ONE_RUN, in_order, verdict
from magnus.app.composition.load_configuration import load_configuration
from magnus.app.inspect.find_run import find_run


def diff(first: str, second: str, configuration_file: str, environment: Mapping[str, str]) -> Difference:
    """The difference of two runs, by their ids, prefixes of these, or `latest`.

    RunNotFound if the store of the configuration has no such run.
    """
    working_directory = Path.cwd()
    configuration = load_configuration(configuration_file, environment, working_directory)
    catalog = services.catalog(configuration, working_directory)
    with closing(services.run_log_store(configuration, working_directory)) as store:
        one, other = (ReadRun(find_run(store, run), store, catalog) for run in (first, second))
        return compared(one, other, alike(one, other))


def compared(first: ReadRun, second: ReadRun, is_alike: Alike) -> Difference:
    """The difference of two runs, in the order of execution."""
    side_by_side = pairs(first, second)
    places = Places(side_by_side)
    steps = step_differences(side_by_side, is_alike)
    located = (
        *pipeline_causes(first, second),
        *code_causes(first, second, side_by_side),
        *parameter_causes(first, second, side_by_side),
        *variable_causes(first, second),
        *data_causes(side_by_side),
    )
    causes = in_order(
        (
            *map(places.placed, located),
            *environment_causes(first, second),
            *interruptions(first, second, side_by_side),
        ),
        steps,
    )
    commits = tuple(commit_causes(first, second))
    facts = first.facts(), second.facts()
    whole = Timing("", "", "", facts[0].seconds, facts[1].seconds)
    return Difference(
        first=facts[0],
        second=facts[1],
        verdict=ONE_RUN if facts[0].run_id == facts[1].run_id else verdict(causes, commits, steps),
        causes=(*causes, *commits),
        run=run_changes(first, second),
        steps=steps,
        timings=(whole, *timings(side_by_side)),
        notes=notes(first, second),
    )
