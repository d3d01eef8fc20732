"""Processes that user code forks are its own: they inherit nothing of magnus."""

import json
import signal
import sys

import pytest

WORK = """\
import ctypes, json, logging, multiprocessing as mp, os, signal, sys, threading, time
from concurrent.futures import ProcessPoolExecutor
import magnus

def square(x): return x * x
def sleep(): time.sleep(3600)

def pools():
    for _ in range(40):
        with mp.Pool(4) as pool:
            assert pool.map(square, range(4)) == [0, 1, 4, 9]
    return {"done": 40}

def executors():
    for method in ("fork", "forkserver", "spawn"):
        with ProcessPoolExecutor(2, mp_context=mp.get_context(method)) as executor:
            assert list(executor.map(square, range(8))) == [x * x for x in range(8)]
    return {"done": True}

def ended():
    codes = []
    for _ in range(20):
        process = mp.get_context("fork").Process(target=sleep)
        process.start()
        process.terminate()  # at once: it must not get lost
        process.join()
        codes.append(process.exitcode)
    return {"codes": sorted(set(codes))}

def code(pid): return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def ways_to_end():
    codes = {}
    for how in ("return", "_exit", "sys.exit", "text", "exception", "interrupt"):
        pid = os.fork()
        if pid == 0:
            print("child:", how)
            match how:
                case "return": return {"wrong": 1}
                case "_exit": os._exit(7)
                case "sys.exit": sys.exit(5)
                case "text": sys.exit("child: sys.exit")
                case "exception": raise ValueError("child: ValueError")
                case "interrupt": os.kill(os.getpid(), signal.SIGINT); time.sleep(3600)
        codes[how] = code(pid)
    return {"codes": codes}

def forked_in_c():
    pid = ctypes.CDLL(None).fork()
    if pid == 0: os._exit(7)
    return {"code": code(pid)}

def handlers():
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        found = {
            "SIGTERM": str(signal.getsignal(signal.SIGTERM)),
            "SIGINT": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
            "wake-up descriptor": signal.set_wakeup_fd(-1),
            "blocked": [str(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
            "threads": [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()],
        }
        os.write(writing, json.dumps(found).encode())
        os._exit(0)
    code(pid)
    return {"found": json.loads(os.read(reading, 65536))}

def in_threads():
    codes, watch = [], threading.Thread(target=time.sleep, args=(300,), daemon=True)
    watch.start()
    def fork():
        pid = os.fork()
        if pid == 0:
            os._exit(3)
        codes.append(code(pid))
    threads = [threading.Thread(target=fork) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return {"codes": codes}

def interaction():
    pid = os.fork()
    if pid == 0:
        magnus.set_parameter(set_by_child=magnus.get_parameter("x") + 1)
        os._exit(0)
    code(pid)

def all_children():
    for number in range(3):
        if os.fork() == 0:
            os._exit(number)
    codes = []
    try:
        while True:
            codes.append(os.waitstatus_to_exitcode(os.wait()[1]))
    except ChildProcessError:
        return {"codes": sorted(codes)}

def storm():
    log = logging.getLogger("storm")
    logging.basicConfig(stream=sys.stderr)
    stop = threading.Event()
    def chatter():
        while not stop.is_set():
            print("x" * 200); magnus.track_this(z=1); time.sleep(0.001)
    threads = [threading.Thread(target=chatter) for _ in range(3)]
    for thread in threads: thread.start()
    codes = set()
    for _ in range(30):
        pid = os.fork()
        if pid == 0:
            signal.alarm(60)
            log.warning("child"); magnus.get_parameter("x")
            os._exit(0)
        codes.add(code(pid))
    stop.set()
    for thread in threads: thread.join()
    return {"codes": sorted(codes)}

def at_exit():
    import atexit
    atexit.register(lambda: print("at exit of", "child" if os.getpid() != parent else "magnus", file=sys.stderr, flush=True))
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        sys.exit(0)
    return {"code": code(pid)}

def hard(): os._exit(0)

def hard_in_thread():
    thread = threading.Thread(target=lambda: os._exit(0))
    thread.start()
    thread.join()
    time.sleep(3600)

def asks(_):
    print("child of", os.environ["MAGNUS_STEP_NAME"])
    magnus.set_parameter(**{os.environ["MAGNUS_STEP_NAME"]: 1})

def by_server():
    with ProcessPoolExecutor(1, mp_context=mp.get_context("forkserver")) as executor:
        list(executor.map(asks, [0]))
"""
PARALLEL = {"executor": {"type": "local", "config": {"enable_parallel": True, "max_workers": 2}}}
PROGRAM = """\
import json, sys
from magnus import Pipeline, PythonTask
import work

if __name__ == "__main__":
    task = PythonTask(name="a", function=getattr(work, sys.argv[1]), terminate_with_success=True)
    run = Pipeline(steps=[task]).execute(parameters={"x": 1}, raise_on_failure=False)
    print("PARAMETERS", json.dumps({**run.parameters, "status": run.status.value}))
"""


def write_pipeline(folder, function, **more):
    """Write WORK, and a pipeline whose only step calls this function of it."""
    folder.write("work.py", WORK)
    step = {"type": "task", "command": f"work.{function}", "next": "success", **more}
    folder.write("pipeline.yaml", json.dumps({"dag": {"start_at": "a", "steps": {"a": step}}}))


