"""Redacts a run whose initial parameters held a secret.

The record of the run masks such parameters at its end. Steps that ran before the secret was obtained still have them in
their records, which are never changed, and in their output.
"""

from collections.abc import Mapping
from typing import Final, TypeVar

from msgspec.structs import replace

from magnus.definition.normal_form import written_steps
from magnus.engine.secrets.mask_run import masked_parameters
from magnus.engine.secrets.masking import MASK
from magnus.run_log.parameters import JsonParameter
from magnus.run_log.records import Branching, RunRecord, StepRecord

WHY_NO_LOG: Final = "Not shown: an initial parameter of the run held a secret, which this output may repeat.\n"

ValueT = TypeVar("ValueT")


class Redactor:
    """Masks parameters of a run in the records of its steps, too.

    Attributes:
        names: the initial parameters that held a secret, and the elements of maps over them.
    """

    def __init__(self, run: RunRecord) -> None:
        self.names = set(masked_parameters(run.parameters))
        steps = written_steps(run.run_config.get("dag"), included=run.run_config.get("included")) if self.names else ()
        self.names.update(str(step.get("iterate_as")) for _, step in steps if step.get("iterate_on") in self.names)

    def redacted(self, record: StepRecord) -> StepRecord:
        """The record with these parameters masked, and without elements of maps."""
        if not self.names:
            return record
        scope = record.scope
        if scope is not None:
            scope = replace(
                scope,
                parameters=self._masked(scope.parameters, JsonParameter(MASK)),
                map_variables=self._masked(scope.map_variables, MASK),
            )
        return replace(
            record,
            attempts=tuple(
                replace(attempt, parameters=self._masked(attempt.parameters, MASK)) for attempt in record.attempts
            ),
            parameters=self._masked(record.parameters, JsonParameter(MASK)),
            scope=scope,
            branching=_without_elements(record.branching),
        )

    def _masked(self, values: Mapping[str, ValueT], mask: ValueT) -> Mapping[str, ValueT]:
        return {name: mask if name in self.names else value for name, value in values.items()}


def _without_elements(branching: Branching | None) -> Branching | None:
    return branching and replace(branching, values=None)
