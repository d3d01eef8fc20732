"""What Argo's controller and its full custom resource definitions ask of a manifest, beyond the types of its fields.

Of the pages "Enhanced Depends Logic", "Conditionals", "Loops" and "Workflow Variables" of Argo's documentation, of the
rules listed under "CRD validation" in what is new in 4.0, and of what the controller says when it refuses a workflow.
"""

import re

NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}\Z")
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
TASK = re.compile(r"[a-zA-Z_][-a-zA-Z0-9_]*")
RESULTS = {"Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed"}
KEYWORDS = {"true", "false", "nil", "not", "in", "and", "or", "matches", "contains", "let", "if", "else"}
FUNCTIONS = {"filter", "map", "count", "split", "all", "any", "one", "none", "now", "len", "first", "last", "sum"}
VARIABLE = re.compile(r"\{\{(.*?)\}\}")
TRUNCATED = re.compile(r"=sprig\.trunc\(\d+, ([\w.]+)\)")
GLOBAL = {"workflow.uid", "workflow.name", "workflow.status", "workflow.failures"}
KINDS = ("dag", "container", "suspend")


def broken(manifest):
    """What of the manifest would be refused, or not run, in words; nothing when all is well."""
    spec = manifest["spec"]["workflowSpec"] if manifest["kind"] == "CronWorkflow" else manifest["spec"]
    return [*_of_names(manifest), *_of_spec(spec)]


def _of_names(manifest):
    metadata = manifest["metadata"]
    name = metadata.get("name") or metadata["generateName"].rstrip("-") + "-12345"
    longest = 52 if manifest["kind"] == "CronWorkflow" else 63
    if not LABEL.match(name) or len(name) > longest:
        yield f"name {name}"


def _of_spec(spec):
    templates = {template["name"]: template for template in spec["templates"]}
    parameters = {f"workflow.parameters.{p['name']}" for p in spec["arguments"]["parameters"]}
    if len(templates) != len(spec["templates"]):
        yield "two templates of one name"
    for name in (spec["entrypoint"], spec["onExit"]):
        if templates[name].get("inputs"):
            yield f"{name} has inputs that nothing gives"
    volumes = [volume["name"] for volume in spec.get("volumes", ())]
    if len(set(volumes)) != len(volumes) or not all(LABEL.match(volume) for volume in volumes):
        yield f"volumes {volumes}"
    for template in spec["templates"]:
        yield from _of_template(template, templates, parameters, set(volumes))


def _of_template(template, templates, parameters, volumes):
    name = template["name"]
    if not NAME.match(name) or sum(kind in template for kind in KINDS) != 1:
        yield f"template {name}"
    known = parameters | GLOBAL | {f"inputs.parameters.{p['name']}" for p in _parameters(template, "inputs")}
    if "dag" in template:
        if "activeDeadlineSeconds" in template or "timeout" in template:
            yield f"{name}: only leaves have deadlines"
        yield from _of_dag(name, template["dag"]["tasks"], templates, known)
    elif "container" in template:
        container = template["container"]
        if not container.get("command") or not container.get("image"):
            yield f"{name}: no command or image"
        mounts = [mount["mountPath"] for mount in container.get("volumeMounts", ())]
        if len(set(mounts)) != len(mounts) or {m["name"] for m in container.get("volumeMounts", ())} - volumes:
            yield f"{name}: mounts"
        last = {"lastRetry.exitCode"} if "retryStrategy" in template else set()
        yield from _unknown(name, template, known | last)


def _of_dag(name, tasks, templates, known):
    named = {task["name"]: task for task in tasks}
    if len(named) != len(tasks):
        yield f"{name}: two tasks of one name"
    for task in tasks:
        where = f"{name}.{task['name']}"
        if not NAME.match(task["name"]) or task["name"][0].isdigit() or task["name"] in KEYWORDS | FUNCTIONS:
            yield f"{where}: its name"
        called = templates.get(task["template"])
        if called is None:
            yield f"{where}: no template {task['template']}"
            continue
        given = {argument["name"] for argument in _parameters(task, "arguments")}
        if given != {p["name"] for p in _parameters(called, "inputs")}:
            yield f"{where}: arguments {sorted(given)}"
        yield from _of_depends(where, task.get("depends", ""), named)
        outputs = {
            f"tasks.{before}.outputs.parameters.{p['name']}"
            for before in _before(task["name"], named)
            for p in _parameters(templates[named[before]["template"]], "outputs")
        }
        items = {"item"} if "withParam" in task else set()
        yield from _unknown(where, task, known | outputs | items)


def _of_depends(where, depends, named):
    for word in re.findall(r"[A-Za-z0-9_-]+(?:\.[A-Za-z]+)?", depends):
        task, _, result = word.partition(".")
        if task not in named or result not in RESULTS or not TASK.fullmatch(task):
            yield f"{where}: depends on {word}"


def _before(task, named):
    """The tasks that the task depends on, however far back."""
    found, left = set(), [task]
    while left:
        for before in re.findall(r"([A-Za-z0-9_-]+)\.[A-Z]", named[left.pop()].get("depends", "")):
            if before in named and before not in found:
                found.add(before)
                left.append(before)
    if task in found:
        raise AssertionError(f"{task} depends on itself")
    return found


def _parameters(where, what):
    return (where.get(what) or {}).get("parameters", ())


def _unknown(where, value, known):
    if isinstance(value, str):
        for variable in VARIABLE.findall(value):
            truncated = TRUNCATED.fullmatch(variable)
            if (truncated[1] if truncated else variable) not in known:
                yield f"{where}: unknown variable {variable}"
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _unknown(where, inner, known)
    elif isinstance(value, list):
        for inner in value:
            yield from _unknown(where, inner, known)
