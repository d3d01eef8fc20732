"""What Kubernetes and Argo refuse of options, said before anything is submitted, each with its place.

Names, labels and quantities follow the pages "Object Names and IDs", "Labels and Selectors" and "Resource Management for
Pods and Containers" of Kubernetes; schedules and durations are as Argo reads them.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from magnus.errors import Problem
from magnus.interfaces.transpiler import TranspileRequest
from magnus.suggest import near
from magnus.transpilers.argo.manifest import quantity
from magnus.transpilers.argo.options import ArgoOptions, Backoff, Override, Resources, RetryStrategy, Toleration
from magnus.transpilers.argo.pod_templates import GPU
from magnus.transpilers.refusals import Keys, Refusal, problems_of

_LONGEST_NAMES: Final = {"Workflow": 58, "WorkflowTemplate": 63, "CronWorkflow": 52}
"""Argo adds five characters to `generateName`, and the time to the name of a scheduled workflow."""

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_DURATION: Final = re.compile(r"(\d+|(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+)\Z")
_VARIABLE: Final = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*\Z")
_KEY_OF_SECRET: Final = re.compile(r"[-._a-zA-Z0-9]{1,253}\Z")
_QUALIFIED: Final = re.compile(
    r"([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z"
)
_VALUE_OF_LABEL: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?\Z")
_SCHEDULE: Final = re.compile(
    r"((CRON_)?TZ=\S+ +)?(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|@every \S+|(\S+ +){4}\S+)\Z"
)
_SECURITY_CONTEXT: Final = (
    "appArmorProfile", "fsGroup", "fsGroupChangePolicy", "runAsGroup", "runAsNonRoot", "runAsUser", "seLinuxChangePolicy",
    "seLinuxOptions", "seccompProfile", "supplementalGroups", "supplementalGroupsPolicy", "sysctls", "windowsOptions",
)  # fmt: skip
"""The fields of `PodSecurityContext`."""


def of_options(options: ArgoOptions, request: TranspileRequest) -> Iterator[Problem]:
    """What would be refused."""
    return problems_of(_all(options), request)


def _all(options: ArgoOptions) -> Iterator[Refusal]:
    yield from _names(options)
    yield from _schedules(options)
    yield from _labels(options)
    yield from _secrets(options)
    yield from _volumes(options)
    yield from _security(options)
    if not (_QUALIFIED.match(options.gpu_vendor) and "/" in options.gpu_vendor):
        message = f"'{options.gpu_vendor}' is no name of a device"
        yield Refusal(("gpu_vendor",), message, "write it as Kubernetes has it: 'nvidia.com/gpu', 'amd.com/gpu'")
    yield from _pods((), options)
    for name, override in options.overrides.items():
        yield from _pods(("overrides", name), override)


def _names(options: ArgoOptions) -> Iterator[Refusal]:
    name = options.name.removesuffix("-")
    longest = _LONGEST_NAMES[options.kind]
    if not _LABEL.match(name):
        message = f"the name '{options.name}' is none that Kubernetes takes"
        yield Refusal(("name",), message, "use lower-case letters, digits and hyphens, as in 'magnus-dag-'")
    elif len(options.name) > longest:
        message = f"the name '{options.name}' has {len(options.name)} characters, and Argo takes {longest} here"
        yield Refusal(("name",), message, "shorten it")
    for option, pattern in (("namespace", _LABEL), ("service_account_name", _SUBDOMAIN)):
        text = getattr(options, option)
        if text and not (pattern.match(text) and len(text) <= 63):
            yield Refusal((option,), f"'{text}' is no name that Kubernetes takes", "use the name that it has there")


def _schedules(options: ArgoOptions) -> Iterator[Refusal]:
    if bool(options.schedules) != (options.kind == "CronWorkflow"):
        given = "schedules" if options.schedules else "kind"
        yield Refusal((given,), "'schedules' and 'kind: CronWorkflow' go together", "give both or none")
    for number, schedule in enumerate(options.schedules):
        if not _SCHEDULE.match(schedule):
            message = f"'{schedule}' is no schedule of cron"
            yield Refusal(
                ("schedules", number), message, "write minute, hour, day, month and weekday, as in '0 3 * * *'"
            )


def _labels(options: ArgoOptions) -> Iterator[Refusal]:
    for option in ("labels", "annotations"):
        for key, text in getattr(options, option).items():
            if not _QUALIFIED.match(key):
                yield Refusal(
                    (option, key), f"'{key}' is no key of {option} that Kubernetes takes", "as in 'team/owner'"
                )
            elif option == "labels" and not _VALUE_OF_LABEL.match(text):
                fix = "use at most 63 letters, digits and '-_.', or write it under 'annotations'"
                yield Refusal((option, key), f"'{text}' is no value of a label", fix)


def _secrets(options: ArgoOptions) -> Iterator[Refusal]:
    seen = set()
    for number, secret in enumerate(options.secrets_from_k8s):
        where: Keys = ("secrets_from_k8s", number)
        if not _VARIABLE.match(secret.environment_variable):
            message = f"'{secret.environment_variable}' is no name of a variable of the environment"
            yield Refusal((*where, "environment_variable"), message, "use letters, digits and '_'")
        if secret.environment_variable in seen:
            message = f"the variable '{secret.environment_variable}' is given twice"
            yield Refusal((*where, "environment_variable"), message, "leave one out")
        seen.add(secret.environment_variable)
        if not _SUBDOMAIN.match(secret.secret_name):
            yield Refusal((*where, "secret_name"), f"'{secret.secret_name}' is no name of a secret", "use its name")
        if not _KEY_OF_SECRET.match(secret.secret_key):
            yield Refusal((*where, "secret_key"), f"'{secret.secret_key}' is no key of a secret", "use its key")


def _volumes(options: ArgoOptions) -> Iterator[Refusal]:
    seen = set()
    for number, volume in enumerate(options.persistent_volumes):
        where: Keys = ("persistent_volumes", number)
        if not _SUBDOMAIN.match(volume.name):
            message = f"'{volume.name}' is no name of a persistent volume claim"
            yield Refusal((*where, "name"), message, "use the name that it has in Kubernetes")
        if not volume.mount_path.startswith("/") or ":" in volume.mount_path:
            message = f"'{volume.mount_path}' is no folder that a volume can be seen in"
            yield Refusal((*where, "mount_path"), message, "start it with '/', without ':'")
        if volume.mount_path.rstrip("/") in seen:
            message = f"two volumes are to be seen in '{volume.mount_path}'"
            yield Refusal((*where, "mount_path"), message, "give each a folder of its own")
        seen.add(volume.mount_path.rstrip("/"))


def _security(options: ArgoOptions) -> Iterator[Refusal]:
    for field in options.security_context:
        if field not in _SECURITY_CONTEXT:
            match = near(field.replace("_", ""), _SECURITY_CONTEXT)
            fix = f"did you mean '{match}'?" if match else f"there are {', '.join(_SECURITY_CONTEXT)}"
            yield Refusal(("security_context", field), f"the security context of a pod has no field '{field}'", fix)


def _pods(where: Keys, options: ArgoOptions | Override) -> Iterator[Refusal]:
    """Of what can be said of all pods, and in an override."""
    yield from _quantities((*where, "resources"), options.resources or Resources())
    yield from _selector((*where, "node_selector"), options.node_selector or {})
    yield from _tolerations((*where, "tolerations"), options.tolerations or ())
    yield from _waits((*where, "retry_strategy"), options.retry_strategy or RetryStrategy())
    if isinstance(options, Override) and options.fail_fast:
        message = "'fail_fast' is not there: the other branches run to their end, on every executor"
        yield Refusal((*where, "fail_fast"), message, "leave it out")


def _waits(where: Keys, strategy: RetryStrategy) -> Iterator[Refusal]:
    backoff, name = strategy.waits, "backoff" if strategy.back_off is None else "back_off"
    where = (*where, name)
    if strategy.back_off is not None and strategy.backoff != Backoff():
        yield Refusal(where, "'backoff' and 'back_off' are the same", "keep one of them")
    if backoff.duration and backoff.duration_in_seconds is not None:
        yield Refusal(where, "'duration' and 'duration_in_seconds' are the same", "keep one of them")
    if (backoff.factor or backoff.max_duration) and not backoff.first_wait:
        message = "a backoff without 'duration' has nothing to begin with"
        yield Refusal(where, message, "add how long the first wait is, as in 'duration: 30s'")
    if backoff.factor and backoff.factor % 1:
        message = f"Argo takes whole factors alone, and {backoff.factor:g} is none"
        lower, upper = math.floor(backoff.factor), math.ceil(backoff.factor)
        yield Refusal((*where, "factor"), message, f"write {lower} or {upper}")
    for option, text in (("duration", backoff.duration), ("max_duration", backoff.longest)):
        if text and not _DURATION.match(text):
            keys = (*where, option)
            yield Refusal(keys, f"'{text}' is no duration that Argo takes", "write it as '30s', '2m' or '1h30m'")


def _quantities(where: Keys, resources: Resources) -> Iterator[Refusal]:
    amounts: dict[tuple[str, str], float] = {}
    for kind in ("requests", "limits"):
        for name, written in getattr(resources, kind).items():
            try:
                amounts[kind, name] = quantity(str(written))
            except ValueError:
                fix = "write it as '500m' or '2' (cpu), '512Mi' or '4Gi' (memory)"
                if name == "gpu_vendor":
                    fix = "write 'gpu_vendor' beside 'image', for all pods"
                yield Refusal((*where, kind, name), f"'{written}' is no quantity of Kubernetes", fix)
    for (kind, name), amount in amounts.items():
        is_device = name == GPU or "/" in name
        if is_device and not amount.is_integer():
            yield Refusal((*where, kind, name), f"'{name}' is counted in whole devices", "write a whole number")
        elif is_device and kind == "requests" and amounts.get(("limits", name)) != amount:
            message = f"Kubernetes takes '{name}' under 'requests' only with the same number under 'limits'"
            yield Refusal((*where, kind, name), message, "write it under 'limits' alone")
        elif kind == "requests" and amount > amounts.get(("limits", name), amount):
            message = f"more '{name}' is requested than its limit"
            yield Refusal((*where, kind, name), message, "raise the limit, or request less")


def _selector(where: Keys, selector: Mapping[str, str]) -> Iterator[Refusal]:
    for key, text in selector.items():
        if not _QUALIFIED.match(key) or not _VALUE_OF_LABEL.match(text):
            yield Refusal((*where, key), f"'{key}: {text}' is no label of a node", "write it as the node has it")


def _tolerations(where: Keys, tolerations: Iterable[Toleration]) -> Iterator[Refusal]:
    for number, one in enumerate(tolerations):
        keys: Keys = (*where, number)
        if one.operator == "Exists" and one.value:
            yield Refusal((*keys, "value"), "with the operator 'Exists' there is no value", "leave 'value' out")
        if not one.key and one.operator != "Exists":
            yield Refusal(keys, "a toleration without a key is one of every taint", "add 'operator: Exists', or a key")
        if one.toleration_seconds is not None and one.effect != "NoExecute":
            message = "'toleration_seconds' is for the effect 'NoExecute' alone"
            yield Refusal((*keys, "toleration_seconds"), message, "leave it out, or write 'effect: NoExecute'")
