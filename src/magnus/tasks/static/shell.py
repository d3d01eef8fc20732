"""Tells what a shell command needs and sets, as far as its text shows it. Used by `tasks.shell`.

A program that the command starts may do anything; unless it is a common one, the parameters it sets stay open.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from magnus.engine.values.parameter_values import VARIABLE_PREFIX, from_text
from magnus.errors import Problem
from magnus.graph.dataflow.facts import Description, Need, Setting
from magnus.graph.dataflow.shapes import ANYTHING, Shape, kinds, of_value
from magnus.graph.nodes import Return, TaskSpec
from magnus.json_text import UnusableJson
from magnus.suggest import near
from magnus.tasks.static.side_effects import looks_like_file

_NAME: Final = r"[A-Za-z_]\w*"
_INDEX: Final = r"\[[^][]*+(?:\[[^][]*+\][^][]*+)?\]"
_ASSIGNED: Final = re.compile(rf"(?<![\w$-])({_NAME})(?:{_INDEX})?\+?=")
_LISTED: Final = re.compile(
    r"\b(?:export|declare|typeset|readonly|local|read|for|select|getopts|mapfile|readarray|printf\s+-v)\b"
    r"((?:\s+[^\s;|&()<>]+)*)"
)
_WRITTEN: Final = r"(?:'[^']*'|\"(?:[^\"\\]|\\.)*\"|\\.|[^\s;|&()<>'\"\\])+"
_EXPORTED: Final = re.compile(rf"\b(?:export|declare|typeset|readonly)\b((?:[ \t]+{_WRITTEN})+)", re.DOTALL)
_MADE: Final = re.compile(
    rf"(?<!\w)(?<!\$)(?<!\$\{{){VARIABLE_PREFIX}\w*[$`{{]|\b(?:printf\s+-v|read(?:\s+-\w+)*)\s+[\"']?\w*\$"
    r"|\b(?:declare|typeset|local)\s+-\w*n"
)
"""Names that are made while the command runs, or given other names."""
_SUBSTITUTED: Final = re.compile(r"\$\(\([^()]*\)\)|\$\([^()]*\)|`[^`]*`")
_MADE_PART: Final = frozenset("$`{*?\\")
_DEEPEST: Final = 4
_HEREDOC: Final = re.compile(r"(?<!<)<<-?[ \t]*['\"\\]?(\w+)['\"]?")
_EXPORTS: Final = re.compile(r"\bexport\b|\b(?:declare|typeset)\s+-\w*x|\bset\s+-\w*a|\ballexport\b")
_EXPORTED_PRM: Final = re.compile(rf"\b{VARIABLE_PREFIX}({_NAME})\+?=")
_USED: Final = re.compile(rf"(?<!\\)\$(?:({_NAME})|\{{({_NAME})(\}}|\[))")
_SOURCES: Final = re.compile(r"\b(?:source|eval)\b|(?:^|[\s;|&(])\.\s")
_LOOKS_AT_ALL: Final = re.compile(
    r"MAGNUS_PARAMETERS|\$\{!|\b(?:env|printenv|set|declare|typeset|compgen|awk|jq|git|export -p)\b"
)
"""Programs that may read all variables."""
_READS_NO_VARIABLES: Final = frozenset(
    "[ cat cp cut echo exit export false head mkdir mv printf rm sleep tail test touch true uniq wc".split()
)
_ONLY_ASSIGNED: Final = re.compile(rf"{_NAME}=\S*")
_OF_MAGNUS: Final = re.compile(rf"MAGNUS_(?!{VARIABLE_PREFIX.removeprefix('MAGNUS_')})")
_EXPANDED: Final = re.compile(r"\$\{[^{}]*\}|\$?\(\([^()]*\)\)")
_RUNS: Final = re.compile(r"\b(?:exec|xargs|env)\b|(?:^|[;|&(])\s*[\"']?\$|-exec")
_WRITTEN_TO: Final = re.compile(r">[ \t]*([^\s;|&()<>]+)")
_BETWEEN_WORDS: Final = re.compile(r"[\s;|&()<>\"'=]+")
_REDIRECTED: Final = re.compile(r"\d*[<>]|\{\w+\}[<>]|&>")
_QUOTED: Final = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*+(?:\"|\\?\Z)", re.DOTALL)
_QUOTED_TEXT: Final = re.compile(r"'[^']*'")
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#[^\n]*")
_WORD: Final = (
    r"(?:[\w./:,@%+^=~*?\[\]-]|\\[^\n]|'[^']*+'|\$\w+|\$\{\w+\}|"
    r"\"(?:[^\"\\`$]|\\.|\$\w+|\$\{\w+\}|\$\(\([\w +*/%-]+\)\))*+\")++"
)
_PART: Final = rf"(?:\d?(?:>>?|<)[ \t]*+{_WORD}|\d?>&\d|{_WORD})"
_SIMPLE: Final = rf"[ \t]*+{_PART}(?:[ \t]++{_PART})*+[ \t]*+"
_SET_AGAIN: Final = re.compile(r"&&|\|\||\b(?:read|for|select|printf\s+-v|getopts|let|unset)\b|:=")
_PLAIN: Final = re.compile(rf"{_SIMPLE}(?:(?:&&|\|\||[;|\n]){_SIMPLE})*+[;\s]*\Z", re.ASCII)
"""Commands that need no shell to see that they can be parsed."""
_RESERVED: Final = re.compile(
    r"\b(?:if|then|else|elif|fi|for|while|until|do|done|case|esac|select|function|time|coproc|in)\b"
)
_ANY_NAME: Final = re.compile(_NAME)
_BETWEEN: Final = re.compile(r"&&|\|\||[;|\n]")
_ONE_WRITTEN: Final = re.compile(_WRITTEN, re.DOTALL)
_LISTED_NAME: Final = re.compile(rf"(?<!\S)({_NAME})(?=\Z|\s|=|\[|\+=)")
_ASSIGNING: Final = (
    re.compile(rf"\(\(\s*+({_NAME})\s*(?:=|\+\+|--|[-+*/]=)"),
    re.compile(rf"\$\{{({_NAME}):?="),
    re.compile(rf"(?<!\w)\{{({_NAME})\}}[<>]"),
)
_NO_PROGRAM: Final = re.compile(r"[\d\"'$<>\]\\-]")
_SEPARATORS: Final = re.compile(r"\|\||&&|[;|&\n(){}`]|\$\(|\b(?:if|then|else|elif|do|while|until|time)\b|!")
_KNOWN: Final = frozenset(
    "echo printf cat cp mv rm mkdir rmdir ls test [ [[ sleep true false exit return export unset set shift cut sort "
    "wc head tail grep egrep sed awk tr date touch seq cd pwd find xargs tee diff cmp gzip gunzip tar zip unzip curl wget "
    "git env read for case in done fi esac break continue local declare typeset readonly trap wait kill uniq basename "
    "dirname realpath readlink stat chmod chown ln du df hostname uname id whoami which type command let expr md5sum "
    "sha256sum jq paste join comm nl rev split mktemp : function".split()
)
_OF_SHELL: Final = frozenset(
    "HOME PATH PWD OLDPWD USER LANG SHELL TERM IFS RANDOM SECONDS LINENO HOSTNAME UID EUID PPID OPTARG OPTIND REPLY "
    "BASH BASHPID BASHOPTS BASH_SOURCE BASH_VERSION BASH_VERSINFO BASH_SUBSHELL FUNCNAME PIPESTATUS TMPDIR LOGNAME "
    "EPOCHSECONDS EPOCHREALTIME HOSTTYPE MACHTYPE OSTYPE SHELLOPTS SHLVL GROUPS DIRSTACK MAPFILE COPROC SRANDOM".split()
)
_BUILT_IN: Final = frozenset(
    "alias bg bind break builtin caller cd command compgen complete compopt continue declare dirs disown echo enable eval "
    "exec exit export false fc fg getopts hash help history jobs kill let local logout mapfile popd printf pushd pwd read "
    "readarray readonly return set shift shopt source suspend test times trap true type typeset ulimit umask unalias unset "
    "wait".split()
)
_PROGRAM: Final = re.compile(r"[a-z][\w-]*", re.ASCII)
_SECONDS: Final = 10


def describe(spec: TaskSpec, environment: Mapping[str, str], *, strict: bool) -> Description:
    """The needs and effects of the command, which is parsed and not run."""
    code = _COMMENT.sub("", _without_heredocs(spec.command))
    assigned = set(_assigned(code))
    exported, is_made = _exported(code)
    runs_others = _is_open(code)
    is_open = runs_others or is_made
    sets = [Setting(name) for name in dict.fromkeys((*_EXPORTED_PRM.findall(code), *_prefixed((*assigned, *exported))))]
    declared = [Setting(item.name, _shape(item, code, is_open=is_open)) for item in spec.returns or ()]
    problems = [*_syntax(spec.command), *_programs(code)]
    if (sets or declared) and (program := _replacing(code)):
        problems.append(_replaced(program))
    if not is_open:
        inherited = {name for name, _ in _used(code)} | set(environment)
        problems += _not_exported(spec.returns or (), code, assigned | {s.name for s in sets}, inherited)
    needs = () if _SOURCES.search(code) else tuple(_needs(code, assigned, environment, strict=strict))
    names = {setting.name for setting in declared}
    return Description(
        needs,
        (*(s for s in sets if s.name not in names), *declared),
        sets_others=is_open,
        puts_others=runs_others,
        files=tuple(dict.fromkeys(_files_read(code))),
        problems=tuple(problems),
        sees_all=True,
        passes_all=is_open,
        uses=None if runs_others or _LOOKS_AT_ALL.search(spec.command) else frozenset(_mentioned(spec.command)),
    )


def parameters_named(command: str) -> frozenset[str] | None:
    """The names that may be parameters which the command uses; None if it may use any.

    Only plain commands of programs that read no variables are certain.
    """
    if not _PLAIN.match(command) or _OF_MAGNUS.search(command):
        return None
    words = (part.split(maxsplit=1) for part in _BETWEEN.split(command) if part.strip())
    if any(part[0] not in _READS_NO_VARIABLES and not _ONLY_ASSIGNED.fullmatch(" ".join(part)) for part in words):
        return None
    return frozenset(_mentioned(command))


def _mentioned(command: str) -> Iterator[str]:
    """Every word of the command that may be the name of a parameter."""
    for word in _ANY_NAME.findall(command):
        yield word.removeprefix(VARIABLE_PREFIX)


def _shape(item: Return, code: str, *, is_open: bool) -> Shape:
    """The shape of a declared result: that of the value, if the command only assigns one."""
    if item.kind == "object":
        return kinds("object")
    written = re.findall(rf"(?<![\w$-]){re.escape(item.name)}=('[^']*'|\"[^\"$`\\]*\"|[\w./:-]*)(?=\Z|[\s;])", code)
    if len(written) != 1 or is_open or not _PLAIN.match(code) or _SET_AGAIN.search(code):
        return ANYTHING
    text = written[0].strip("'\"")
    try:
        return of_value(from_text(text).value, text)
    except UnusableJson:  # the step fails for it
        return ANYTHING


def _programs(code: str) -> Iterator[Problem]:
    """Programs that are nowhere to be found, of a command that is simple enough to tell its words."""
    if not _PLAIN.match(code) or _RESERVED.search(_QUOTED.sub("", code)) or "PATH=" in code:
        return
    for part in _BETWEEN.split(_QUOTED.sub("''", code)):
        words = [word for word in part.split() if not _ASSIGNED.match(word)]
        if not words or not _PROGRAM.fullmatch(words[0]) or words[0] in _BUILT_IN or shutil.which(words[0]):
            continue
        match = near(words[0], sorted(_KNOWN))
        fix = f"did you mean '{match}'?" if match else "install it, or put the folder it is in on PATH"
        yield Problem(f"there is no program '{words[0]}' on PATH", fix, severity="warning")


def _files_read(code: str) -> Iterator[str]:
    """The words of the command that may be names of files, but for those it writes to itself."""
    text = {name.strip("\"'").removeprefix("./") for name in _WRITTEN_TO.findall(code)}
    for word in _BETWEEN_WORDS.split(code):
        name = word.removeprefix("./")
        if looks_like_file(name) and name not in text:
            yield name


def _replacing(code: str) -> str:
    """The program that `exec` puts in the place of the shell; "" if there is none."""
    for part in _SEPARATORS.split(_QUOTED.sub("''", code)):
        words = [word for word in part.split() if not _ASSIGNED.match(word)]
        if len(words) > 1 and words[0] == "exec" and not _REDIRECTED.match(words[1]):
            return words[1]
    return ""


def _replaced(program: str) -> Problem:
    return Problem(
        f"'exec {program}' replaces the shell, so what the command exports before it is lost",
        f"write {program} without exec, or export nothing in this step",
        severity="warning",
    )


def _without_heredocs(command: str) -> str:
    if "<<" not in command:
        return command
    lines = command.split("\n")
    last = {line.lstrip(): number for number, line in enumerate(lines)}
    kept: list[str] = []
    ends: list[str] = []
    for number, line in enumerate(lines):
        if ends:
            ends = ends[1:] if line.lstrip() == ends[0] else ends
            continue
        ends = [word for word in _HEREDOC.findall(line) if last.get(word, 0) > number]
        kept.append(_HEREDOC.sub("", line) if ends else line)
    return "\n".join(kept)


def _exported(code: str) -> tuple[list[str], bool]:
    """The names that are listed as exported, and whether there are others, made while the command runs."""
    for _ in range(_DEEPEST):
        code = _SUBSTITUTED.sub("$x", code)
    code = code.replace("\\\n", " ")
    words = [word for listed in _EXPORTED.findall(code) for word in _ONE_WRITTEN.findall(listed)]
    names = [word.partition("=")[0].strip("\"'").removesuffix("+") for word in words]
    is_made = any(not _MADE_PART.isdisjoint(name) for name in names)
    return names, is_made or _MADE.search(code) is not None


def _prefixed(names: Iterable[str]) -> Iterator[str]:
    """The parameters that variables with these names set, in the order of the alphabet."""
    for name in sorted(names):
        parameter = name.removeprefix(VARIABLE_PREFIX)
        if parameter != name and parameter.isidentifier():
            yield parameter


def _assigned(code: str) -> Iterator[str]:
    """The variables that the command gives a value, or may."""
    yield from _ASSIGNED.findall(code)
    for listed in _LISTED.findall(code):
        yield from _LISTED_NAME.findall(listed)
    for assigning in _ASSIGNING:
        yield from assigning.findall(code)


def _is_open(code: str) -> bool:
    """Whether something else than well-known programs runs, which may set anything."""
    for part in _SEPARATORS.split(_EXPANDED.sub("$x", _QUOTED_TEXT.sub("''", code))):
        words = [word for word in part.split() if not _ASSIGNED.match(word) and not word.startswith(("<", ">", "2>"))]
        if words and words[0].strip("\"'") not in _KNOWN and not _NO_PROGRAM.match(words[0]):
            return True
    return bool(_SOURCES.search(code) or _RUNS.search(code))


def _used(code: str) -> Iterator[tuple[str, str]]:
    for bare, braced, _ in _USED.findall(_QUOTED_TEXT.sub("''", code)):
        yield bare or braced, bare or braced


def _needs(code: str, assigned: set[str], environment: Mapping[str, str], *, strict: bool) -> Iterator[Need]:
    """The variables that are used and come from nowhere else."""
    for name in dict.fromkeys(name for name, _ in _used(code)):
        if (
            name in assigned
            or name in environment
            or name in _OF_SHELL
            or (name.isupper() and "MAGNUS_PRM" not in name)
        ):
            continue
        if name.startswith(VARIABLE_PREFIX):
            yield Need(name.removeprefix(VARIABLE_PREFIX), f"${name} of the command", is_fatal=strict)
        elif not name.startswith("MAGNUS_"):
            yield Need(name, f"${name} of the command", is_fatal=strict)


def _not_exported(returns: Sequence[Return], code: str, assigned: set[str], inherited: set[str]) -> Iterator[Problem]:
    """Declared results that the command cannot give back."""
    for item in returns:
        if item.kind == "object":
            message = f"'{item.name}' is declared as an object, which a shell cannot return"
            yield Problem(message, "declare it as json or metric, or put a file into the catalog")
        elif item.name not in assigned and item.name not in inherited:
            message = f"the command does not export '{item.name}', which 'returns' declares"
            yield Problem(message, f"write export {item.name}=VALUE")
        elif item.name not in inherited and not _EXPORTS.search(code) and f"{VARIABLE_PREFIX}{item.name}" not in code:
            message = f"the command sets '{item.name}', which 'returns' declares, and does not export it"
            yield Problem(message, f"write export {item.name}=VALUE")


def _syntax(command: str) -> Iterator[Problem]:
    if _PLAIN.match(command) and not _RESERVED.search(_QUOTED.sub("", command)):
        return
    result = _parsed(command)
    if result:
        yield Problem(f"the shell does not understand the command: {result}", "correct the command")


@lru_cache(maxsize=1024)
def _parsed(command: str) -> str:
    """The syntax error that the shell reports without running the command; "" if there is none."""
    shell = shutil.which("bash") or "/bin/sh"
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [shell, "-n", "-c", command], capture_output=True, text=True, timeout=_SECONDS, check=False, env=environment
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    if done.returncode == 0:
        return ""
    return done.stderr.strip().partition("\n")[0].partition("-c: ")[2] or done.stderr.strip()
