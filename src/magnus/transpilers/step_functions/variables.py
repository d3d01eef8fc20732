"""The variables of the environment that containers get, among the variables that pipeline, configuration and services read here."""

from collections.abc import Mapping
from typing import Final

from magnus.transpilers.step_functions.options import StepFunctionsOptions

_OF_AWS: Final = "AWS_"


def of_containers(variables: Mapping[str, str], options: StepFunctionsOptions) -> dict[str, str]:
    """The variables that stand in definitions of containers.

    Variables of AWS are about this machine and its user; containers have a role and a region. Variables that `secrets` or
    `environment` give are left out.
    """
    given = {*options.environment, *(secret.environment_variable for secret in options.secrets)}
    return {
        name: text for name, text in variables.items() if not name.startswith(_OF_AWS) and name not in given
    }  # fmt: skip
