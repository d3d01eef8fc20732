"""`magnus runs`, `magnus show` and `magnus logs`, as a user types them."""

import json
import os
import re
import shutil
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS

WORK = """

def begin():
    print("begins")
    return {"items": [0, 1, 2, 3, 4, 5]}

def double(item):
    print("item", item)
    if item == 3:
        raise ValueError("three is [/x] bad")
    return {"doubled": 2 * item}
"""
PIPELINE = """
dag:
  name: doubling
  start_at: begin
  steps:
    begin: {type: task, command: work.begin, next: file}
    file:
      type: task
      command_type: shell
      command: "echo said; echo abc > a.csv; export MAGNUS_PRM_made=true"
      catalog: {put: ["*.csv"]}
      next: each item
    each item:
      type: map
      iterate_on: items
      iterate_as: item
      branch: {start_at: double, steps: {double: {type: task, command: work.double, max_attempts: 2, next: success}}}
      next: success
"""
QUICK = "dag: {start_at: a, steps: {a: {type: task, command_type: shell, command: 'echo quick', next: success}}}"
SLOW = """
dag:
  start_at: wait
  steps:
    wait: {type: task, command_type: shell, command: "echo waiting; while [ ! -e go ]; do sleep 0.05; done; printf went", next: after}
    after: {type: task, command_type: shell, command: "echo after; exit 3", next: success}
"""
STORES = {
    "default": "",
    "chunked-fs": "run_log_store: {type: chunked-fs}",
}
TIMES = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?|\d+(\.\d+)? m?s\b")


def without_times(text):
    """The text with T for every time and duration; columns are as wide as their headings, or as what is in them."""
    return re.sub(r" +$", "", re.sub(r"  +", "  ", TIMES.sub("T", text)), flags=re.MULTILINE)


@pytest.fixture
def doubled(folder):
    folder.write("work.py", WORK)
    folder.write("p.yaml", PIPELINE)
    assert folder.magnus("execute", "p.yaml", "--x", "5", "--run-id", "doubled", "--tag", "mine").status == 1
    return folder


@contextmanager
def running(folder, run_id="slow"):
    """A run whose first step waits for the file `go`, which is there in the end whatever happens."""
    folder.write("slow.yaml", SLOW)
    with folder.start("execute", "slow.yaml", "--run-id", run_id) as run:
        try:
            next(line for line in iter(run.stderr.readline, "") if "waiting" in line)
            yield run
        finally:
            folder.write("go", "")
            run.communicate(timeout=LONGEST_SECONDS)


@contextmanager
def following(folder, *arguments):
    """The command `magnus logs -f`, killed in the end if it has not ended."""
    with folder.start("logs", *arguments, "-f") as process:
        try:
            yield process
        finally:
            process.kill()


def killed(folder, run_id="killed"):
    """A run whose process was killed in the middle of a step."""
    folder.write("slow.yaml", SLOW)
    with folder.start("execute", "slow.yaml", "--run-id", run_id, start_new_session=True) as process:
        next(line for line in iter(process.stderr.readline, "") if "waiting" in line)
        os.kill(process.pid, signal.SIGKILL)
        folder.write("go", "")  # what it started ends by itself
    for left in Path(folder.environment["TMPDIR"]).iterdir():
        shutil.rmtree(left)
    return folder


def status_of(folder, run_id):
    [run] = [run for run in json.loads(folder.magnus("runs", "--json").out) if run["run_id"] == run_id]
    return run["status"]


# Lists


def test_no_runs_are_said_to_be_none(folder):
    said = folder.magnus("runs")
    assert (said.status, said.out, said.err) == (0, "", "there are no runs yet\n")
    assert folder.magnus("runs", "--json").out == "[]\n"
    assert [*folder.path.iterdir()] == []


