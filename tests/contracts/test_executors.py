"""Every executor of magnus keeps the contract of executors."""

from magnus.testing.executor_contract import ExecutorContract, ProcessExecutorContract


class TestLocal(ExecutorContract):
    configuration = {"type": "local"}


class TestLocalWithChunkedRecords(ExecutorContract):
    configuration = {"type": "local"}
    run_log_store = {"type": "chunked-fs"}


class TestWorkers(ProcessExecutorContract):
    configuration = {"type": "local", "config": {"enable_parallel": True, "max_workers": 2}}


class TestOneWorker(ProcessExecutorContract):
    configuration = {"type": "local", "config": {"enable_parallel": True, "max_workers": 1}}


class TestWorkersWithChunkedRecords(ProcessExecutorContract):
    configuration = {"type": "local", "config": {"enable_parallel": True, "max_workers": 4}}
    run_log_store = {"type": "chunked-fs"}


class TestContainersOfWhichNoneIsNeeded(ExecutorContract):
    """As `tests/services` for those that are."""

    configuration = {"type": "local-container", "config": {"docker_image": "none", "run_in_local": True}}
