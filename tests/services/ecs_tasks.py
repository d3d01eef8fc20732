"""Runs the tasks of moto's Amazon ECS as `batch_jobs` runs jobs: each really runs, and ends with an exit code.

A state that waits for a task fails if its container did, as with AWS:
https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html
"""

import threading
from types import SimpleNamespace

import batch_jobs
from moto.ecs import models
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_ecs import (
    StateTaskServiceEcs,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

FAILED = StatesErrorNameType.StatesTaskFailed


class Tasks(batch_jobs.Jobs):
    """Runs a task, which has one attempt and knows nothing of AWS Batch."""

    def environment(self, job, number):
        every = super().environment(job, number)
        return {name: text for name, text in every.items() if not name.startswith("AWS_BATCH_")}


class Task(threading.Thread):
    """A task of moto, as the job that `Jobs.run` takes."""

    def __init__(self, jobs, task, definition):
        super().__init__(daemon=True)
        [container], [override] = definition.container_definitions, task.overrides["containerOverrides"]
        assert override["name"] == container["name"]
        self._jobs, self._task, self._container, self._override = jobs, task, container, override
        self.job_id, self.job_stopped = task.id, False
        self.job_definition = SimpleNamespace(retry_strategy=None, container_properties=container)
        self.latest_attempt = {"container": {}}
        self.job_stopped_reason = ""

    def run(self):
        self._jobs.run(self)

    @property
    def stop(self):
        return self._task.desired_status == "STOPPED"

    def terminate(self, reason):
        self._task.stopped_reason = reason
        self._task.desired_status = "STOPPED"

    def _start_attempt(self):
        pass

    def _add_parameters_to_command(self, command):
        return command

    def _get_attempt_duration(self):
        return None

    def _get_container_property(self, name, default):
        if name == "environment":
            return [*self._container.get(name, default), *self._override.get(name, default)]
        return self._override.get(name) or self._container.get(name, default)

    def _mark_stopped(self, *, success):
        [container] = self._task.containers
        container.exitCode, container.last_status = self.exit_code, "STOPPED"
        self._task.stopped_reason = self.job_stopped_reason
        self._task.desired_status = self._task.last_status = "STOPPED"
        self.job_stopped = True


def mended(jobs):
    """Mend moto, whose tasks run nothing; `jobs` runs them."""
    running = {}

    def run_task(self, *arguments, once=models.EC2ContainerServiceBackend.run_task, **options):
        tasks = once(self, *arguments, **options)
        for task in tasks:
            task._transitions = []
            running[task.task_arn] = Task(jobs, task, self.describe_task_definition(task.task_definition_arn))
            running[task.task_arn].start()
        return tasks

    def stop_task(self, cluster_str, task_str, reason):
        [task] = self.describe_tasks(cluster_str, [task_str])
        running[task.task_arn].terminate(reason)
        return task

    def sync_resolver(self, env, *arguments, once=StateTaskServiceEcs._build_sync_resolver, **options):
        resolve = once(self, env, *arguments, **options)

        def resolved():
            task = resolve()
            if task is None or all(container.get("ExitCode") == 0 for container in task["Containers"]):
                return task
            what = {"resource": self._get_sfn_resource(), "resourceType": self._get_sfn_resource_type()}
            details = TaskFailedEventDetails(error=FAILED.to_name(), cause=to_json_str(task), **what)
            failed = EventDetails(taskFailedEventDetails=details)
            name, event = StatesErrorName(typ=FAILED), HistoryEventType.TaskFailed
            raise FailureEventException(FailureEvent(env=env, error_name=name, event_type=event, event_details=failed))

        return resolved

    def eval_service_task(self, env, *arguments, once=StateTaskServiceEcs._eval_service_task, **options):
        once(self, env, *arguments, **options)
        env.job = running[env.stack[-1]["Tasks"][0]["TaskArn"]]

    def no_requirements(_definition):
        """Of tasks on Fargate, whose memory may be that of the task alone."""
        return {"CPU": 0, "MEMORY": 0, "PORTS": [], "PORTS_UDP": []}

    models.EC2ContainerServiceBackend._calculate_task_resource_requirements = staticmethod(no_requirements)
    models.EC2ContainerServiceBackend.run_task = run_task
    models.EC2ContainerServiceBackend.stop_task = stop_task
    StateTaskServiceEcs._build_sync_resolver = sync_resolver
    StateTaskServiceEcs._eval_service_task = eval_service_task
