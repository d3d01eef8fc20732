"""The options of the executor `aws-step-functions`, as they are written in the configuration."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Seconds = Annotated[int, Meta(ge=1, le=31_536_000)]
Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Name = Annotated[str, Meta(min_length=1)]
Texts = Mapping[str, str]


class Roles(Struct, frozen=True, forbid_unknown_fields=True):
    """The ARNs of roles that exist; the CloudFormation template creates the others.

    Attributes:
        states: of the state machine.
        job: of the containers, whose code reaches stores and secrets by it.
        execution: by which AWS starts containers: it pulls images, writes logs and reads `secrets`.
        events: by which EventBridge starts executions.
    """

    states: str = ""
    job: str = ""
    execution: str = ""
    events: str = ""


class Secret(Struct, frozen=True, forbid_unknown_fields=True):
    """A variable of the environment of every container, from AWS Secrets Manager or the SSM Parameter Store.

    Attributes:
        environment_variable: the name of the variable.
        value_from: the ARN of the secret or of the parameter.
    """

    environment_variable: Name
    value_from: Name


class Volume(Struct, frozen=True, forbid_unknown_fields=True):
    """A file system of Amazon EFS, and where containers see it.

    Attributes:
        file_system: its id, as in `fs-0123456789abcdef0`.
        mount_path: the folder in containers.
        root_directory: the folder of the file system that is mounted.
        access_point: the id of an access point, or "".
    """

    file_system: Name
    mount_path: Name
    root_directory: str = "/"
    access_point: str = ""


class Network(Struct, frozen=True, forbid_unknown_fields=True):
    """The network of containers on Fargate, and of tasks of ECS.

    Attributes:
        subnets: the ids of the subnets; only for ECS, since a queue of AWS Batch has its own.
        security_groups: the ids of the security groups; only for ECS.
        assign_public_ip: whether containers on Fargate have an address of the internet.
    """

    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    assign_public_ip: bool = False


class Override(Struct, frozen=True, forbid_unknown_fields=True):
    """What is different for the steps that name it.

    Attributes:
        image: the image of the container.
        queue: the job queue of AWS Batch.
        cpu: the number of virtual processors.
        memory: in MiB.
        gpu: the number of graphics processors.
        shared_memory: the size of `/dev/shm` in MiB.
        ephemeral_storage: the size of the disk on Fargate in GiB.
        retries: how often AWS starts a job again that its infrastructure stopped.
        timeout: after how many seconds AWS stops a job.
        environment: more variables of the container.
        tags: more tags.
        max_concurrency: of a map: how many of its branches run at a time.
        map: of a map: where its branches run.
        together: of a step with branches: whether one job runs all of them, with as many workers as it has processors.
    """

    image: str | None = None
    queue: str | None = None
    cpu: Annotated[float, Meta(gt=0)] | None = None
    memory: Positive | None = None
    gpu: Count | None = None
    shared_memory: Positive | None = None
    ephemeral_storage: Positive | None = None
    retries: Count | None = None
    timeout: Seconds | None = None
    environment: Texts = field(default_factory=dict)
    tags: Texts = field(default_factory=dict)
    max_concurrency: Positive | None = None
    map: Literal["auto", "inline", "distributed"] | None = None
    together: bool = False


class StepFunctionsOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The options of the state machine and its jobs.

    Attributes:
        image: the image of all containers, with magnus, the pipeline and the code of its steps.
        region: the region, as in `eu-central-1`.
        queue: the name or the ARN of the job queue of AWS Batch.
        name: the name of the state machine; names of other resources start with it.
        account: the number of the account; with it files for commands of `aws` are written beside the template.
        compute: who runs containers: AWS Batch (`submitJob`), or Amazon ECS (`runTask`).
        platform: where containers run.
        cluster: the name or the ARN of the cluster of ECS.
        network: the network of containers.
        program: the command line that starts magnus in the image.
        cpu: the number of virtual processors of a job.
        memory: of a job, in MiB.
        gpu: the number of graphics processors of a job.
        shared_memory: the size of `/dev/shm` in MiB.
        ephemeral_storage: the size of the disk on Fargate in GiB.
        retries: how often AWS starts a job again that its infrastructure stopped; apart from `max_attempts` of steps.
        timeout: after how many seconds AWS stops a job.
        max_duration: after how many seconds AWS stops an execution.
        max_concurrency: of a map: how many of its branches run at a time.
        map: where the branches of a map run: in the execution (`inline`), or in executions of their own (`distributed`).
        inline_branches: up to how many branches a map is inline with `map: auto`.
        handover: a place in S3, as in `s3://my-bucket/magnus`, where processes write which branches run.
        buckets: places in S3, as in `s3://my-bucket/runs`, that containers read and write.
        roles: the ARNs of roles that exist.
        environment: variables of all containers.
        secrets: variables of all containers, from Secrets Manager or the Parameter Store.
        volumes: file systems of Amazon EFS that all containers see.
        readable_secrets: the ARNs of secrets and parameters that code reads by `aws-secrets-manager` and `aws-ssm`.
        log_group: the log group of CloudWatch for the output of containers; it has to exist.
        execution_log_group: the ARN of the log group of CloudWatch for the events of executions.
        tags: tags of roles, definitions of containers and machines.
        schedule: when the machine is started, as EventBridge writes it: `rate(1 day)`, `cron(0 3 * * ? *)`.
        expose_parameters_as_inputs: whether initial parameters may be changed in the input of an execution.
        fuse: whether jobs of steps also start and join branches and record ends, so that fewer jobs start.
        output_folder: the folder of the files that are written.
        overrides: what is different for steps, by the name that they say under `overrides: {aws-step-functions: ...}`.
    """

    image: Name
    region: Name
    queue: str = ""
    name: Name = "magnus"
    account: str = ""
    compute: Literal["batch", "ecs"] = "batch"
    platform: Literal["ec2", "fargate"] = "ec2"
    cluster: str = ""
    network: Network = Network()
    program: tuple[str, ...] = ("magnus",)
    cpu: Annotated[float, Meta(gt=0)] = 1
    memory: Positive = 2048
    gpu: Count = 0
    shared_memory: Positive | None = None
    ephemeral_storage: Positive | None = None
    retries: Count = 3
    timeout: Seconds = 7_200
    max_duration: Seconds = 172_800
    max_concurrency: Positive = 40
    map: Literal["auto", "inline", "distributed"] = "auto"
    inline_branches: Positive = 200
    handover: str = ""
    buckets: tuple[str, ...] = ()
    roles: Roles = Roles()
    environment: Texts = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    volumes: tuple[Volume, ...] = ()
    readable_secrets: tuple[str, ...] = ()
    log_group: str = ""
    execution_log_group: str = ""
    tags: Texts = field(default_factory=dict)
    schedule: str = ""
    expose_parameters_as_inputs: bool = True
    fuse: bool = True
    output_folder: Name = "step-functions"
    overrides: Mapping[str, Override] = field(default_factory=dict)