def test_runs_are_listed_the_newest_first(doubled):
    doubled.write("q.yaml", QUICK)
    doubled.magnus("execute", "q.yaml", "--run-id", "quick")
    killed(doubled)
    (doubled.path / ".run_log_store" / "broken.jsonl").write_text("garbage")
    said = doubled.magnus("runs")
    assert said.status == 0
    assert without_times(said.out) == (
        "run  pipeline  status  started (UTC)  took  tag\n"
        "killed  slow.yaml  LOST  T\n"
        "quick  q.yaml  SUCCESS  T  T\n"
        "doubled  doubling  FAIL  T  T  mine\n"
        "broken  DAMAGED\n"
    )
    file = doubled.path / ".run_log_store" / "broken.jsonl"
    assert said.err == f"damaged: '{file}' is damaged: it holds no record of the run\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--status", "SUCCESS"), ["quick"]),
        (("--status", "success", "--status", "FAIL"), ["quick", "doubled"]),
        (("--status", "PROCESSING"), []),
        (("--tag", "mine"), ["doubled"]),
        (("--tag", "mine", "--tag", ""), ["quick", "doubled"]),
        (("--pipeline", "doubling"), ["doubled"]),
        (("--since", "1h"), ["quick", "doubled"]),
        (("--since", "2099-01-01"), []),
        (("--before", "1h30m"), []),
        (("--before", "2099-01-01", "--since", "2000-01-01T12:00"), ["quick", "doubled"]),
        (("--limit", "1"), ["quick"]),
        (("--limit", "0"), ["quick", "doubled"]),
        (("--limit", "1", "--tag", "mine"), ["doubled"]),
    ],
    ids=" ".join,
)
def test_runs_can_be_chosen(doubled, options, expected):
    doubled.write("q.yaml", QUICK)
    doubled.magnus("execute", "q.yaml", "--run-id", "quick")
    said = doubled.magnus("runs", *options, "--json")
    assert [run["run_id"] for run in json.loads(said.out)] == expected
    if not expected:
        assert doubled.magnus("runs", *options).err == "no run matches\n"


@pytest.mark.parametrize("store", STORES)
def test_every_store_lists_the_same(folder, store):
    folder.write("c.yaml", STORES[store] or "{}")
    folder.write("q.yaml", QUICK)
    ran = folder.magnus("execute", "q.yaml", "-c", "c.yaml", "--run-id", "quick", "--tag", "t")
    assert ran.status == 0, ran.err
    said = folder.magnus("runs", "-c", "c.yaml", "--json")
    [run] = json.loads(said.out)
    document = ran.log
    assert run == {
        "run_id": "quick",
        "pipeline": "q.yaml",
        "status": "SUCCESS",
        "message": "",
        "start_time": document["start_time"],
        "end_time": document["end_time"],
        "duration": run["duration"],
        "tag": "t",
        "use_cached": False,
        "original_run_id": "",
        "skipped_records": [],
        "workflow": "",
        "last_heard": None,
    }
    assert 0 < run["duration"] < 60
    assert folder.magnus("show", "latest", "-c", "c.yaml", "--json").log == document
    assert folder.magnus("logs", "qu", "-c", "c.yaml").out == "==> a <==\nquick\n"


def test_a_store_in_memory_is_said_to_keep_nothing(folder):
    folder.write("c.yaml", "run_log_store: {type: buffered}")
    said = folder.magnus("runs", "-c", "c.yaml")
    assert (said.status, said.out) == (0, "")
    assert said.err == (
        "the run log store of type 'buffered' keeps no runs for other processes\nthere are no runs yet\n"
    )


# One run


def test_a_run_is_shown_as_a_tree(doubled):
    said = doubled.magnus("show", "doubled")
    assert (said.status, said.err) == (0, "")
    assert TIMES.sub("T", said.out) == (
        "run doubled  FAIL  T\n"
        "  step 'each item' failed: branch 3 failed\n"
        "  pipeline doubling (p.yaml)\n"
        "  started  T UTC\n"
        "  tag      mine\n"
        "  initial  x = 5\n"
        "\n"
        "├─ begin  SUCCESS  T\n"
        "│     out      items = [0, 1, 2, 3, 4, 5]\n"
        "├─ file  SUCCESS  T\n"
        "│     in       x = 5, items = [0, 1, 2, 3, 4, 5]\n"
        "│     out      made = true\n"
        "│     put      a.csv (4 B)\n"
        "├─ each item  FAIL  T  map of 6 branches: 5 SUCCESS, 1 FAIL\n"
        "│  │  branch 3 failed\n"
        "│  ├─ 3  FAIL\n"
        "│  │  ├─ double  FAIL  T  2 attempts\n"
        "│  │  │     ValueError: three is [/x] bad (work.py:10 in double)\n"
        "│  │  │     in       item = 3\n"
        "│  │  └─ fail\n"
        "│  └─ 5 more branches: SUCCESS  (--all shows them)\n"
        "└─ fail\n"
        "\n"
        "  final    x = 5, items = [0, 1, 2, 3, 4, 5], made = true\n"
        "\n"
        "  debug the step that failed: magnus debug doubled 'each item/3/double'\n"
        "  resume where it stopped: magnus retry doubled\n"
        "  read its output: magnus logs doubled 'each item/3/double'\n"
    )


