"""The addresses that the server answers, each with what it reads."""

import json
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlencode

from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from magnus.app.inspect.find import find_run
from magnus.app.inspect.viewer import Viewer
from magnus.app.report.html_document import json_of
from magnus.app.ui.comparison import Comparison, comparison
from magnus.app.ui.followed_output import FollowedOutput
from magnus.app.ui.pages import Pages
from magnus.app.ui.run_columns import RunColumns
from magnus.app.ui.run_list import ListRequest, RunList, RunPage, list_request
from magnus.app.ui.streams import Event, Streams, one_line
from magnus.app.ui.threads import Threads, started
from magnus.app.ui.watched_run import Snapshot, WatchedRuns
from magnus.errors import MagnusError, RunNotFound, ServiceError

_ID: Final = "id"
_DATA_POLICY: Final = {"Content-Security-Policy": "default-src 'none'"}


class ListData(Struct, omit_defaults=True):
    """What the page of the list starts with: the first part of the list, or the problem of reading it."""

    store: str
    page: RunPage | None = None
    problem: str = ""


class Names(Struct):
    """The names that columns of the list can have."""

    names: Sequence[str]


class _Reader:
    """Answers requests about the runs of a configuration."""

    def __init__(self, services: Viewer, threads: Threads) -> None:
        self._services = services
        self._threads = threads
        self._streams = Streams(threads)
        self._columns = RunColumns(services.store, services.working_directory)
        self._runs = RunList(services.store, self._columns)
        self._watched = WatchedRuns(services.store, lambda: services.catalog)
        self._pages = Pages()

    def routes(self) -> list[Route]:
        """All addresses."""
        answers = {
            "/": self.list_page,
            "/runs.json": self.list_part,
            "/columns.json": self.column_names,
            "/runs.events": self.list_events,
            "/run": self.run_page,
            "/run.events": self.run_events,
            "/output.events": self.output_events,
            "/compare": self.compare_page,
            "/favicon.ico": self.no_icon,
        }
        return [Route(path, answer) for path, answer in answers.items()]

    def read_ahead(self) -> None:
        """Read the list of runs."""
        self._runs.version()

    async def list_page(self, request: Request) -> Response:
        """The page of the list, with its first part in it."""
        data, status = ListData(self._services.store_type), 200
        try:
            asked = _list_request(request)
            data.page = await self._threads.call(lambda: self._runs.page(asked))
        except MagnusError as error:
            data.problem, status = one_line(error), _status(error)
        return HTMLResponse(_utf8(self._pages.runs(json_of(data))), status)

    async def list_part(self, request: Request) -> Response:
        """A part of the list."""

        def read() -> RunPage:
            return self._runs.page(_list_request(request))

        return await self._data(read)

    async def column_names(self, _request: Request) -> Response:
        """The names of parameters and metrics."""
        return await self._data(lambda: Names(self._runs.names()))

    async def list_events(self, request: Request) -> Response:
        """Says when the list has changed."""
        seen = request.query_params.get("seen", "")

        def changes() -> tuple[list[Event], bool]:
            nonlocal seen
            version = self._runs.version()
            events = [] if version == seen else [("runs", json.dumps(version))]
            seen = version
            return events, False

        return self._streams.response(request, changes)

    async def run_page(self, request: Request) -> Response:
        """The page of a run; a prefix of its id, or `latest`, leads there."""
        text = request.query_params.get(_ID, "")

        def read() -> Snapshot | str:
            run = find_run(self._services.store, text)
            return self._watched.run(run.run_id).now() if run.run_id == text else run.run_id

        try:
            found = await self._threads.call(read)
        except MagnusError as error:
            page = self._pages.problem(one_line(error), f"run.events?{urlencode({_ID: text})}")
            return HTMLResponse(_utf8(page), _status(error))
        if isinstance(found, str):
            return RedirectResponse(f"run?{urlencode({_ID: found})}", 302)
        return HTMLResponse(_utf8(self._pages.run(found.run_id, found.whole())))

    async def run_events(self, request: Request) -> Response:
        """The report of a run whenever it has changed."""
        seen, images = request.query_params.get("seen", ""), ""
        run_id = request.query_params.get(_ID, "")

        def changes() -> tuple[list[Event], bool]:
            nonlocal seen, images
            now = self._watched.run(run_id).now()
            if now.version == seen:
                return [], now.is_over
            data = now.report if now.images == images else now.whole()
            seen, images = now.version, now.images
            return [("report", data)], now.is_over

        return self._streams.response(request, changes)

    async def output_events(self, request: Request) -> Response:
        """The end of the output of a step, and what follows."""
        run_id, step = request.query_params.get(_ID, ""), request.query_params.get("step", "")
        followed: FollowedOutput | None = None

        def changes() -> tuple[list[Event], bool]:
            nonlocal followed
            if followed is None:
                followed = FollowedOutput(self._services.store, lambda: self._services.logs, run_id, step)
            return [("output", json_of(piece)) for piece in followed.new()], followed.is_over

        return self._streams.response(request, changes)

    async def compare_page(self, request: Request) -> Response:
        """The page that compares the runs with these ids."""
        texts = list(dict.fromkeys(request.query_params.getlist(_ID)))

        def read() -> Comparison:
            runs = [find_run(self._services.store, text) for text in texts]
            return comparison(runs, self._services.store, self._services.catalog, self._columns)

        try:
            found = await self._threads.call(read)
        except MagnusError as error:
            return HTMLResponse(_utf8(self._pages.problem(one_line(error))), _status(error))
        return HTMLResponse(_utf8(self._pages.comparison(json_of(found))))

    async def no_icon(self, _request: Request) -> Response:
        """Browsers ask for an icon."""
        return Response(status_code=204)

    async def _data(self, read: Callable[[], Struct]) -> Response:
        """The value as JSON, or the problem of reading it."""
        try:
            content, status = json_of(await self._threads.call(read)), 200
        except MagnusError as error:
            content, status = json.dumps({"problem": one_line(error)}), _status(error)
        return Response(_utf8(content), status, _DATA_POLICY, "application/json")


def application(services: Viewer, threads: Threads) -> Starlette:
    """The application that shows the runs of a configuration; it reads the list of runs before somebody wants it."""
    reader = _Reader(services, threads)
    started(reader.read_ahead)
    return Starlette(routes=reader.routes())


def _list_request(request: Request) -> ListRequest:
    parameters = request.query_params
    return list_request({name: parameters.getlist(name) for name in parameters})


def _status(error: MagnusError) -> int:
    """The status of HTTP for the error."""
    if isinstance(error, ServiceError):
        return 503
    return 404 if isinstance(error, RunNotFound) else 400


def _utf8(text: str) -> bytes:
    return text.encode(errors="replace")
