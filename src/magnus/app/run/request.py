"""Has the request of a user for a run, and completes it from the run that it resumes, or with defaults.

Called by the commands, which make requests, and by `app.run.prepare`.
"""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from magnus.app.composition.load_configuration import load_configuration
from magnus.app.composition.services import run_log_store
from magnus.run_log.records import RunRecord
from magnus.values import Json

if TYPE_CHECKING:
    from magnus.app.run.running_jobs import StillRunning  # lazy: only runs that resume another one wait for jobs
    from magnus.definition.built_pipeline import BuiltPipeline  # lazy: most pipelines are files

DEFAULT_PIPELINE: Final = "pipeline.yaml"
WRITTEN_PIPELINE: Final = "magnus-pipeline.yaml"


class RunRequest(Struct, frozen=True):
    """The request of a user for a run; `environment` is input too.

    Attributes:
        file: the pipeline file.
        configuration_file: the file that names the services.
        parameters_file: the file of initial parameters.
        arguments: the `--name value` pairs of the command line.
        tag: a word to find the run by.
        run_id: the id of the run; "" for a new one.
        parameters: initial parameters, which override all others.
        environment: the environment variables.
        built: the pipeline, if a program built it.
        definition_file: the file that a built pipeline is written to, for executors that read it.
        use_cached: the run to resume; its pipeline and parameters are the defaults.
        strict: whether a changed pipeline, parameter or service is an error when a run is resumed.
        assume_lost: whether to resume a run that may still be running on another machine.
        still_running: what to do about jobs of the resumed run that still run, although its process is gone.
        from_step: the step of the resumed run that runs again, with all steps that follow.
        no_cache: whether steps with `cache` run in any case.
        refresh: the steps that run although their result is cached, each by the names around it and its own.
        reproduces: the run to reproduce; the new run has its pipeline, parameters and tag, and reuses nothing.
        until: the step outside branches after whose success the run ends; "" for the end of the pipeline.
        log_level: the log level of other processes that run steps.
        workflow: the unique id of the workflow in which another engine runs a part of the run; "" for none.
        workflow_name: the name of that workflow.
        working_directory: the working directory.
        command_line: the command line, for the record alone.
    """

    file: str
    configuration_file: str = ""
    parameters_file: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""
    run_id: str = ""
    parameters: Mapping[str, Json] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    built: "BuiltPipeline | None" = None
    definition_file: str = WRITTEN_PIPELINE
    use_cached: str = ""
    strict: bool = False
    assume_lost: bool = False
    still_running: "StillRunning" = "wait"
    from_step: str = ""
    no_cache: bool = False
    refresh: tuple[str, ...] = ()
    reproduces: str = ""
    until: str = ""
    log_level: str = ""
    workflow: str = ""
    workflow_name: str = ""
    working_directory: Path = field(default_factory=Path.cwd)
    command_line: tuple[str, ...] = ()

    def only_here(self) -> Mapping[str, bool | str]:
        """The options that only a run which magnus itself runs can follow, with their values."""
        return {
            "--from": self.from_step,
            "--no-cache": self.no_cache,
            "--refresh": bool(self.refresh),
            "--until": self.until,
        }


def with_original_configuration(request: RunRequest) -> RunRequest:
    """The request with the configuration of the run that it resumes, when it names none."""
    if request.configuration_file:
        return request
    from magnus.app.run.original_run import original_run  # lazy: most runs resume no other

    configuration = load_configuration("", request.environment, request.working_directory)
    with closing(run_log_store(configuration, request.working_directory)) as store:
        original = original_run(store, request.use_cached, assume_lost=request.assume_lost)
    return replace(request, configuration_file=str(original.run_config.get("configuration_file") or ""))


def with_defaults(request: RunRequest, original: RunRecord | None, parameters_file: str) -> RunRequest:
    """The request with the tag and the pipeline of the original, or with the default pipeline and parameters file.

    The original has its parameters, and needs no file.
    """
    if original is None and not request.parameters_file:
        request = replace(request, parameters_file=parameters_file)
    if original is not None and not request.tag:
        request = replace(request, tag=original.tag)
    if request.file or request.built is not None:
        return request
    if original is None:
        return replace(request, file=DEFAULT_PIPELINE)
    from magnus.app.run.original_run import pipeline_of  # lazy: as above

    file, built = pipeline_of(original)
    return replace(request, file=file, built=built)
