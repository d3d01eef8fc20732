"""Follows a page of the documentation as its reader does: saves its files, runs its commands, and compares what they print.

A block with a title, such as ```` ```yaml title="pipeline.yaml" ````, is a file; `title="pipeline.yaml, continued"` adds to its
end. The lines of a `shell` block are run, and must succeed unless a comment says `# exit status 1`. A `text` block behind it is
what they print on both streams: `...` alone stands for any lines, at the end of a line for its rest, and a command behind
`(Pdb)` is typed. All else is prose, such as `sh` blocks with commands that need more than the tests have.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from safety_net import LONGEST_SECONDS

BLOCK = re.compile(r'^```(\w+)(?: title="([^"\n]*)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
CONTINUED = ", continued"
STATUS = re.compile(r"#.*exit status (\d+)")
TYPED = re.compile(r"^\(Pdb\) (.*)\n", re.MULTILINE)
VARIES = [
    (re.compile(r"\b([a-z]+-[a-z]+-\d{4}-[0-9a-f]{6}|[0-9a-f]{8}-[0-9a-f-]{27})\b"), "RUN"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s|min)\b"), "DURATION"),
    (re.compile(r"\b\d+(\.\d+)? ?[kM]?B\b"), "SIZE"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "HASH"),
    (re.compile(r"/tmp/\S*\.project\b"), "COPY"),
    (re.compile(r"/\S*/(?=[\w-]+\.(py|ipynb)\b)"), ""),
    (re.compile(r"[─-]{3,}"), "---"),
    (re.compile(r"[ \t]+"), " "),
]


def blocks(page):
    """The language, the title and the text of each fenced block."""
    return [match.groups() for match in BLOCK.finditer(Path(page).read_text())]


def files(*pages):
    """The files that the pages save, with their text at the end."""
    texts = {}
    for page in pages:
        for _, title, text in blocks(page):
            if title and title.endswith(CONTINUED):
                texts[title.removesuffix(CONTINUED)] += text
            elif title:
                texts[title] = text
    return texts


def follow(page, folder, environment):
    """Do in the folder what the page says; AssertionError where a command does or prints something else."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    environment = {**environment, "PATH": path, "COLUMNS": "120"}
    shown = blocks(page)
    for (language, title, text), following in zip(shown, [*shown[1:], ("", "", "")], strict=True):
        if title:
            save(folder, title, text)
        elif language == "shell":
            printed = following[2] if following[0] == "text" and not following[1] else None
            run(text, printed, folder, environment)


def save(folder, title, text):
    file = folder / title.removesuffix(CONTINUED)
    file.parent.mkdir(parents=True, exist_ok=True)
    before = file.read_text() if title.endswith(CONTINUED) else ""
    file.write_text(before + text)


def run(commands, printed, folder, environment):
    typed = "".join(f"{line}\n" for line in TYPED.findall(printed or ""))
    output = ""
    for command in re.split(r"(?<!\\)\n", commands.strip()):
        if not command or command.startswith("#"):
            continue
        argv = ["bash", "-c", command]
        done = subprocess.run(
            argv,
            cwd=folder,
            env=environment,
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_SECONDS,
        )
        wanted = int(status[1]) if (status := STATUS.search(command)) else 0
        assert done.returncode == wanted, f"{command}\n{done.stdout}"
        output += done.stdout
    if printed is not None:
        assert matches(printed, output), f"{commands}\n--- printed\n{printed}\n--- output\n{output}"


def matches(printed, output):
    """Whether the output is what a page shows, apart from ids, times, sizes and white space."""
    lines = [line.strip() for line in plain(TYPED.sub("(Pdb) ", printed)).strip().split("\n")]
    pattern = "".join(map(line_pattern, lines))
    real = "".join(f"{line.strip()}\n" for line in plain(output).strip().split("\n"))
    return re.fullmatch(pattern, real) is not None


def line_pattern(line):
    before, is_open, rest = line.partition("...")
    if line in {"...", "(Pdb) ..."}:
        return re.escape(before) + r"(?:.*\n)*?"
    return re.escape(before) + r".*\n" if is_open and not rest else re.escape(line) + r"\n"


def plain(text):
    for pattern, name in VARIES:
        text = pattern.sub(name, text)
    return text
