"""The names and ARNs of the resources of a state machine. Pure; used by everything that is written for AWS."""

import re
from typing import Final

from msgspec import Struct

from magnus.transpilers.step_functions.handover import Place, place_of
from magnus.transpilers.step_functions.options import StepFunctionsOptions
from magnus.transpilers.step_functions.settings import Settings, partition, settings_of

THIS_ACCOUNT: Final = "${AWS::AccountId}"
"""The account in texts of a CloudFormation template."""

_IMAGE: Final = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)")


class Resources(Struct, frozen=True):
    """The resources in an account."""

    options: StepFunctionsOptions
    account: str

    def arn(self, service: str, resource: str, *, is_regional: bool = True) -> str:
        """The ARN of a resource in the account."""
        region = self.options.region if is_regional else ""
        return f"arn:{partition(self.options.region)}:{service}:{region}:{self.account}:{resource}"

    @property
    def machine(self) -> str:
        """The state machine of the pipeline."""
        return self.arn("states", f"stateMachine:{self.options.name}")

    @property
    def closing_name(self) -> str:
        """The name of the state machine that records the ends of runs."""
        return f"{self.options.name}-end"

    @property
    def closing(self) -> str:
        """The state machine that records the ends of runs that no process could record."""
        return self.arn("states", f"stateMachine:{self.closing_name}")

    def role_name(self, role: str) -> str:
        """The name of a role that is created."""
        return f"{self.options.name}-{role}"

    def role(self, role: str) -> str:
        """The ARN of a role: `states`, `job`, `execution` or `events`."""
        existing: str = getattr(self.options.roles, role)
        return existing or self.arn("iam", f"role/{self.role_name(role)}", is_regional=False)

    def settings(self) -> dict[str, Settings]:
        """The settings of each definition of containers, by its name."""
        every = (settings_of(self.options, name) for name in ("", *self.options.overrides))
        return {settings.definition: settings for settings in reversed([*every])}

    def queues(self) -> list[str]:
        """The ARNs of the job queues."""
        every = (settings_of(self.options, name).queue for name in ("", *self.options.overrides))
        return [
            queue if queue.startswith("arn:") else self.arn("batch", f"job-queue/{queue}")
            for queue in dict.fromkeys(every)
        ]

    def buckets(self) -> list[Place]:
        """The places in S3 that containers read and write."""
        places = map(place_of, (self.options.handover, *self.options.buckets))
        return [place for place in dict.fromkeys(places) if place is not None]

    def repositories(self) -> list[str]:
        """The ARNs of the repositories of Amazon ECR that images come from."""
        images = dict.fromkeys(settings.image for settings in self.settings().values())
        matches = filter(None, map(_IMAGE.match, images))
        of = partition(self.options.region)
        return [f"arn:{of}:ecr:{found[2]}:{found[1]}:repository/{found[3]}" for found in matches]
