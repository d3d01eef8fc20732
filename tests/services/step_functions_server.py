"""moto's server of AWS, whose Step Functions interpret machines and whose jobs of AWS Batch really run.

python step_functions_server.py PORT FOLDER processes|containers

This mends what moto lacks: conditional writes of S3 are atomic; parameters of integrations have the casing of AWS; each
attempt of a task has a token of its own; the names of jobs may have one letter; the job ends with the execution or the time that waits for it, as with AWS. It
keeps clients, and asks for jobs more often than twice a second, since tests wait for them. `batch_jobs` runs the jobs.
"""

import functools
import os
import re
import sys
from pathlib import Path

PORT, FOLDER, MODE = sys.argv[1:4]
ADDRESS = f"http://127.0.0.1:{PORT}"
os.environ.update(MOTO_PORT=PORT, AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y", AWS_DEFAULT_REGION="us-east-1")

sys.path.append(str(Path(__file__).parents[1] / "processes"))
import boto3  # noqa: E402 - the environment comes first, which these read when they are imported
import botocore.session  # noqa: E402
from botocore import xform_name  # noqa: E402
from moto.core.config import default_user_config  # noqa: E402
from moto.stepfunctions.parser.asl.utils import boto_client  # noqa: E402


def client(region, service, state_credentials=None):
    return kept_client(region, service)


@functools.cache
def kept_client(region, service):
    return boto3.client(service, region, endpoint_url=ADDRESS)


boto_client.boto_client_for = client  # before the next ones import it by its name

import batch_jobs  # noqa: E402
import ecs_tasks  # noqa: E402
import moto_server_locked  # noqa: E402, F401 - its import makes writes atomic
import stacks  # noqa: E402
from moto.batch import models  # noqa: E402
from moto.server import main  # noqa: E402
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (  # noqa: E402
    state_task_service as service,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (  # noqa: E402
    state_task_service_batch as batch,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (  # noqa: E402
    state_task_service_callback as callback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (  # noqa: E402
    ResourceCondition,
)
from moto.stepfunctions.parser.asl.parse import asl_parser  # noqa: E402

MODELS = botocore.session.get_session()
PAUSE_SECONDS = 0.05


def operation(self, service_name, action):
    model = MODELS.get_service_model(self._get_boto_service_name(service_name))
    asked = self._get_boto_service_action(action)
    return model.operation_model(next(name for name in model.operation_names if xform_name(name) == asked))


def normalise_parameters(self, parameters, boto_service_name=None, service_action_name=None):
    shape = operation(self, boto_service_name, service_action_name).input_shape
    if shape is not None:
        self._to_boto_request(parameters, shape)


def normalise_response(self, response, boto_service_name=None, service_action_name=None):
    shape = operation(self, boto_service_name, service_action_name).output_shape
    if shape is not None:
        self._from_boto_response(response, shape)


def eval_execution(self, env, once=service.StateTaskService._eval_execution):
    if self._is_integration_pattern() and ResourceCondition.WaitForTaskToken in self._supported_integration_patterns:
        env.callback_pool_manager.add(env.states.context_object.update_task_token())
    once(self, env)


def eval_service_task(self, env, *arguments, once=batch.StateTaskServiceBatch._eval_service_task, **options):
    once(self, env, *arguments, **options)
    env.job = job_of(env.stack[-1]["jobId"])


def eval_sync(self, env, sync_resolver, *arguments, once=callback.StateTaskServiceCallback._eval_sync, **options):
    """The outcome of the task; where there is none because nobody waits any more, its job ends."""
    if not isinstance(self, batch.StateTaskServiceBatch | ecs_tasks.StateTaskServiceEcs):
        return once(self, env, sync_resolver, *arguments, **options)
    job = env.job

    def resolve():
        job.join(PAUSE_SECONDS)
        return sync_resolver() if job.job_stopped else None

    outcome = once(self, env, resolve, *arguments, **options)
    if not job.job_stopped:
        job.terminate("Aborted by Step Functions")
    return outcome


def parse(definition, once=asl_parser.AmazonStateLanguageParser.parse):
    """The program of a machine; moto's grammar has no percentage that is a whole number."""
    return once(re.sub(r'("ToleratedFailurePercentage"\s*:\s*\d+)(?=\s*[,}])', r"\1.0", definition))


def job_of(job_id):
    return next(
        job
        for regions in models.batch_backends.values()
        for one in regions.values()
        if (job := one.get_job_by_id(job_id))
    )


asl_parser.AmazonStateLanguageParser.parse = staticmethod(parse)
service.StateTaskService._normalise_parameters = normalise_parameters
service.StateTaskService._normalise_response = normalise_response
callback.StateTaskServiceCallback._eval_execution = eval_execution
callback.StateTaskServiceCallback._eval_sync = eval_sync
callback._DELAY_SECONDS_SYNC_CONDITION_CHECK = 0
batch.StateTaskServiceBatch._eval_service_task = eval_service_task
models.JOB_NAME_REGEX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}\Z")
stacks.mended(client)
default_user_config["stepfunctions"]["execute_state_machine"] = True

with batch_jobs.runner(MODE, FOLDER, ADDRESS, client) as jobs:

    def run(job):
        jobs.run(job)

    models.Job.run = run
    ecs_tasks.mended(ecs_tasks.Tasks(jobs.folder, jobs.place, ADDRESS, client))
    main(["-H", "127.0.0.1", "-p", PORT])
