"""Finds words that the glossary of this project replaces: one word for one thing, in docs, help texts and messages.

`python .ci/vocabulary.py` prints `file:line: 'phrase': say ...` for each phrase and exits with 1 if there is any.
`python .ci/vocabulary.py src/magnus/engine` checks a folder that is not in CLEAN yet.
Code is not checked: fenced blocks, text in backticks, addresses of links, names of variables.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGES = ("*.md", "docs/**/*.md", ".github/**/*.yml")
NOT_YET = ()  # pages that have such words; the goal is none
CLEAN = tuple(
    f"src/magnus/{path}"
    for path in (
        "cli testing sdk app tasks definition graph interfaces run_log system executors run_log_stores catalogs secrets "
        "experiment_trackers picklers transpilers simulation engine "
        "errors.py interaction.py values.py json_text.py suggest.py"
    ).split()
)  # code whose docstrings, comments and messages are checked; the goal is all of it
EXEMPT = (
    ("src/magnus/run_log_stores/sql/sqlite.py", "BEGIN"),  # a statement of SQL
    ("src/magnus/executors/container/docker_engine.py", "directory"),  # a text of the container engine
    ("src/magnus/simulation/argo/validate_dag.py", "round"),  # a function of the language of `depends`
    ("src/magnus/transpilers/argo/dags.py", "round"),  # the name of a task in manifests, which runs in clusters have
    ("src/magnus/transpilers/argo/dags.py", "rounds"),
    ("src/magnus/transpilers/argo/names.py", "round"),  # a function of the language of `depends`
)  # (file, phrase): a phrase that is right in this file


class Rule(NamedTuple):
    """A phrase that is not used, as a regular expression with a blank for any white space; what to say; an example."""

    phrase: str
    say: str
    example: str


RULES = (
    Rule("(go|goes|going|gone|went) on with", "'resume'", "the run goes on with the old one"),
    Rule("(go|goes|going|went) on(?! with)", "'continue', 'still runs' or 'happens'", "the run goes on"),
    Rule("(take|takes|taken|taking|took) over", "'reuse'", "steps that were taken over"),
    Rule("adopt(s|ed|ing)?", "'reuse'", "it adopts the files"),
    Rule("told", "who records, reports or sends what", "the tracker is told"),
    Rule("with(hold|holds|held|holding)", "'mask'", "a withheld value"),
    Rule("elsewhere", "'in another process', 'worker', 'container' or 'pod'", "steps that run elsewhere"),
    Rule("(begin|begins|began|begun|beginning|beginnings)(?! with)", "'start'; of ids 'prefix'", "a run that began"),
    Rule("ended", "'finished', 'failed', 'stopped' or 'exited'", "a step that has ended"),
    Rule("rounds?", "'iteration'", "each round of a loop"),
    Rule("(was|were|is|are) (asked|said|wanted)", "who requests or writes what", "the server is asked"),
    Rule("what (it|they|he|she|one|you) (was|were|is|are) (given|handed)", "'initial parameters' or 'inputs'", "what it was given"),
    Rule("(handed|handing|hands|hand (on|out|back|over|it|them))", "'pass' or 'return'", "values handed on"),
    Rule("(whoever|whatever|that which)", "the noun", "whoever looks at it"),
    Rule("those (that|who|which|of|in|with|from)", "the noun again", "those that run"),
    Rule("what it is by content", "'content hash'", "a file and what it is by content"),
    Rule("anew", "'again' or 'new'", "the step runs anew"),
    Rule("(mend|mends|mended|mending)", "'repair' or 'fix'", "where it is mended"),
    Rule("(speaks?|spoke|spoken) (for|of)", "'match', 'mention' or 'refer to'", "an option that speaks for it"),
    Rule(r"(?<!working\s)director(y|ies)", "'folder'; only 'working directory' is the term of systems", "an empty directory"),
)  # fmt: skip


class Finding(NamedTuple):
    """A phrase of a file that the glossary replaces."""

    file: str
    line: int
    phrase: str
    say: str

    def __str__(self) -> str:
        """As one line, which editors take as a place."""
        return f"{self.file}:{self.line}: '{self.phrase}': say {self.say}"


_PATTERNS = [
    (re.compile(r"(?<![-:])\b" + rule.phrase.replace(" ", r"\s+") + r"\b", re.IGNORECASE), rule.say) for rule in RULES
]
_CODE = re.compile(r"^([ ]*)(```|~~~).*?^\1\2[ ]*$|`+[^`]+`+|\]\([^)]*\)|<[^>\n]+>", re.DOTALL | re.MULTILINE)


def phrases(text: str) -> Iterator[tuple[int, str, str]]:
    """The line, the phrase and what to say instead, for each phrase of a text that is no code."""
    prose = _CODE.sub(lambda code: re.sub(r"[^\n]", " ", code[0]), text)
    for pattern, say in _PATTERNS:
        for match in pattern.finditer(prose):
            yield prose.count("\n", 0, match.start()) + 1, " ".join(match[0].split()), say


def texts(source: str) -> Iterator[tuple[int, str]]:
    """The first line and the text of each docstring, message and comment of a module."""
    nodes = list(ast.walk(ast.parse(source)))
    inside = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        match node:
            case ast.JoinedStr(values=values, lineno=line):
                yield line, "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in values)
            case ast.Constant(value=str(text), lineno=line) if id(node) not in inside and " " in text.strip():
                yield line, text
            case _:
                pass
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def newest(changelog: str) -> str:
    """The newest section of a change log, with what stands before it."""
    second = [match.start() for match in re.finditer(r"^## ", changelog, re.MULTILINE)][1:2]
    return changelog[: second[0]] if second else changelog


def findings(file: Path, root: Path = ROOT) -> Iterator[Finding]:
    """The phrases of a file, without the exempt ones."""
    name, source = str(file.relative_to(root)), file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        parts = sorted(texts(source))
    else:
        parts = [(1, newest(source) if file.name == "CHANGELOG.md" else source)]
    for first, text in parts:
        for line, phrase, say in phrases(text):
            if (name, phrase) not in EXEMPT:
                yield Finding(name, first + line - 1, phrase, say)


def modules(path: Path) -> Iterator[Path]:
    """The modules of a folder, or the file itself."""
    return iter([path]) if path.is_file() else path.rglob("*.py")


def main(arguments: list[str]) -> int:
    """Print the findings of the pages and the clean folders, or of the files and folders that are named."""
    if arguments:
        named = [Path(argument).resolve() for argument in arguments]
        files = [file for path in named for file in modules(path)]
    else:
        files = [file for pattern in PAGES for file in ROOT.glob(pattern) if str(file.relative_to(ROOT)) not in NOT_YET]
        files += [file for name in CLEAN for file in modules(ROOT / name)]
    found = [finding for file in sorted(files) for finding in findings(file, ROOT)]
    for finding in sorted(found):
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
