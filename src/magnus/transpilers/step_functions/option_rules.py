"""What AWS refuses of options, said before anything is submitted, each with its place.

The rules are from the references of the APIs of AWS Batch, Amazon ECS, IAM, Step Functions and EventBridge.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from magnus.errors import Problem
from magnus.interfaces.transpiler import TranspileRequest
from magnus.transpilers.refusals import Keys, Refusal, looks_like_secret, problems_of
from magnus.transpilers.step_functions.handover import place_of
from magnus.transpilers.step_functions.intrinsics import is_safe
from magnus.transpilers.step_functions.options import StepFunctionsOptions
from magnus.transpilers.step_functions.settings import settings_of

_LONGEST_NAME: Final = 54
"""Names of roles have 64 characters, and the longest ending is `-execution`."""

_MOST_RETRIES: Final = 9
_SHORTEST_TIMEOUT: Final = 60
_LEAST_OF_ECS: Final = 0.125
_MOST_TAGS: Final = 50
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*\Z")
_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-\d\Z")
_ACCOUNT: Final = re.compile(r"\d{12}\Z")
_QUEUE: Final = re.compile(r"(arn:aws[a-z-]*:batch:[a-z0-9-]+:\d{12}:job-queue/)?[A-Za-z0-9_-]{1,128}\Z")
_CLUSTER: Final = re.compile(r"(arn:aws[a-z-]*:ecs:[a-z0-9-]+:\d{12}:cluster/)?[A-Za-z0-9_-]{1,255}\Z")
_IMAGE: Final = re.compile(r"[A-Za-z0-9_.:/@-]{1,255}\Z")
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+\Z", re.ASCII)
_SECRET: Final = re.compile(r"arn:aws[a-z-]*:(secretsmanager|ssm):[a-z0-9-]+:\d{12}:\S+\Z")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_FILE_SYSTEM: Final = re.compile(r"fs-[0-9a-f]{8,40}\Z")
_ACCESS_POINT: Final = re.compile(r"(fsap-[0-9a-f]{8,40})?\Z")
_LOG_GROUP: Final = re.compile(r"[A-Za-z0-9_/.#-]{1,512}\Z")
_LOG_GROUP_ARN: Final = re.compile(r"arn:aws[a-z-]*:logs:[a-z0-9-]+:\d{12}:log-group:[A-Za-z0-9_/.#-]+:\*\Z")
_RATE: Final = re.compile(r"rate\((1 (minute|hour|day)|(?!1 )[1-9]\d* (minutes|hours|days))\)\Z")
_CRON: Final = re.compile(
    r"cron\([0-9,*/-]+ [0-9,*/-]+ ([0-9A-Z,*/?#-]+) [0-9A-Z,*/-]+ ([0-9A-Z,*/?#-]+) [0-9,*/-]+\)\Z"
)
_TAG: Final = re.compile(r"[\w .:/=+@-]*\Z")

_OF_FARGATE: Final[Mapping[float, Sequence[int]]] = {
    0.25: (512, 1_024, 2_048),
    0.5: range(1_024, 4_097, 1_024),
    1: range(2_048, 8_193, 1_024),
    2: range(4_096, 16_385, 1_024),
    4: range(8_192, 30_721, 1_024),
    8: range(16_384, 61_441, 4_096),
    16: range(32_768, 122_881, 8_192),
}
"""By virtual processors the sizes of memory in MiB."""


def of_options(options: StepFunctionsOptions, request: TranspileRequest) -> Iterator[Problem]:
    """What would be refused."""
    return problems_of(_all(options), request)


def _all(options: StepFunctionsOptions) -> Iterator[Refusal]:
    yield from _names(options)
    yield from _compute(options)
    yield from _places(options)
    yield from _roles(options)
    yield from _secrets(options)
    yield from _volumes(options)
    yield from _logs(options)
    if options.schedule and not _is_schedule(options.schedule):
        message = f"'{options.schedule}' is no schedule of EventBridge"
        fix = "write it as 'rate(1 day)', 'rate(2 days)' or 'cron(0 3 * * ? *)', with '?' for the day of the month or the week"
        yield Refusal(("schedule",), message, fix)
    yield from _containers(options, "", ())
    for name in options.overrides:
        yield from _containers(options, name, ("overrides", name))
    yield from _definitions(options)


def _is_schedule(text: str) -> bool:
    cron = _CRON.match(text)
    return _RATE.match(text) is not None or (cron is not None and (cron[1], cron[2]).count("?") == 1)


def _names(options: StepFunctionsOptions) -> Iterator[Refusal]:
    if not _NAME.match(options.name) or len(options.name) > _LONGEST_NAME:
        fix = f"use letters, digits and hyphens, at most {_LONGEST_NAME}, and a letter first"
        yield Refusal(("name",), f"the name '{options.name}' is none that AWS takes for all resources", fix)
    if not _REGION.match(options.region):
        yield Refusal(("region",), f"'{options.region}' is no region of AWS", "write it as in 'eu-central-1'")
    if options.account and not _ACCOUNT.match(options.account):
        fix = "write its twelve digits, in quotes if the first one is 0"
        yield Refusal(("account",), f"'{options.account}' is no account of AWS", fix)
    for number, word in enumerate(options.program):
        if not word or not is_safe(word):
            message = f"the word '{word}' of the program has characters that cannot stand in a state machine"
            yield Refusal(("program", number), message, "write a script with a plain name into the image, and name it")
    if not options.program:
        yield Refusal(("program",), "the program has no words", "leave it out, or write '[magnus]'")


def _compute(options: StepFunctionsOptions) -> Iterator[Refusal]:
    if options.compute == "batch" and not options.queue:
        fix = "add 'queue' with the name or the ARN of a job queue, or write 'compute: ecs'"
        yield Refusal((), "jobs of AWS Batch need a queue", fix)
    if options.network.assign_public_ip and options.platform == "ec2":
        message = "'assign_public_ip' is for Fargate: on EC2 the subnet says whether machines have an address"
        yield Refusal(("network", "assign_public_ip"), message, "leave it out, or write 'platform: fargate'")
    if options.compute == "ecs":
        if not _CLUSTER.match(options.cluster):
            message = f"'{options.cluster}' is no cluster of ECS" if options.cluster else "tasks of ECS need a cluster"
            yield Refusal(("cluster",), message, "write 'cluster' with its name or its ARN")
        if not options.network.subnets:
            fix = "write 'network: {subnets: [subnet-...], security_groups: [sg-...]}'"
            yield Refusal(("network",), "tasks of ECS need a network", fix)


def _places(options: StepFunctionsOptions) -> Iterator[Refusal]:
    places: list[tuple[Keys, str]] = [(("buckets", number), url) for number, url in enumerate(options.buckets)]
    if options.handover:
        places.append((("handover",), options.handover))
    for keys, url in places:
        if place_of(url) is None:
            fix = "write s3://BUCKET/PREFIX with letters, digits, '-', '_', '.' and '='"
            yield Refusal(keys, f"'{url}' is no place in S3 that policies and machines can name", fix)


def _roles(options: StepFunctionsOptions) -> Iterator[Refusal]:
    for role in options.roles.__struct_fields__:
        arn = getattr(options.roles, role)
        if arn and not _ROLE.match(arn):
            fix = "write it as in 'arn:aws:iam::123456789012:role/NAME'"
            yield Refusal(("roles", role), f"'{arn}' is no ARN of a role", fix)


def _secrets(options: StepFunctionsOptions) -> Iterator[Refusal]:
    fix = "write it as in 'arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX' or 'arn:aws:ssm:REGION:ACCOUNT:parameter/NAME'"
    seen = set[str]()
    for number, secret in enumerate(options.secrets):
        where: Keys = ("secrets", number)
        yield from _variable((*where, "environment_variable"), secret.environment_variable)
        if secret.environment_variable in {*seen, *options.environment}:
            message = f"the variable '{secret.environment_variable}' is given twice"
            yield Refusal((*where, "environment_variable"), message, "leave one out")
        seen.add(secret.environment_variable)
        if not _SECRET.match(secret.value_from):
            message = f"'{secret.value_from}' is no ARN of a secret or of a parameter"
            yield Refusal((*where, "value_from"), message, fix)
    for number, arn in enumerate(options.readable_secrets):
        if not _SECRET.match(arn):
            yield Refusal(("readable_secrets", number), f"'{arn}' is no ARN of a secret or of a parameter", fix)


def _variable(keys: Keys, name: str) -> Iterator[Refusal]:
    if not _VARIABLE.match(name) or name.startswith("AWS_BATCH"):
        message = f"'{name}' is no name of a variable that AWS takes"
        yield Refusal(keys, message, "use letters, digits and '_', and not 'AWS_BATCH' at the start")


def _volumes(options: StepFunctionsOptions) -> Iterator[Refusal]:
    seen = set[str]()
    for number, volume in enumerate(options.volumes):
        where: Keys = ("volumes", number)
        if not _FILE_SYSTEM.match(volume.file_system):
            message = f"'{volume.file_system}' is no id of a file system"
            yield Refusal((*where, "file_system"), message, "write it as in 'fs-0123456789abcdef0'")
        if not volume.mount_path.startswith("/") or ":" in volume.mount_path:
            message = f"'{volume.mount_path}' is no folder that a volume can be seen in"
            yield Refusal((*where, "mount_path"), message, "start it with '/', without ':'")
        if volume.mount_path.rstrip("/") in seen:
            message = f"two volumes are to be seen in '{volume.mount_path}'"
            yield Refusal((*where, "mount_path"), message, "give each a folder of its own")
        seen.add(volume.mount_path.rstrip("/"))
        if not _ACCESS_POINT.match(volume.access_point):
            message = f"'{volume.access_point}' is no id of an access point"
            yield Refusal((*where, "access_point"), message, "write it as in 'fsap-0123456789abcdef0'")
        if not volume.root_directory.startswith("/"):
            message = f"'{volume.root_directory}' is no folder of a file system"
            yield Refusal((*where, "root_directory"), message, "start it with '/'")
        elif volume.access_point and volume.root_directory != "/":
            message = "with an access point, its folder is mounted, and 'root_directory' has to be '/'"
            yield Refusal((*where, "root_directory"), message, "leave it out")


def _logs(options: StepFunctionsOptions) -> Iterator[Refusal]:
    if options.log_group and not _LOG_GROUP.match(options.log_group):
        message = f"'{options.log_group}' is no name of a log group"
        yield Refusal(("log_group",), message, "write its name, not its ARN")
    if options.execution_log_group and not _LOG_GROUP_ARN.match(options.execution_log_group):
        message = f"'{options.execution_log_group}' is no ARN of a log group with ':*' at its end"
        fix = "write it as in 'arn:aws:logs:REGION:ACCOUNT:log-group:NAME:*'"
        yield Refusal(("execution_log_group",), message, fix)


def _containers(options: StepFunctionsOptions, name: str, where: Keys) -> Iterator[Refusal]:
    """Of the containers of an override, "" for the options of the configuration."""
    written = options.overrides[name] if name else options
    settings = settings_of(options, name)
    if written.image is not None and not _IMAGE.match(written.image):
        yield Refusal(
            (*where, "image"), f"'{written.image}' is no name of an image", "write it as in 'team/project:1.4'"
        )
    if written.queue and not _QUEUE.match(written.queue):
        message = f"'{written.queue}' is no job queue of AWS Batch"
        yield Refusal((*where, "queue"), message, "write its name or its ARN")
    if settings.retries > _MOST_RETRIES:
        message = f"AWS Batch starts a job {_MOST_RETRIES + 1} times at most, and 'retries' is {settings.retries}"
        yield Refusal((*where, "retries"), message, f"write {_MOST_RETRIES} or less")
    if options.compute == "batch" and settings.timeout < _SHORTEST_TIMEOUT:
        message = f"AWS Batch stops no job before {_SHORTEST_TIMEOUT} seconds, and 'timeout' is {settings.timeout}"
        yield Refusal((*where, "timeout"), message, "write 60 or more, or set 'timeout' of the step itself")
    if not name or written.cpu or written.memory or written.gpu or written.shared_memory or written.ephemeral_storage:
        yield from _sizes(options, name, where)
    yield from _tags((*where, "tags"), written.tags)
    for variable in written.environment:
        yield from _variable((*where, "environment", variable), variable)
        if looks_like_secret(variable):
            message = f"the variable {variable} looks like a secret, and everybody in the account can read definitions"
            fix = f"give it by 'secrets', with 'environment_variable: {variable}' and 'value_from'"
            yield Refusal((*where, "environment", variable), message, fix)


def _sizes(options: StepFunctionsOptions, name: str, where: Keys) -> Iterator[Refusal]:
    settings = settings_of(options, name)
    if options.platform == "fargate":
        if settings.gpu:
            yield Refusal((*where, "gpu"), "Fargate has no graphics processors", "write 'platform: ec2'")
        if settings.shared_memory is not None:
            yield Refusal((*where, "shared_memory"), "Fargate sets no size of /dev/shm", "write 'platform: ec2'")
        if settings.cpu not in _OF_FARGATE:
            every = ", ".join(f"{size:g}" for size in _OF_FARGATE)
            yield Refusal(
                (*where, "cpu"), f"Fargate has no containers with 'cpu: {settings.cpu:g}'", f"write one of {every}"
            )
        else:
            sizes = _OF_FARGATE[settings.cpu]
            if settings.memory not in sizes:
                message = f"Fargate has no containers with 'cpu: {settings.cpu:g}' and 'memory: {settings.memory}'"
                nearest = next((size for size in sizes if size >= settings.memory), sizes[-1])
                yield Refusal((*where, "memory"), message, f"write {nearest}, or change 'cpu'")
        if settings.ephemeral_storage is not None and not 21 <= settings.ephemeral_storage <= 200:
            message = f"'ephemeral_storage: {settings.ephemeral_storage}' is no size that Fargate has"
            yield Refusal((*where, "ephemeral_storage"), message, "write 21 to 200, or leave it out for 20")
        return
    if settings.ephemeral_storage is not None:
        message = "'ephemeral_storage' is for Fargate: on EC2 containers share the disk of their machine"
        yield Refusal((*where, "ephemeral_storage"), message, "leave it out, or write 'platform: fargate'")
    if options.compute == "ecs" and settings.cpu < _LEAST_OF_ECS:
        message = f"tasks of ECS have at least {_LEAST_OF_ECS} processors, and 'cpu' is {settings.cpu:g}"
        yield Refusal((*where, "cpu"), message, f"write {_LEAST_OF_ECS} or more")
    if options.compute == "batch" and not float(settings.cpu).is_integer():
        message = f"AWS Batch on EC2 counts whole processors, and 'cpu' is {settings.cpu:g}"
        yield Refusal((*where, "cpu"), message, "write a whole number")


def _tags(where: Keys, tags: Mapping[str, str]) -> Iterator[Refusal]:
    if len(tags) > _MOST_TAGS:
        yield Refusal(where, f"there are {len(tags)} tags, and AWS takes {_MOST_TAGS}", "leave some out")
    for key, text in tags.items():
        is_key = 1 <= len(key) <= 128 and not key.lower().startswith("aws:") and _TAG.match(key)
        if not is_key or len(text) > 256 or not _TAG.match(text):
            fix = "use letters, digits, spaces and _.:/=+-@; keys have at most 128, values 256 characters"
            yield Refusal((*where, key), f"'{key}: {text}' is no tag that AWS takes", fix)


def _definitions(options: StepFunctionsOptions) -> Iterator[Refusal]:
    """Overrides whose definitions of containers would have one name."""
    names: dict[str, str] = {}
    for name in options.overrides:
        settings = settings_of(options, name)
        if settings.definition == settings_of(options, "").definition:
            continue
        other = names.setdefault(settings.definition, name)
        if other != name:
            message = f"the overrides '{other}' and '{name}' both make a definition '{settings.definition}'"
            yield Refusal(("overrides", name), message, "rename one of them")
