"""Pipelines as machines of AWS Step Functions: transpiled, and run by an interpreter whose jobs run the re-entry commands."""

import contextlib
import itertools
import json
from pathlib import Path

from drivers import Silent, asked, log_of
from step_functions import BUCKET, QUEUE, REGION, End

from magnus.app.run.prepare import prepare
from magnus.app.run.transpile import transpile

ACCOUNT = "123456789012"
NUMBERS = itertools.count()
FOLDER = "step-functions"


def stores(services, prefix):
    """Run logs and files in S3, below the prefix."""
    keys = {"endpoint": services.address, "region": REGION, "access_key_id": "x", "secret_access_key": "y"}
    return {"type": "object-store", "config": {"url": f"s3://{BUCKET}/{prefix}", **keys}}


def configure(folder, **options):
    """Let the configuration in the folder have this executor with these options; returns the name of the machine."""
    name = f"pipeline-{next(NUMBERS)}"
    config = {"image": name, "region": REGION, "queue": QUEUE, "name": name, "account": ACCOUNT, **options}
    config = {"handover": f"s3://{BUCKET}/handover/{name}", "output_folder": FOLDER, **config}
    file = folder / "magnus-config.yaml"
    services = json.loads(file.read_text())["defaults"]
    executor = {"type": "aws-step-functions", "config": config}
    file.write_text(json.dumps({"defaults": {**services, "executor": executor}}))
    return name


def create(services, folder, arguments, *, deploy=None, **options):
    """Transpile the pipeline in the folder and create what was written, as `deploy` does; the ARN of the machine."""
    name = configure(folder, **options)
    with contextlib.chdir(folder):
        transpile(asked(folder, "", arguments), Silent())
    services.image(name, folder)
    return (deploy or by_calls)(services, folder, name)


def by_calls(services, folder, name):
    """Create what a run needs of what was written, and nothing else; the ARN of the machine."""
    for file in (folder / FOLDER / "containers").iterdir():
        written = json.loads(file.read_text())
        if "family" in written:
            services.client("ecs").register_task_definition(**written)
        else:
            services.batch.register_job_definition(**written)
    return services.machine(name, definition(folder))


def definition(folder, name="state-machine"):
    """What was written."""
    return json.loads((folder / FOLDER / f"{name}.json").read_text())


def log_of_machine(services, faults, folder, arguments, *, interpret=None, **options):
    """The run log of a run of a machine that is valid, by moto's interpreter or by another one."""
    machine = create(services, folder, arguments, **options)
    written = definition(folder)
    assert faults(written) == []
    run_id = machine.rpartition(":")[2]
    if interpret is not None:
        end = End(**interpret({"definition": written, "input": {}, "name": run_id, "arn": f"{machine}:{run_id}"}))
    else:
        end = services.wait(services.start(machine, run_id))
    assert end.status == "SUCCEEDED" or end.error == "magnus.RunFailed", (end, services.printed()[-3000:])
    log = log_of_run(folder, run_id)
    assert (end.status == "SUCCEEDED") == (log["status"] == "SUCCESS"), (end, services.printed()[-3000:])
    return log


def valid(faults, folder):
    """Transpile the pipeline in the folder to machines that are valid."""
    configure(folder)
    with contextlib.chdir(folder):
        transpile(asked(folder, "", {}), Silent())
    for name in ("state-machine", "end-machine"):
        assert faults(definition(folder, name)) == []


def log_of_run(folder, run_id):
    """The run log of the run."""
    with contextlib.chdir(folder):
        return log_of(prepare(asked(folder, run_id), Silent()), run_id)


def driver(services, faults, **options):
    """A way to run pipelines, as `drivers` has."""

    def by_step_functions(folder, _dag, arguments):
        return log_of_machine(services, faults, Path(folder), arguments, **options)

    return by_step_functions
