"""Builds the distributions, tries the wheel, and tags the commit; nothing is pushed or published. Used by `make release`."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import try_wheel

ROOT = Path(__file__).parents[1]


def main(root):
    """Build into `dist`, then tag, or fail with the reasons why the commit cannot be released."""
    dist = root / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(dist), str(root)], check=True)
    version = try_wheel.main(dist)
    reasons = objections(root, version)
    if reasons:
        sys.exit("\n".join([f"{version} is not tagged:", *(f"- {reason}" for reason in reasons)]))
    git(root, "tag", "-a", f"v{version}", "-m", f"magnus {version}")
    print(f"The commit has the tag v{version}. To publish it: git push origin v{version}, then upload dist/.")


def objections(root, version):
    """The reasons why this commit must not get the tag of the version."""
    reasons = []
    if changed := git(root, "status", "--porcelain"):
        reasons.append(f"the working tree has changes; commit or remove them:\n{changed}")
    if (branch := git(root, "branch", "--show-current").strip()) != "main":
        reasons.append(f"the branch is {branch or 'none'}; releases are made from main")
    if git(root, "tag", "--list", f"v{version}"):
        reasons.append(f"the tag v{version} exists; raise __version__ in src/magnus/__init__.py")
    heading = re.search(rf"^## {re.escape(version)}\b(.*)$", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    if heading is None:
        reasons.append(f"CHANGELOG.md has no heading '## {version}, <date>'")
    elif not re.fullmatch(r", \d{4}-\d\d-\d\d", heading[1]):
        reasons.append(f"CHANGELOG.md gives no date: write '## {version}, <date>' for '{heading[0]}'")
    return reasons


def git(root, *arguments):
    """The standard output of git in the folder."""
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main(ROOT)
