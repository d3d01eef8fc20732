"""Every executor of magnus keeps the contract of executors."""

from magnus.testing.executor_contract import ExecutorContract


class TestLocal(ExecutorContract):
    configuration = {"type": "local"}


class TestLocalWithChunkedRecords(ExecutorContract):
    configuration = {"type": "local"}
    run_log_store = {"type": "chunked-fs"}