def test_progress_says_the_durations_that_are_shown_afterwards(folder):
    folder.write("work.py", WORK)
    folder.write("p.yaml", PIPELINE)
    said = folder.magnus("execute", "p.yaml", "--run-id", "doubled").err
    took = dict(re.findall(r"Z   (\S.*): (?:SUCCESS|FAIL) in ([\d.]+ \w+)", said))
    assert len(took) == 9
    for path, duration in took.items():
        shown = folder.magnus("show", "doubled", "--step", path).out.splitlines()[0]
        assert shown.endswith(f"  {duration}"), (path, duration)
    [whole] = re.findall(r"run doubled: FAIL in ([\d.]+ \w+)", said)
    assert folder.magnus("show", "doubled").out.startswith(f"run doubled  FAIL  {whole}\n")


def test_all_shows_every_branch(doubled):
    said = doubled.magnus("show", "doubled", "--all").out
    assert len(re.findall(r"^│  [├└]─ \d", said, re.MULTILINE)) == 6
    assert said.count("out      doubled = ") == 5
    assert "--all" not in said


def test_one_step_is_shown_with_everything(doubled):
    said = doubled.magnus("show", "doubled", "--step", "each%20item/3/double")
    assert TIMES.sub("T", said.out) == (
        "step each item/3/double of run doubled  FAIL  T\n"
        "  ValueError: three is [/x] bad (work.py:10 in double)\n"
        "  type     task\n"
        "  attempt 1  FAIL  T from T UTC\n"
        "  attempt 2  FAIL  T from T UTC\n"
        "  in\n"
        "    item = 3\n"
    )
    put = doubled.magnus("show", "doubled", "--step", "file").out
    assert "  put\n    a.csv = 4 B, sha256 edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb\n" in put
    assert doubled.magnus("show", "doubled", "--step", "each item").out.count("SUCCESS") == 11


ODD = """
dag:
  start_at: use/it
  steps:
    use/it: {type: task, command_type: python-lambda, command: "lambda: {'cities': ['london', 'paris'], 'ones': [2, 1], 'odd': ['a b', 'c/d']}", next: cities}
    cities: {type: map, iterate_on: cities, iterate_as: x, branch: &branch {start_at: say it, steps: {say it: {type: task, command_type: shell, command: 'echo "$x"', next: success}}}, next: ones}
    ones: {type: map, iterate_on: ones, iterate_as: x, branch: *branch, next: odd}
    odd: {type: map, iterate_on: odd, iterate_as: x, branch: *branch, next: success}
"""


def test_a_step_is_named_by_element_or_number_and_printed_in_one_way(folder):
    folder.write("p.yaml", ODD)
    assert folder.magnus("execute", "p.yaml", "--run-id", "odd").status == 0
    for text, path, output in (
        ("use/it", "use%2Fit", ""),
        ("cities.paris.say it", "cities/paris/say it", "paris\n"),
        ("cities/1/say%20it", "cities/paris/say it", "paris\n"),
        ("ones/1/say it", "ones/1/say it", "1\n"),
        ("ones/#0/say it", "ones/2/say it", "2\n"),
        ("odd/c/d/say it", "odd/1/say it", "c/d\n"),
    ):
        said = folder.magnus("show", "odd", "--step", text)
        assert said.out.startswith(f"step {path} of run odd"), said.err
        assert folder.magnus("logs", "odd", text).out == output
    said = folder.magnus("logs", "odd", "cities/pari/say it")
    assert said.err == (
        "error: no step 'cities/pari/say it' started in the run 'odd'\n  fix: did you mean 'cities/paris/say it'?\n"
    )


