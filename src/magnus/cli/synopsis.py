"""Lists the commands: the help, the version and the completion of `magnus` itself, as click writes them, but without click.

Its import takes most of the time that such an answer may take. No answer is given where click would wrap lines.
"""

import os

from magnus import __version__

TYPE_CHECKING = False  # the import of typing would cost a tenth of an answer
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

COMMANDS: "Final" = {
    "catalog": "Check the content of the catalog.",
    "check": "Check a pipeline without running it.",
    "debug": "Run a step of an earlier run under a debugger.",
    "diff": "Compare two runs, the earliest cause first.",
    "end_run": "",
    "execute": "Run a pipeline and print its run log.",
    "execute_function": "Run one function as a tracked step.",
    "execute_notebook": "Run one notebook as a tracked step.",
    "execute_single_node": "",
    "explain": "Say why each step of a run ran or was reused.",
    "export": "Write runs with their files into one archive.",
    "fan": "",
    "gc": "Remove old runs, and content that no run needs.",
    "graph": "Draw a pipeline without running it.",
    "import": "Bring exported runs into the stores of this project.",
    "init": "Write a small project that runs.",
    "logs": "Print the output of the steps of a run.",
    "report": "Write a run as one HTML file.",
    "reproduce": "Run a run again and compare the results.",
    "retry": "Resume a failed or killed run.",
    "run_again": "",
    "run_composite": "",
    "runs": "List the runs, the newest first.",
    "schema": "Print the JSON Schema of pipelines or configurations.",
    "show": "Show a run as a tree of its steps.",
    "simulate": "Run a manifest for Argo Workflows on this machine.",
    "track": "Send finished runs to the experiment tracker.",
    "ui": "Show runs in a browser, live.",
}
"""The modules in `magnus.cli.commands`, each with the first line of its help; "" for a hidden command."""

DESCRIPTION: "Final" = "Define data-science pipelines once, run them anywhere."
EXAMPLE: "Final" = "Example: magnus execute pipeline.yaml --x 3"

_WIDE: "Final" = 80
"""The columns of a terminal from which click wraps no line of the help."""


def answer(arguments: "Sequence[str]", environment: "Mapping[str, str]") -> str | None:
    """The text for standard output if the command line asks for help, version or completion; None leaves it to click."""
    if shell := environment.get("_MAGNUS_COMPLETE"):
        return _completion(shell, environment)
    if arguments == ["--version"]:
        return f"magnus, version {__version__}\n"
    if arguments in (["--help"], ["-h"]) and _is_wide(environment):
        return _help()
    return None


def _is_wide(environment: "Mapping[str, str]") -> bool:
    if "COLUMNS" in environment:  # click reads it
        return False
    try:
        return (os.get_terminal_size(1).columns or _WIDE) >= _WIDE
    except OSError:
        return True  # no terminal


def _help() -> str:
    shown = {name: text for name, text in COMMANDS.items() if text}
    width = max(map(len, shown))
    commands = "".join(f"  {name:{width}}  {text}\n" for name, text in shown.items())
    return f"""\
Usage: magnus [OPTIONS] COMMAND [ARGS]...

  {DESCRIPTION}

Options:
  --version   Show the version and exit.
  -h, --help  Show this message and exit.

Commands:
{commands}
  {EXAMPLE}
"""


def _completion(shell: str, environment: "Mapping[str, str]") -> str | None:
    """The commands that complete the first word in bash or zsh; None for other words and shells."""
    _, *words = environment.get("COMP_WORDS", "").split() or [""]
    start = "".join(words)
    is_name = not start or start.replace("_", "a").isalnum()
    if environment.get("COMP_CWORD") != "1" or len(words) > 1 or not is_name:
        return None
    matching = [(name, text) for name, text in COMMANDS.items() if text and name.startswith(start)]
    if shell == "bash_complete":
        return "\n".join(f"plain,{name}" for name, _ in matching) + "\n"
    if shell == "zsh_complete":
        return "\n".join(f"plain\n{name}\n{text}" for name, text in matching) + "\n"
    return None
