"""Keeps names of steps as text where YAML reads another value: `next: no` leads to the step `no`. Used by `loader`."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from magnus.definition.normal_form import with_inner_pipelines
from magnus.definition.places import KeyPath
from magnus.definition.yaml_text import Document
from magnus.values import Json

_LEADS_TO: Final = ("next", "on_failure")


def with_names_as_text(document: Document, path: KeyPath, value: Json) -> Json:
    """The pipeline that is `value`, at `path` of the document, with all fields that name steps as text."""
    return _Names(document).of_pipeline(value, path)


class _Names(Struct, frozen=True):
    document: Document

    def of_pipeline(self, value: Json, path: KeyPath) -> Json:
        if not isinstance(value, dict) or not isinstance(value.get("steps"), dict):
            return value
        steps = value["steps"]
        named = {name: self._of_step(step, (*path, "steps", name), steps) for name, step in steps.items()}
        start = {"start_at": self._text(value["start_at"], (*path, "start_at"), steps)} if "start_at" in value else {}
        return {**value, **start, "steps": named}

    def _of_step(self, step: Json, path: KeyPath, steps: Mapping[str, Json]) -> Json:
        if not isinstance(step, dict):
            return step
        named = dict(step)
        for key in _LEADS_TO:
            if key in named:
                named[key] = self._text(named[key], (*path, key), steps)
        if isinstance(overrides := named.get("overrides"), dict):
            named["overrides"] = {
                name: self._of_overrides(value, (*path, "overrides", name)) for name, value in overrides.items()
            }
        return with_inner_pipelines(named, lambda inner, pipeline: self.of_pipeline(pipeline, (*path, *inner)))

    def _of_overrides(self, name: Json, path: KeyPath) -> Json:
        return name if name is None else self._text(name, path, {})

    def _text(self, name: Json, path: KeyPath, steps: Mapping[str, Json]) -> Json:
        """The name as text; nothing stays nothing, unless a step is called so."""
        text = self.document.texts.get(path)
        if text is None and not isinstance(name, str | list | dict):
            text = "null" if name is None else str(name).lower() if isinstance(name, bool) else str(name)
        if text is None or (name is None and text not in steps):
            return name
        return text
