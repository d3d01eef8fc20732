"""Checks that jobs reach the stores of a run: the role that is created for them has rights to `buckets` alone."""

from collections.abc import Iterator
from typing import Final

from magnus.errors import Problem
from magnus.interfaces.transpiler import TranspileRequest
from magnus.transpilers.step_functions.handover import place_of
from magnus.transpilers.step_functions.options import StepFunctionsOptions

_OTHER_WAYS: Final = ("endpoint", "access_key_id", "profile")
"""Options of a store that is reached without the role."""


def of_stores(options: StepFunctionsOptions, request: TranspileRequest) -> Iterator[Problem]:
    """The stores in S3 that `buckets` does not name; a warning, since the policy of a bucket may let jobs in."""
    if options.roles.job:
        return
    places = [place for place in map(place_of, options.buckets) if place is not None]
    starts = tuple(f"s3://{place.bucket}/{place.prefix}" for place in places)
    for family, store in request.stores.items():
        url = store.get("url")
        if not isinstance(url, str) or not url.startswith("s3://") or any(map(store.get, _OTHER_WAYS)):
            continue
        if not f"{url.rstrip('/')}/".startswith(starts):
            message = f"the {family.replace('_', ' ')} is in '{url}', to which the role of jobs gets no rights"
            yield Problem(message, f"add '{url}' to 'buckets'", request.locate_option("buckets"), severity="warning")
