"""Words that other generations of the tool have for services and their options, as they are here. Called by `load_configuration`."""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from magnus.app.composition.configuration import FAMILIES
from magnus.definition.yaml_text import Document, renamed
from magnus.errors import Problem
from magnus.values import Json

_SERVICES: Final[Mapping[str, str]] = {
    "pipeline-executor": "executor",
    **{family.replace("_", "-"): family for family in FAMILIES if "_" in family},
}
_EMPTY: Final = ("overrides", "placeholders")
"""Options that every executor of the 2024 generation had; empty ones say nothing."""


def with_our_words(document: Document, section: str) -> tuple[Document, tuple[Problem, ...]]:
    """The document with our words for services, below `section` where there is one; and a note of each other word."""
    path = (section,) if section else ()
    services = document.value.get(section) if section and isinstance(document.value, dict) else document.value
    if not isinstance(services, dict):
        return document, ()
    words = {word: _SERVICES[word] for word in services if word in _SERVICES and _SERVICES[word] not in services}
    notes = tuple(_notes(document, path, words))
    value = {words.get(word, word): service for word, service in services.items()}
    if isinstance(value.get("executor"), dict):
        value["executor"] = _without_empty(value["executor"])
    whole = {**document.value, section: value} if section else value
    return replace(renamed(document, path, words), value=whole), notes


def _notes(document: Document, path: tuple[str, ...], words: Mapping[str, str]) -> Iterator[Problem]:
    for word, ours in words.items():
        place = document.locate(*path, word)
        yield Problem(f"'{word}' is called '{ours}' here", f"write {ours}:", place, severity="warning")


def _without_empty(executor: Mapping[str, Json]) -> Json:
    """The executor without options that say nothing."""
    options = executor.get("config")
    if not isinstance(options, dict):
        return executor
    return {**executor, "config": {name: value for name, value in options.items() if name not in _EMPTY or value}}