def test_a_large_value_is_whole_in_one_step_and_its_size_in_the_tree(folder):
    folder.write("c.yaml", "catalog: {type: file-system, config: {spill_threshold: 100}}")
    step = {"type": "task", "command_type": "python-lambda"}
    made = {**step, "command": "lambda: {'big': list(range(100))}", "next": "count"}
    count = {**step, "command": "lambda big: {'n': len(big)}", "next": "success"}
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "make", "steps": {"make": made, "count": count}}}))
    assert folder.magnus("execute", "p.yaml", "-c", "c.yaml", "--run-id", "large").status == 0
    tree = folder.magnus("show", "large", "-c", "c.yaml").out
    assert "     in       big = <value of 291 B>\n" in tree
    assert "     out      big = <value of 291 B>\n" in tree
    whole = f"    big = {list(range(100))}\n"
    assert f"  out\n{whole}" in folder.magnus("show", "large", "-c", "c.yaml", "--step", "make").out
    assert f"  in\n{whole}" in folder.magnus("show", "large", "-c", "c.yaml", "--step", "count").out
    shutil.rmtree(folder.path / ".catalog")
    assert "  in\n    big = <value of 291 B>\n" in folder.magnus("show", "large", "-c", "c.yaml", "--step", "count").out


def test_a_step_as_json_is_what_the_document_says_of_it(doubled):
    document = doubled.magnus("show", "doubled", "--json").log
    inner = doubled.magnus("show", "doubled", "--step", "each item/3/double", "--json").log
    assert inner == document["steps"]["each item"]["branches"]["3"]["steps"]["double"]
    assert doubled.magnus("show", "doubled", "--step", "file", "--json").log == document["steps"]["file"]


def test_a_run_that_was_killed_shows_as_lost(folder):
    killed(folder)
    assert status_of(folder, "killed") == "LOST"
    said = folder.magnus("show", "killed").out
    host = re.escape(os.uname().nodename)
    assert re.fullmatch(
        r"run killed  LOST\n"
        rf"  lost: process \d+ on host '{host}' is gone\n"
        r"  pipeline slow.yaml\n"
        r"  started  \S+ \S+ UTC\n\n"
        r"└─ wait  LOST\n\n"
        r"  resume where it stopped: magnus retry killed\n"
        r"  read its output: magnus logs killed wait\n",
        said,
    )
    assert folder.magnus("runs", "--status", "LOST").out.startswith("run ")
    assert folder.magnus("runs", "--status", "FAIL").out == ""
    followed = folder.magnus("logs", "killed", "-f")
    assert (followed.status, followed.out, followed.err) == (1, "==> wait <==\nwaiting\n", "run killed: LOST\n")


