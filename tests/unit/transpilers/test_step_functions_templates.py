"""Templates have what the schemas of AWS for resources of CloudFormation ask for, as cfn-lint knows them."""

import pytest
from cfnlint.api import ManualArgs, lint
from written_machines import files, loaded

from magnus.transpilers.step_functions.options import Network, Override, Roles, Secret, Volume

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/given"
ALIKE = {
    "tags": {"team": "us"},
    "schedule": "rate(1 day)",
    "environment": {"MODE": "test"},
    "secrets": (Secret("DB_PASSWORD", f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:db-AbCdEf:password::"),),
    "volumes": (Volume("fs-0123456789abcdef0", "/mnt/data", access_point="fsap-0123456789abcdef0"),),
    "execution_log_group": f"arn:aws:logs:eu-central-1:{ACCOUNT}:log-group:states:*",
}
SUBNETS = Network(("subnet-0123456789abcdef0",), ("sg-0123456789abcdef0",))
FARGATE = {"platform": "fargate", "cpu": 1, "memory": 2048, "ephemeral_storage": 30}
ECS = {"compute": "ecs", "cluster": "team", "network": SUBNETS}
BIG = {"gpu": 1, "shared_memory": 64, "overrides": {"big": Override(memory=8192, tags={"size": "big"})}}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="batch"),
        pytest.param({**ALIKE, **BIG}, id="all of batch"),
        pytest.param({**ALIKE, **FARGATE}, id="batch on fargate"),
        pytest.param({**ALIKE, **ECS, **BIG}, id="ecs"),
        pytest.param({**ALIKE, **ECS, **FARGATE}, id="ecs on fargate"),
        pytest.param({"roles": Roles(ROLE, ROLE, ROLE, ROLE), "retries": 0}, id="given roles"),
        pytest.param({"map": "distributed"}, id="distributed map"),
    ],
)
def test_a_template_has_no_faults(options):
    template = files(loaded("map"), **options)["step-functions/template.json"]
    assert [str(fault) for fault in lint(template, config=ManualArgs(regions=["eu-central-1"]))] == []


def test_the_schemas_are_used():
    template = files(loaded("map"))["step-functions/template.json"]
    broken = template.replace('"PlatformCapabilities"', '"Platform"')
    assert broken != template
    assert "'Platform'" in str(*lint(broken, config=ManualArgs(regions=["eu-central-1"])))
