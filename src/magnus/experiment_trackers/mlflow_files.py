"""Sends files and models to MLflow: which ones, and under which names. Used by `mlflow`, which has the connection."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from magnus.engine.files.match_files import Globs
from magnus.errors import ExperimentTrackerError, InvalidConfiguration, TaskFailed
from magnus.interfaces.experiment_tracker import TrackedFile
from magnus.values import UserObject

if TYPE_CHECKING:
    from mlflow import MlflowClient  # lazy: it takes a second to load

_MODEL_TAG: Final = "magnus.model."
_PYFUNC: Final = "pyfunc"


class SentFiles:
    """The files that the configuration names: `artifacts` by globs, `models` by the names of objects, with their flavors."""

    def __init__(self, artifacts: Sequence[str], models: Mapping[str, str]) -> None:
        self._models = models
        try:
            self._globs = Globs.of(artifacts)
        except TaskFailed as error:
            raise InvalidConfiguration(str(error), fix="correct it under 'artifacts' of the tracker") from error

    def has(self, file: TrackedFile) -> bool:
        """Whether the configuration names the file."""
        return file.object_name in self._models or self._is_artifact(file)

    def _is_artifact(self, file: TrackedFile) -> bool:
        names = (file.name, *((file.object_name,) if file.object_name else ()))
        return any(self._matches(name) for name in names)

    def _matches(self, name: str) -> bool:
        progress = self._globs.start
        for part in PurePosixPath(name).parts:
            progress = self._globs.advance(progress, part)
        return bool(self._globs.matching(progress))

    def send(
        self,
        client: "MlflowClient",
        run_id: str,
        file: TrackedFile,
        *,
        folder: str,
        active: AbstractContextManager[UserObject],
    ) -> None:
        """Store the file in the run, below `folder`; a model once for its content, with the run active meanwhile."""
        if self._is_artifact(file):
            place = PurePosixPath(folder, file.name)
            with TemporaryDirectory(prefix="magnus-mlflow-") as temporary:
                local = Path(temporary, place.name)
                file.copy(local)
                client.log_artifact(run_id, str(local), None if place.parent == PurePosixPath() else str(place.parent))
        flavor = self._models.get(file.object_name) if file.object_name else None
        if flavor is not None:
            tag = f"{_MODEL_TAG}{PurePosixPath(folder, file.object_name)}"
            if client.get_run(run_id).data.tags.get(tag) != file.data_hash:
                with active:
                    _log_model(flavor, file)
                client.set_tag(run_id, tag, file.data_hash)


def _log_model(flavor: str, file: TrackedFile) -> None:
    """Log the object as a model of the active run, in a flavor of MLflow."""
    try:
        module = import_module(f"mlflow.{flavor}")
    except ImportError as error:
        raise ExperimentTrackerError(f"the model '{file.object_name}' has no flavor '{flavor}': {error}") from error
    model = file.load()
    from mlflow.exceptions import MlflowException  # lazy: it takes a second to load

    try:
        if flavor == _PYFUNC:
            module.log_model(name=file.object_name, python_model=model)
        else:
            module.log_model(model, name=file.object_name)
    except MlflowException:
        raise
    except Exception as error:  # the packages of a flavor raise what they like
        raise ExperimentTrackerError(
            f"the model '{file.object_name}' was not taken: {type(error).__name__}: {error}"
        ) from error