@pytest.fixture(params=["in process", "workers", "timeout", "program"])
def run(request, folder):
    """Runs a function of WORK as a step, in each place in which there are steps: what it gave, and what it printed."""
    folder.write("work.py", WORK)
    folder.write("program.py", PROGRAM)
    folder.write("workers.yaml", json.dumps(PARALLEL))

    def run_step(function):
        if request.param == "program":
            done = folder.python("program.py", function)
            [line] = [line for line in done.stdout.splitlines() if line.startswith("PARAMETERS ")]
            return json.loads(line.partition(" ")[2]), done.stderr
        write_pipeline(folder, function, **({"timeout": "2m"} if request.param == "timeout" else {}))
        configuration = ["-c", "workers.yaml"] if request.param == "workers" else []
        done = folder.magnus("execute", "--x", "1", *configuration)
        return {**done.log["parameters"], "status": done.log["status"]}, done.err

    run_step.place = request.param
    return run_step


@pytest.mark.parametrize(
    ("function", "gives"),
    [
        ("pools", {"done": 40}),
        ("executors", {"done": True}),
        ("ended", {"codes": [-15]}),
        ("in_threads", {"codes": [3] * 8}),
        ("interaction", {"set_by_child": 2}),
        ("all_children", {"codes": [0, 1, 2]}),
        ("storm", {"codes": [0]}),
    ],
)
def test_forked_processes_do_what_they_do_without_magnus(function, gives, run):
    assert run(function)[0] == {"x": 1, **gives, "status": "SUCCESS"}


def test_a_forked_process_ends_as_python_ends_it_and_its_output_is_that_of_the_step(run):
    parameters, shown = run("ways_to_end")
    expected = {"return": 0, "_exit": 7, "sys.exit": 5, "text": 1, "exception": 1, "interrupt": -signal.SIGINT}
    assert parameters == {"x": 1, "codes": expected, "status": "SUCCESS"}
    assert [shown.count(f"child: {how}") for how in ("return", "sys.exit", "exception", "interrupt")] == [1, 2, 1, 1]
    assert shown.count("ValueError: child: ValueError") == 1
    assert shown.count(" a: SUCCESS") == 1


def test_a_forked_process_has_the_handlers_of_python_and_no_threads(run):
    expected = {
        "SIGTERM": "Handlers.SIG_DFL" if sys.version_info < (3, 11) else "0",
        "SIGINT": True,
        "wake-up descriptor": -1,
        "blocked": [],
        "threads": [],
    }
    assert run("handlers")[0]["found"] == expected


def test_what_user_code_does_at_exit_is_done_by_its_child_too(run):
    parameters, shown = run("at_exit")
    assert parameters == {"x": 1, "code": 0, "status": "SUCCESS"}
    assert shown.count("at exit of child") == 1


def test_os_exit_ends_a_process_that_c_code_forked(run):
    assert run("forked_in_c")[0] == {"x": 1, "code": 7, "status": "SUCCESS"}


def test_os_exit_ends_the_step_and_not_magnus(run):
    assert run("hard")[0]["status"] == "FAIL"


@pytest.mark.parametrize("parallel", [False, True])
def test_a_server_of_forks_is_one_of_its_step(parallel, folder):
    folder.write("work.py", WORK)
    folder.write("config.yaml", json.dumps(PARALLEL if parallel else {}))
    steps = {
        name: {"type": "task", "command": "work.by_server", "next": following}
        for name, following in (("first", "second"), ("second", "success"))
    }
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "first", "steps": steps}}))
    done = folder.magnus("execute", "p.yaml", "-c", "config.yaml")
    assert done.log["parameters"] == {"first": 1, "second": 1}
    assert [done.err.count(f"child of {name}") for name in steps] == [1, 1]


SESSION = """\
import os, sys, magnus
run_id = magnus.start_interactive_session()
pid = os.fork()
if pid == 0:
    sys.exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), magnus.get_run_log()["status"], run_id)
magnus.set_parameter(x=1)
"""


def test_a_forked_process_does_not_end_the_session_of_its_parent(folder):
    folder.write("session.py", SESSION)
    done = folder.python("session.py")
    code, status, run_id = done.stdout.split()
    assert (code, status, done.stderr) == ("3", "PROCESSING", "")
    ended = folder.magnus("show", run_id, "--json").log
    assert (ended["status"], ended["parameters"]) == ("SUCCESS", {"x": 1})


def test_os_exit_in_a_thread_never_looks_like_success(folder):
    write_pipeline(folder, "hard_in_thread")
    done = folder.magnus("execute", "--run-id", "r")
    assert (done.status, done.out) == (1, "")
    assert "error: a thread called os._exit(0), which ends magnus too" in done.err
    assert folder.magnus("show", "r").out.startswith("run r  LOST\n")
    folder.write("work.py", "def hard_in_thread(): pass")
    assert folder.magnus("retry", "r").status == 0  # and sweeps the private folder that was left


def test_os_exit_in_a_step_of_another_engine_fails_the_step(folder):
    write_pipeline(folder, "hard")
    assert folder.magnus("execute_single_node", "r", "a").status == 1
    assert folder.magnus("show", "r", "--step", "a", "--json").log["message"] == "os._exit(0) was called"