def test_the_beginning_of_an_id_is_enough(doubled):
    doubled.write("q.yaml", QUICK)
    doubled.magnus("execute", "q.yaml", "--run-id", "dough")
    assert doubled.magnus("show", "doub").out.startswith("run doubled ")
    assert doubled.magnus("show", "latest").out.startswith("run dough ")
    said = doubled.magnus("show", "dou")
    assert (said.status, said.out) == (2, "")
    assert said.err == (
        "error: 'dou' is a prefix of 2 run ids: 'doubled', 'dough'\n"
        "  fix: write more of the id; magnus runs lists all of them\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("show", "doubbled"),
            "there is no run 'doubbled'\n  fix: did you mean 'doubled'? magnus runs lists all of them",
        ),
        (("logs", "zzz"), "there is no run 'zzz'\n  fix: magnus runs lists all of them"),
        (("show", "../x"), "'../x' cannot be a run id: it starts with a dot"),
        (
            ("show", "doubled", "--step", "fil"),
            "no step 'fil' started in the run 'doubled'\n  fix: did you mean 'file'?",
        ),
        (("logs", "doubled", "%zz"), "no step '%zz' started in the run 'doubled'\n  fix: magnus show doubled shows"),
        (("logs", "doubled", "each item/9/double"), "no step 'each item/9/double' started in the run 'doubled'"),
        (("runs", "--status", "SUCESS"), "'SUCESS' is not a status of a run\n  fix: did you mean 'SUCCESS'?"),
        (("runs", "--since", "soon"), "'soon' is neither an age nor a time\n  fix: write an age such as 2d"),
        (("runs", "-c", "missing.yaml"), "the configuration 'missing.yaml' does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_not_there_is_said_with_what_is(doubled, arguments, message):
    said = doubled.magnus(*arguments)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith(f"error: {message}")


def test_a_damaged_run_is_an_error_of_the_store(folder):
    folder.write(".run_log_store/broken.jsonl", "garbage")
    for command in ("show", "logs"):
        said = folder.magnus(command, "broken")
        assert (said.status, said.out) == (3, "")
        assert "broken.jsonl' is damaged: it holds no record of the run\n  fix: remove the file" in said.err


def test_a_copy_of_a_run_log_is_not_taken_for_another_run(folder):
    folder.write("q.yaml", QUICK)
    folder.magnus("execute", "q.yaml", "--run-id", "quick")
    store = folder.path / ".run_log_store"
    shutil.copy(store / "quick.jsonl", store / "copied.jsonl")
    listed = {run["run_id"]: run["status"] for run in json.loads(folder.magnus("runs", "--json").out)}
    assert listed == {"quick": "SUCCESS", "copied": "DAMAGED"}
    said = folder.magnus("show", "copied")
    assert (said.status, said.out) == (3, "")
    assert said.err.startswith(
        "error: the run log stored as that of the run 'copied' is the run log of the run 'quick'\n  fix: "
    )


def test_text_of_a_user_is_one_line_and_no_markup(folder):
    lines = {"command_type": "python-lambda", "command": "lambda: {'x': 'a\\n[red]\\x1b[31m'}", "next": "success"}
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "[/x]", "steps": {"[/x]": {"type": "task", **lines}}}}))
    assert folder.magnus("execute", "p.yaml", "--run-id", "odd", "--tag", "a\tb").status == 0
    shown = folder.magnus("show", "odd").out
    assert "  tag      a\\tb\n" in shown
    assert "├─ [/x]  SUCCESS" in shown
    assert '     out      x = "a\\n[red]\\u001b[31m"\n' in shown
    assert "\x1b" not in shown + folder.magnus("runs").out


# Logs

LOG_OF_3 = """\
item 3
Traceback (most recent call last):
  File "{folder}/work.py", line 10, in double
    raise ValueError("three is [/x] bad")
ValueError: three is [/x] bad
"""


def test_the_output_of_all_steps_is_under_their_names(doubled):
    said = doubled.magnus("logs", "doubled")
    assert (said.status, said.err) == (0, "")
    of_3 = LOG_OF_3.format(folder=doubled.path)
    items = [of_3 + of_3 if item == 3 else f"item {item}\n" for item in range(6)]
    blocks = {"begin": "begins\n", "file": "said\n"}
    blocks |= {f"each item/{item}/double": output for item, output in enumerate(items)}
    assert said.out == "\n".join(f"==> {name} <==\n{output}" for name, output in blocks.items())
    inner = doubled.magnus("logs", "doubled", "each item").out
    assert inner == said.out[said.out.index("==> each item/0") :]


def test_the_output_of_one_step_is_as_it_was(doubled):
    assert doubled.magnus("logs", "doubled", "file").out == "said\n"
    assert doubled.magnus("logs", "doubled", "each%item/0/double").out == "item 0\n"
    said = doubled.magnus("logs", "doubled", "fail")
    assert (said.status, said.out, said.err) == (0, "", "step 'fail' printed nothing\n")


def test_why_there_is_no_output_is_said(doubled):
    assert doubled.magnus("retry", "doubled", "--run-id", "again").status == 1
    said = doubled.magnus("logs", "again", "file")
    assert (said.out, said.err) == (
        "",
        "step 'file' was reused from another run; its output: magnus logs doubled file\n",
    )
    doubled.magnus("gc", "--keep-last", "0", "--yes")
    assert doubled.magnus("logs", "doubled").err == "the files of the run 'doubled' were removed by magnus gc\n"
    doubled.write("c.yaml", "catalog: {type: do-nothing}")
    said = doubled.magnus("logs", "doubled", "-c", "c.yaml")
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith(
        "c.yaml:1:11: error: the catalog of type 'do-nothing' does not give back what steps printed"
    )


