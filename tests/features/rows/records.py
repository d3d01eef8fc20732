"""What is kept of a run, to explain it."""

import os
import subprocess

from cells import feature
from project import pipe, shell

GROUP = "Records"


@feature(GROUP, "output of a step, both streams and of what it started")
def logs(project):
    log = project.run(pipe(a=shell("echo out; sh -c 'echo deeper >&2'; printf no-end")))
    assert project.output(log, "a") == "out\ndeeper\nno-end"


@feature(GROUP, "tag, configuration, pipeline and parameters of a run")
def run_config(project):
    dag = pipe(a={"type": "stub"})
    log = project.start(dag, "--tag", "mine", n=1)
    config = log["run_config"]
    assert (log["tag"], log["parameters"], config["pipeline_file"]) == ("mine", {"n": 1}, "p.yaml")
    assert config["configuration_file"] == "configuration.yaml"
    assert config["executor"]["type"] == project.engine.configured(project.folder, ())["type"]
    assert set(config["dag"]["steps"]) >= {"a"}


@feature(GROUP, "the commit that the code is of, and whether it is all")
def commit(project):
    del os.environ["GIT_DIR"]
    project.write(".gitignore", "*\n!.gitignore\n")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (["init", "-q"], ["add", ".gitignore"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], cwd=project.folder, check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], cwd=project.folder, check=True, capture_output=True, text=True)
    log = project.run(pipe(a=shell("true")))
    identities = {one["code_identifier_type"]: one for one in log["steps"]["a"]["code_identities"]}
    assert identities["git"]["code_identifier"] == head.stdout.strip()
    assert identities["git"]["code_identifier_dependable"] is True
