"""Tells whether files that a step put, and that were there before its run, are as they were. Used by `engine.run.cached`."""

from collections.abc import Collection, Mapping

from magnus.engine.context import RunContext
from magnus.engine.files import catalog_files
from magnus.graph.nodes import TaskNode
from magnus.graph.path import BranchPath
from magnus.run_log.records import StepRecord


class PutSources:
    """The sources among the files that steps put, compared with the working directory of `context`."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._made: dict[str, Mapping[str, Collection[str]]] = {}

    def changed(self, node: TaskNode, record: StepRecord, run_id: str) -> str:
        """The first file that the step only put, as it was there before, and that is another one now.

        A file that a step of the same run wrote was left there by an earlier run, and is as that step left it.
        """
        sources = {
            entry.name: entry.data_hash for entry in record.catalog if entry.stage == "put" and entry.preexisting
        }
        if not sources:
            return ""
        context, catalog = self._context, self._context.services.catalog
        made = self._files_made_in(run_id)
        matching = catalog_files.files_to_put(catalog, node.catalog, context.working_directory, context.hidden)
        known = {entry.name for entry in record.catalog}
        if not made.keys() >= sources.keys() and (
            new := next((n for n in matching if n not in known and n not in made), "")
        ):
            return f"file {new} is new"
        present = [name for name in sources if name in set(matching)]
        now = catalog.put(
            context.run_id, record.branch, context.working_directory, present, unchanged={}, store_copy=False
        )
        hashes = {entry.name: entry.data_hash for entry in now}
        for name, data_hash in sources.items():
            if name not in hashes and name not in made:
                return f"file {name} is gone"
            if name in hashes and hashes[name] != data_hash and hashes[name] not in made.get(name, ()):
                return f"file {name} changed"
        return ""

    def _files_made_in(self, run_id: str) -> Mapping[str, Collection[str]]:
        """The files that steps of the run wrote, each with the hashes of its contents."""
        if run_id not in self._made:
            made: dict[str, set[str]] = {}
            self._add_files_made(run_id, BranchPath(), made)
            self._made[run_id] = made
        return self._made[run_id]

    def _add_files_made(self, run_id: str, branch: BranchPath, made: dict[str, set[str]]) -> None:
        for step in self._context.services.run_log_store.list_steps(run_id, branch):
            for entry in step.catalog:
                if entry.stage == "put" and not entry.preexisting:
                    made.setdefault(entry.name, set()).add(entry.data_hash)
            for key in step.branching.keys if step.branching is not None else ():
                self._add_files_made(run_id, step.path.into(key), made)
