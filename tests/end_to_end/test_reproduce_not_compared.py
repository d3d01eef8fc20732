"""`magnus reproduce` where not all results can be compared: no such run counts as reproduced."""

import json

TASKS = "dag: {steps: {a: {command: 'true', command_type: shell}, b: {command: 'export word=x', command_type: shell, returns: [word]}}}"


def not_compared(folder, *arguments):
    """The sentences on results that were not compared, all others of which agree."""
    result = folder.magnus("reproduce", "r", "--json", *arguments)
    assert result.status == 1, result.err + result.out
    document = json.loads(result.out)
    assert (document["reproduced"], document["steps"], document["run"], document["files"]) == (False, [], [], [])
    assert document["verdict"] == "not reproduced: not all results of 'r' could be compared; the others agree"
    text = folder.magnus("reproduce", "r", *arguments)
    assert (text.status, "\nnot compared\n" in text.out) == (1, True)
    return document["not_compared"]


def test_a_damaged_record(folder):
    folder.write("p.yaml", TASKS)
    folder.magnus("execute", "p.yaml", "--run-id", "r")
    [file] = (folder.path / ".run_log_store").glob("r*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    file.chmod(0o644)
    file.write_bytes(b"".join([lines[0], b"{damaged\n", *lines[1:]]))
    [sentence] = not_compared(folder)
    assert sentence.startswith("in the run log of 'r': 1 record is damaged and skipped")


def test_mocked_tasks(folder):
    folder.write("p.yaml", TASKS)
    folder.write("mocked.yaml", "executor: {type: mocked}")
    folder.magnus("execute", "p.yaml", "--run-id", "r", "-c", "mocked.yaml")
    sentences = not_compared(folder)
    assert sentences[0] == "the tasks of 'r' did not run, but were mocked: a, b"
    assert len(sentences) == 2


def test_values_that_the_run_log_masks(folder):
    folder.write("p.yaml", TASKS.replace("'true'", "'test $KEY', secrets: KEY").replace("word=x", "word=$RANDOM"))
    folder.write("c.yaml", "secrets: {type: dotenv}")
    folder.write(".env", "KEY=open-sesame")
    ran = folder.magnus("execute", "p.yaml", "--run-id", "r", "-c", "c.yaml", "--word", "open-sesame")
    assert ran.status == 0, ran.err
    [sentence] = not_compared(folder, "--word", "open-sesame")
    assert sentence == "the run log masks what steps set, since these initial parameters held secrets: word"
