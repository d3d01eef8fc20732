"""Makes memorable and unique run ids, and checks the ids that users choose."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from magnus.errors import InvalidRunId

_ADJECTIVES: Final = (
    "agile amber bold brave bright calm clever crisp curious daring deft eager early elegant fair famous "
    "fierce gentle glad golden happy honest humble jolly keen kind lively lucid lucky mellow merry mighty "
    "modest nimble noble patient playful polite proud quick quiet rapid ready robust serene sharp shiny silent "
    "sincere smart snappy solid steady subtle sunny swift tidy vivid warm wise witty zesty"
).split()
_SURNAMES: Final = (
    "abel banach bayes bernoulli bohr boole born cantor cauchy cayley chebyshev church conway curie dirac "
    "euler faraday fermat fermi fisher fourier franklin galois gauss germain goedel hamilton hardy hilbert "
    "hopper huygens kepler kolmogorov kovalevskaya lagrange laplace leibniz lovelace markov maxwell meitner "
    "mirzakhani neumann newton noether pascal pearson planck poincare ramanujan riemann shannon tao turing "
    "weierstrass wiener yau"
).split()
LATEST: Final = "latest"
PREVIOUS: Final = "previous"
WORDS: Final = frozenset({LATEST, "last", "newest", PREVIOUS})
"""Words that stand for a run in a command, or look so; no run has one as its id."""
_LONGEST_BYTES: Final = 150
_MOST_SHOWN: Final = 60
_FIX: Final = "use letters, digits, '-', '_' and '.', and begin with a letter or a digit"


def new_run_id(now: datetime, random_bytes: Callable[[int], bytes]) -> str:
    """An id of the form `<adjective>-<surname>-<hhmm>-<six hex digits>`."""
    first, second, *rest = random_bytes(5)
    adjective, surname = _ADJECTIVES[first % len(_ADJECTIVES)], _SURNAMES[second % len(_SURNAMES)]
    return f"{adjective}-{surname}-{now:%H%M}-{bytes(rest).hex()}"


def check_run_id(run_id: str) -> str:
    """The id, when it can name a run; InvalidRunId when it could not be a file name in every store."""
    wrong = _wrong(run_id)
    if wrong:
        raise InvalidRunId(f"'{_harmless(run_id)}' cannot be a run id: {wrong}", fix=_FIX)
    return run_id


def check_new_run_id(run_id: str) -> str:
    """The id, when a new run can have it; InvalidRunId also for a word that stands for a run."""
    if run_id.lower() in WORDS:
        message = f"'{run_id}' cannot be a run id: it is a word that stands for a run"
        raise InvalidRunId(message, fix=f"add to it, for example {run_id}-1")
    return check_run_id(run_id)


def _harmless(run_id: str) -> str:
    """The id as it can be shown on a terminal."""
    text = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in run_id)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 1]}…"


def _wrong(run_id: str) -> str:
    checks = (
        (not run_id.strip(), "it is empty"),
        (run_id.startswith("."), "it starts with a dot"),
        (run_id.startswith("-"), "it starts with '-', as options do"),
        (".." in run_id, "it holds '..'"),
        ("/" in run_id or "\\" in run_id, "it holds a path separator"),
        (not run_id.isprintable(), "it holds a character that cannot be printed"),
        (len(run_id.encode("utf-8", "replace")) > _LONGEST_BYTES, f"it is longer than {_LONGEST_BYTES} bytes"),
    )
    return next((reason for is_wrong, reason in checks if is_wrong), "")
