"""Reads the failures that Argo reports of a workflow (`workflow.failures`). Pure; called by `ArgoTranspiler`.

The text is a JSON list of objects with `displayName` and `message`. It may be quoted as a JSON text and cut at its end,
since Argo limits the length of arguments. https://argo-workflows.readthedocs.io/en/latest/variables/
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from magnus.graph.path import StepPath
from magnus.interfaces.transpiler import FailureReasons
from magnus.values import Json

_OF_OTHERS: Final = re.compile(r"(child '.*' failed|No more retries left|)\Z", re.DOTALL)
"""The message of a node that failed because another node failed."""
_STOPPED: Final = "workflow shutdown with strategy"
_MISSING_ROLE: Final = "workflowtaskresults"
_ADVICE_ON_ROLE: Final = (
    "the account of the workflow may not report results to the engine: give it the role that "
    "'How to run a pipeline on Argo Workflows' in the documentation shows"
)
_NOT_PLAIN: Final = re.compile(r"[^a-z0-9]+")
_END: Final = re.compile(r'\\?"?\Z')


def failure_reasons(failures: str, steps: Sequence[StepPath]) -> FailureReasons:
    """The reasons in the text, with the first one about each of the steps; none when the text has another form."""
    by_node = list(_messages(failures))
    messages = tuple(dict.fromkeys(message for _, message in by_node))
    by_name: dict[str, str] = {}
    for name, message in by_node:
        by_name.setdefault(_plain(name), message)
    return FailureReasons(
        messages=messages,
        steps={step: by_name[name] for step in steps if (name := _plain(step.name)) in by_name},
        advice=_ADVICE_ON_ROLE if any(_MISSING_ROLE in message for message in messages) else "",
        is_stop=any(message.startswith(_STOPPED) for message in messages),
    )


def _messages(failures: str) -> Iterator[tuple[str, str]]:
    """The names of the nodes that failed by themselves, each with its message."""
    for item in _items(_unquoted(failures.strip())):
        if isinstance(item, dict):
            message = str(item.get("message", "")).strip()
            if not _OF_OTHERS.match(message):
                yield str(item.get("displayName", "")), message


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    cut = _END.sub("", text[1:]) if not text.endswith('\\"') else text[1:-2]
    try:
        inner: str = json.loads(f'"{cut}"', strict=False)
    except ValueError:
        return cut.replace('\\"', '"').replace("\\\\", "\\")
    return inner


def _items(text: str) -> Iterator[Json]:
    """The items of a JSON list that are whole."""
    decoder, place = json.JSONDecoder(strict=False), 1
    while text[:1] == "[" and place < len(text):
        try:
            item, place = decoder.raw_decode(text, place)
        except ValueError:
            return
        yield item
        place += len(text[place:]) - len(text[place:].lstrip(" ,\n"))


def _plain(name: str) -> str:
    """The name of a task in the manifest, without the number and the value that Argo adds for an attempt or an item."""
    return _NOT_PLAIN.sub("-", name.partition("(")[0].lower()).strip("-")
