"""AWS Step Functions with AWS Batch and S3 of `step_functions_server.py`: tests start machines and look at them."""

import json
import os
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import boto3
import dockerd
import object_servers
from container_engines import IMAGE
from safety_net import LONGEST_SECONDS

SERVER = Path(__file__).with_name("step_functions_server.py")
QUEUE = "magnus"
CLUSTER = "magnus"
BUCKET = "magnus"
REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_DEFAULT_REGION": REGION}
ROLE = "arn:aws:iam::123456789012:role/states"
PAUSE_SECONDS = 0.05


@contextmanager
def running(folder, mode, docker_host=""):
    """The services, whose jobs run as `processes` or in `containers` of the engine."""
    object_servers.need(find_spec("moto") is not None, "moto is not installed: make .venv/ready")
    port = object_servers.free_port()
    command = [sys.executable, SERVER, str(port), folder, mode]
    environment = {"DOCKER_HOST": docker_host} if docker_host else {}
    address = f"http://127.0.0.1:{port}"
    with object_servers.running(command, address, folder / "server.log", environment):
        services = Services(address, folder, docker_host)
        services.set_up()
        yield services


@dataclass(frozen=True)
class End:
    """How an execution ended: its status as AWS names it, its error and cause, and the events in its history."""

    status: str
    error: str
    cause: str
    events: int = 0


class Services:
    """Clients of the services, and short ways to use them."""

    def __init__(self, address, folder, docker_host=""):
        self.address, self.folder, self.docker_host = address, folder, docker_host

    def client(self, service):
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y"}
        return boto3.client(service, REGION, endpoint_url=self.address, **keys)

    @cached_property
    def states(self):
        return self.client("stepfunctions")

    @cached_property
    def batch(self):
        return self.client("batch")

    @cached_property
    def ssm(self):
        return self.client("ssm")

    @cached_property
    def s3(self):
        return self.client("s3")

    def set_up(self):
        """A bucket, a queue and a cluster, which users have already."""
        (self.folder / "images").mkdir()
        self.client("iam").create_role(RoleName="states", AssumeRolePolicyDocument="{}")
        self.s3.create_bucket(Bucket=BUCKET)
        computes = {"type": "UNMANAGED", "state": "ENABLED", "serviceRole": ROLE}
        self.batch.create_compute_environment(computeEnvironmentName="compute", **computes)
        order = [{"order": 1, "computeEnvironment": "compute"}]
        self.batch.create_job_queue(jobQueueName=QUEUE, state="ENABLED", priority=1, computeEnvironmentOrder=order)
        self.client("ecs").create_cluster(clusterName=CLUSTER)

    def on_ecs(self):
        """The options of machines whose tasks run in the cluster."""
        subnets = self.client("ec2").describe_subnets()["Subnets"]
        groups = self.client("ec2").describe_security_groups()["SecurityGroups"]
        network = {"subnets": [subnets[0]["SubnetId"]], "security_groups": [groups[0]["GroupId"]]}
        return {"compute": "ecs", "platform": "fargate", "cluster": CLUSTER, "network": network}

    def image(self, name, folder):
        """Make an image of the folder: of the name for containers, else the folder itself stands for it."""
        if self.docker_host:
            dockerfile = self.folder / "Dockerfile"
            dockerfile.write_text(f"FROM {IMAGE}\nWORKDIR /project\nCOPY . ./\n")
            with dockerd.client(self.docker_host) as client:
                build = {"dockerfile": str(dockerfile), "network_mode": "none", "rm": True}
                client.images.build(path=str(folder), tag=name, **build)
        else:
            link = self.folder / "images" / quote(name, safe="")
            if not link.is_symlink():
                link.symlink_to(folder)

    def machine(self, name, definition):
        """The ARN of a new machine."""
        text = json.dumps(definition)
        return self.states.create_state_machine(name=name, definition=text, roleArn=ROLE)["stateMachineArn"]

    def start(self, machine, name, **given):
        """The ARN of a new execution with this input."""
        answer = self.states.start_execution(stateMachineArn=machine, name=name, input=json.dumps(given))
        return answer["executionArn"]

    def wait(self, execution):
        """The end of the execution."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while (said := self.states.describe_execution(executionArn=execution))["status"] == "RUNNING":
            assert time.monotonic() < deadline, self.history(execution)[-5:]
            time.sleep(PAUSE_SECONDS)
        return End(said["status"], said.get("error", ""), said.get("cause", ""), len(self.history(execution)))

    def stop(self, execution):
        self.states.stop_execution(executionArn=execution, error="by hand", cause="a user stopped it")

    def history(self, execution):
        """The events of the execution."""
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [event for page in pages for event in page["events"]]

    def running_jobs(self):
        """The jobs that run: their ids, their commands, and the pid or the container each is `at`."""
        found = []
        for file in (self.folder / "running").glob("*.json"):
            with suppress(FileNotFoundError):  # it has just ended
                found.append(json.loads(file.read_text()))
        return found

    def wait_for(self, condition):
        """Wait until the condition holds; returns what it gives."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while not (held := condition()):
            assert time.monotonic() < deadline, f"{self.running_jobs()}\n{self.printed()[-3000:]}"
            time.sleep(PAUSE_SECONDS)
        return held

    def printed(self):
        """What all jobs printed, for messages of tests."""
        return "\n".join(file.read_text(errors="replace") for file in sorted((self.folder / "logs").iterdir()))

    def kill(self, job, number, reason=""):
        """Send a signal to the job; `reason` is why it ends, as Batch says it."""
        if reason:
            (self.folder / "running" / f"{job['id']}.reason").write_text(reason)
        if self.docker_host:
            with dockerd.client(self.docker_host) as client:
                client.containers.get(job["at"]).kill(number)
        else:
            os.kill(job["at"], number)
