"""Surrounds every use of MLflow with short waits and with errors of magnus. Used by `mlflow`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from magnus.errors import ExperimentTrackerError, TrackerUnreachable

_USER: Final = re.compile(r"//[^/@\s]*@")
_NOT_REACHED: Final = re.compile(r"^API request to (\S+?)/api/.*\(Caused by \w+\((.*)\)\)$")
_TIMEOUT_SECONDS: Final = 5
_AGAIN: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


@contextmanager
def calling() -> Iterator[None]:
    """Around every use of MLflow: it waits for seconds, not minutes, prints nothing, and its errors become ours.

    What it reads from environment variables has other defaults meanwhile; what a user set there counts.
    """
    from mlflow import environment_variables as variables  # lazy: as above
    from mlflow.exceptions import MlflowException

    defaults = {
        variables.MLFLOW_HTTP_REQUEST_TIMEOUT: _TIMEOUT_SECONDS,
        variables.MLFLOW_HTTP_REQUEST_MAX_RETRIES: 0,
        variables.MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT: True,
    }
    before = [variable.default for variable in defaults]
    try:
        for variable, default in defaults.items():
            variable.default = default
        yield
    except MlflowException as error:
        status: int = error.get_http_status_code()  # type: ignore[no-untyped-call]
        raise tracker_error(str(error), status) from error
    finally:
        for variable, default in zip(defaults, before, strict=True):
            variable.default = default


def tracker_error(text: str, status: int) -> ExperimentTrackerError:
    """The message of MLflow as an error, without credentials, and without the text of the HTTP library around the reason."""
    text = _USER.sub("//", text)
    text = _NOT_REACHED.sub(r"\1 cannot be reached: \2", text)
    refused = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _AGAIN
    return ExperimentTrackerError(text) if refused else TrackerUnreachable(text)