def test_a_run_that_goes_on_is_followed_to_its_end(folder):
    with running(folder):
        assert status_of(folder, "slow") == "PROCESSING"
        assert re.search(r"^└─ wait  PROCESSING$", folder.magnus("show", "slow").out, re.MULTILINE)
        with following(folder, "slow") as process:
            assert process.stdout.readline() == "==> wait <==\n"
            assert process.stdout.readline() == "waiting\n"
            assert process.poll() is None
            folder.write("go", "")
            out, err = process.communicate(timeout=LONGEST_SECONDS)
    assert out == "went\n\n==> after <==\nafter\n"
    assert err == "run slow: FAIL\n"
    assert process.returncode == 1


def test_one_step_is_followed_to_its_end(folder):
    with running(folder), following(folder, "slow", "wait") as process:
        assert process.stdout.readline() == "waiting\n"
        folder.write("go", "")
        assert process.communicate(timeout=LONGEST_SECONDS)[0] == "went"


RETRIED = """
dag:
  start_at: try
  steps:
    try:
      type: task
      command_type: shell
      command: "echo waiting $MAGNUS_STEP_ATTEMPT; if [ $MAGNUS_STEP_ATTEMPT = 0 ]; then exit 3; fi; while [ ! -e go ]; do sleep 0.05; done; echo went"
      max_attempts: 2
      next: last
    last: {type: task, command_type: shell, command: "echo last; while [ ! -e end ]; do sleep 0.05; done", next: success}
"""


def test_a_step_that_is_tried_again_is_followed_to_its_end_and_not_further(folder):
    folder.write("slow.yaml", RETRIED)
    with folder.start("execute", "slow.yaml", "--run-id", "slow") as run:
        try:
            next(line for line in iter(run.stderr.readline, "") if "waiting 1" in line)
            with following(folder, "slow", "try") as process:
                assert [process.stdout.readline() for _ in range(2)] == ["waiting 0\n", "waiting 1\n"]
                assert process.poll() is None
                folder.write("go", "")
                assert process.communicate(timeout=LONGEST_SECONDS) == ("went\n", "step 'try': SUCCESS\n")
                assert process.returncode == 0
            assert run.poll() is None
            said = folder.magnus("logs", "slow", "try", "-f")
            assert (said.status, said.out, said.err) == (0, "waiting 0\nwaiting 1\nwent\n", "step 'try': SUCCESS\n")
        finally:
            folder.write("go", "")
            folder.write("end", "")
            run.communicate(timeout=LONGEST_SECONDS)


def test_a_step_of_a_run_that_was_killed_or_did_not_come_to_it_is_not_waited_for(folder):
    killed(folder)
    said = folder.magnus("logs", "killed", "wait", "-f")
    assert (said.status, said.out, said.err) == (1, "waiting\n", "step 'wait': LOST\n")
    said = folder.magnus("logs", "killed", "after", "-f")
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("error: no step 'after' started in the run 'killed'")


def test_following_one_step_can_be_interrupted(folder):
    with running(folder), following(folder, "slow", "wait") as process:
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=LONGEST_SECONDS)[0] == ""
        assert process.returncode == 130


def test_following_ends_when_nobody_reads_any_more(folder):
    folder.write("slow.yaml", RETRIED)
    with folder.start("execute", "slow.yaml", "--run-id", "slow") as run:
        try:
            next(line for line in iter(run.stderr.readline, "") if "waiting 1" in line)
            with following(folder, "slow") as process:
                assert process.stdout.readline() == "==> try <==\n"
                process.stdout.close()
                folder.write("go", "")
                assert process.wait(timeout=LONGEST_SECONDS) == 0
                assert process.stderr.read() == ""
            assert run.poll() is None
        finally:
            folder.write("go", "")
            folder.write("end", "")
            run.communicate(timeout=LONGEST_SECONDS)


def test_following_can_be_interrupted(folder):
    with running(folder), following(folder, "slow") as process:
        assert process.stdout.readline() == "==> wait <==\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LONGEST_SECONDS)
        assert process.returncode == 130


SWEEP = """
dag:
  steps:
    fit: {command: sweep.fit, returns: [auc: metric, note]}
"""


