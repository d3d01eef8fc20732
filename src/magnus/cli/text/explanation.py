"""Formats why steps ran or reused a result, as `magnus explain` prints it."""

from collections.abc import Iterator, Sequence

from magnus.app.inspect.explain import Explanation
from magnus.app.text.plain_text import plain


def lines(run_id: str, explanations: Sequence[Explanation], *, in_detail: bool) -> Iterator[str]:
    """A line for each step below a line for the run; in detail also the key, all differences and the inputs."""
    ran = sum(each.ran for each in explanations)
    yield f"{run_id}: {ran} ran, {len(explanations) - ran} reused"
    width = max((len(each.step) for each in explanations), default=0)
    for each in explanations:
        yield f"  {each.step:{width}}  {_verdict(each)}"
        if in_detail:
            yield from _details(each)


def _verdict(each: Explanation) -> str:
    if each.ran:
        return f"ran: {plain(each.reason)}"
    return f"reused from {each.run_id}: {each.reason}"


def _details(each: Explanation) -> Iterator[str]:
    if each.key:
        yield f"    key: {each.key}"
    if each.compared_with:
        yield f"    differences from run {each.compared_with}:"
        yield from (f"      {plain(difference)}" for difference in each.differences or ("none",))
    if each.inputs:
        yield "    inputs:"
        yield from (f"      {plain(name)}: {plain(text)}" for name, text in each.inputs.items())
