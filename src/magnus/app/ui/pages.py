"""The pages: documents with data and script in them that load nothing but data from the same server."""

import json
from functools import cached_property
from pathlib import Path
from typing import Final

from magnus.app.report.html_document import document, part, script_of
from magnus.app.report.html_page import PICTURES, page_script, page_style

_WEB: Final = Path(__file__).parent / "web"
_DATA: Final = "connect-src 'self'"
_NAME: Final = "magnus"
_SHARED: Final = ("events.js", "common.js")


class Pages:
    """The pages; their styles and scripts are read once."""

    def runs(self, data: str) -> str:
        """The list of runs; `data` has what `list.js` reads, as JSON."""
        return self._page("runs", data, self._list_script)

    def run(self, run_id: str, report: str) -> str:
        """The page of a run, which follows it; `report` has what `live.js` reads, as JSON."""
        return document(run_id, report, style=self._run_style, script=self._run_script, sources=(_DATA, PICTURES))

    def comparison(self, data: str) -> str:
        """The comparison of runs; `data` has what `compare.js` reads, as JSON."""
        return self._page("compare", data, self._compare_script)

    def problem(self, message: str, events: str = "") -> str:
        """A page with what went wrong; with the address of events, it is loaded again when they have news."""
        return self._page("problem", json.dumps({"problem": message, "events": events}), self._problem_script)

    def _page(self, title: str, data: str, script: str) -> str:
        return document(f"{title} - {_NAME}", data, style=self._list_style, script=script, sources=(_DATA,))

    @cached_property
    def _run_style(self) -> str:
        return page_style() + part("common.css", _WEB)

    @cached_property
    def _list_style(self) -> str:
        return part("page.css") + part("common.css", _WEB) + part("list.css", _WEB)

    @cached_property
    def _run_script(self) -> str:
        return page_script(*(part(name, _WEB) for name in (*_SHARED, "output.js", "live.js")))

    @cached_property
    def _list_script(self) -> str:
        return self._script("list_state.js", "list_table.js", "list.js")

    @cached_property
    def _compare_script(self) -> str:
        return self._script("compare.js")

    @cached_property
    def _problem_script(self) -> str:
        return self._script("problem.js")

    def _script(self, *names: str) -> str:
        return script_of([part("base.js"), part("theme.js"), *(part(name, _WEB) for name in (*_SHARED, *names))])