@pytest.fixture
def swept(folder):
    folder.write("p.yaml", SWEEP)
    folder.write("sweep.py", "def fit(model, bad=False):\n    return float('nan') if bad else model['lr'] * 2, 'a b'\n")
    for number, lr in enumerate([0.1, 10, 2]):
        result = folder.magnus("execute", "p.yaml", "--run-id", f"r{number}", "--model", json.dumps({"lr": lr}))
        assert result.status == 0, result.err
    assert folder.magnus("execute", "p.yaml", "--run-id", "nan", "--model", '{"lr": 1}', "--bad", "true").status == 0
    folder.write("other.yaml", "dag: {steps: {a: {type: stub}}}")
    assert folder.magnus("execute", "other.yaml", "--run-id", "none").status == 0
    return folder


def test_runs_have_columns_of_values_and_are_sorted_by_them(swept):
    shown = swept.magnus("runs", "--metrics", "auc", "--params", "model.lr,note", "--sort", "auc")
    assert shown.status == 0, shown.err
    heading, *lines = shown.out.splitlines()
    assert heading.split()[-3:] == ["auc", "model.lr", "note"]
    assert [line.split()[0] for line in lines] == ["r1", "r2", "r0", "nan", "none"]
    assert lines[0].endswith('20   10        "a b"')
    assert lines[3].split()[-4] == "NaN"
    up = swept.magnus("runs", "--sort", "model.lr", "--ascending", "-n", "2").out.splitlines()[1:]
    assert [line.split()[0] for line in up] == ["r0", "nan"]
    [first, *_] = json.loads(swept.magnus("runs", "--sort", "auc", "--metrics", "auc", "--params", "lr", "--json").out)
    assert (first["metrics"], first["params"]) == ({"auc": 20}, {"lr": None})
    assert "metrics" not in json.loads(swept.magnus("runs", "--json").out)[0]


def test_sorting_by_what_no_run_has(swept):
    refused = swept.magnus("runs", "--sort", "acu")
    assert refused.status == 2
    assert "no run that is listed has the metric or parameter 'acu'\n  fix: did you mean 'auc'?" in refused.err


def test_a_damaged_run_has_no_values(swept):
    (swept.path / ".run_log_store/r1.jsonl").write_bytes(b"\0\n")
    shown = swept.magnus("runs", "--metrics", "auc", "--sort", "auc")
    assert [line.split()[0] for line in shown.out.splitlines()[1:]] == ["r2", "r0", "nan", "none", "r1"]


def test_runs_as_a_table_of_pandas(swept, monkeypatch):
    import pandas as pd

    import magnus

    monkeypatch.chdir(swept.path)
    with pytest.raises(AttributeError, match=r"its method to_frame\(\) gives a table of pandas"):
        pd.DataFrame(magnus.runs())
    table = magnus.runs().to_frame()
    assert list(table.columns)[:6] == ["run_id", "pipeline", "status", "tag", "start_time", "duration"]
    assert set(table.columns[6:-1]) == {"params.bad", "params.model", "params.note"}
    assert table.columns[-1] == "metrics.auc"
    rows = table.set_index("run_id")
    assert rows.loc["r1", "metrics.auc"] == 20
    assert rows.loc["r1", "params.model"] == {"lr": 10}
    assert rows["status"].eq("SUCCESS").all()
    assert str(rows["start_time"].dtype).endswith("UTC]")
    assert list(magnus.runs(limit=0).to_frame().columns) == [
        "run_id", "pipeline", "status", "tag", "start_time", "duration",
    ]  # fmt: skip


def test_branches_over_mappings_are_shown_with_the_keys_that_differ(folder):
    folder.write(
        "p.yaml",
        """
dag:
  steps:
    each:
      type: map
      iterate_on: xs
      iterate_as: x
      branch: {command_type: shell, command: "true"}
""",
    )
    elements = json.dumps([{"rate": 0.1, "depth": 3}, {"rate": 0.5, "depth": 3}])
    assert folder.magnus("execute", "p.yaml", "--run-id", "r1", "--xs", elements).status == 0
    shown = folder.magnus("show", "r1", "--all").out
    assert "0 = rate=0.1  SUCCESS" in shown
    assert "1 = rate=0.5  SUCCESS" in shown
