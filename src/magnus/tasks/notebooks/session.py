"""Executes the cells of a notebook, by nbclient, in a kernel that was started. Called in `tasks.notebooks.runner`."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any, Final

import nbformat
from jupyter_client.asynchronous.client import AsyncKernelClient
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from magnus.engine.interaction.channel import say_loading
from magnus.engine.step.outcomes import PREFIXES
from magnus.tasks.notebooks.cells import Cell, add_error, message_text, prepare, printed_text, without_colour
from magnus.values import Json

_END_SECONDS: Final = 0.3
_LOOK_AGAIN_SECONDS: Final = 1.0
_LOOK_FOR_SOCKETS_SECONDS: Final = 0.01
_ANSWER_SECONDS: Final = 1.0
_HEARD_SECONDS: Final = 0.2
_WRITE_RESULTS: Final = """\
__import__("sys").path.append({root!r})
__import__("magnus.tasks.notebooks.kernel_results", fromlist=["write_results"]).write_results(get_ipython().user_ns, {returns!r}, {file!r})
"""
"""Gives the variables of the user no other names."""
_EXIT: Final = """\
import IPython.core.autocall
class Exit(IPython.core.autocall.ExitAutocall):
    def __call__(self, code=None, **_):
        raise SystemExit(code)
get_ipython().user_ns.update(exit=Exit(), quit=Exit())
del IPython, Exit
"""
"""`exit` and `quit` of a kernel end it some time after the cell; here they end the cell at once, as in plain python."""
_WRITE_EXPORTED: Final = """\
__import__("pathlib").Path({file!r}).write_text(__import__("json").dumps(
    {{name: text for name, text in __import__("os").environ.items() if name.startswith({prefixes!r})}}
))
"""
"""Needs nothing of magnus, so that any python does."""


def run(request: Json, folder: Path, kernel: "subprocess.Popen[bytes]", sockets: Sequence[Path]) -> Json:
    """Run the notebook and leave it, executed as far as it went, in the folder; returns what `tasks.notebook` reads."""
    warnings.filterwarnings("ignore", module="nbformat")  # of notebooks that other programs wrote
    session = _Session(request, folder, kernel, sockets)
    session.write()
    return asyncio.run(session.run())


class _KernelClient(AsyncKernelClient):
    """The client of a kernel that no kernel manager knows."""

    process: "subprocess.Popen[bytes]"

    async def _async_is_alive(self) -> bool:
        return self.process.poll() is None

    is_alive = _async_is_alive


class _Kernel:
    """The part of a kernel manager that nbclient uses."""

    has_kernel = True

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    async def interrupt_kernel(self) -> None:
        """Interrupt the cell that runs."""
        self._process.send_signal(signal.SIGINT)


class _ShowingClient(NotebookClient):
    """Shows what cells print when they print it."""

    shows_output = True

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Show a message of the kernel, then treat it as always."""
        text, is_error = message_text(msg["msg_type"], msg["content"])
        if text and self.shows_output:
            stream = sys.stderr if is_error else sys.stdout
            stream.write(text)
            stream.flush()
        try:
            return super().process_message(msg, cell, cell_index)
        except nbformat.ValidationError:  # a display of a kind that no notebook can hold
            return None


class _Session:
    """One notebook on its way through the kernel."""

    def __init__(self, request: Json, folder: Path, kernel: "subprocess.Popen[bytes]", sockets: Sequence[Path]) -> None:
        self._request = request
        self._folder = folder
        self._sockets = sockets
        self._kernel = kernel
        self._notebook, self._numbers = prepare(
            request["notebook"], request["parameters"], request["remove_tagged_cells"], request["loaders"]
        )
        manager: Any = _Kernel(kernel)
        self._runner = _ShowingClient(self._notebook, km=manager, **request["client"])
        self._runner.shows_output = request["shows_output"]
        self._is_ended = False
        self._is_idle = False

    def write(self) -> None:
        """Write the notebook as it is now, whole or not at all."""
        temporary = self._folder / "executing.ipynb"
        nbformat.write(self._notebook, temporary)
        temporary.replace(self._folder / "executed.ipynb")

    async def run(self) -> Json:
        """Run the notebook to its end, or until this process gets SIGTERM, or its parent is gone."""
        task = asyncio.ensure_future(self._run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._end, task)
        watch = asyncio.ensure_future(self._watch(task))
        try:
            return await task
        finally:
            watch.cancel()

    def _end(self, task: "asyncio.Task[Json]") -> None:
        self._is_ended = True
        task.cancel()

    async def _watch(self, task: "asyncio.Task[Json]") -> None:
        parent = os.getppid()
        while os.getppid() == parent:
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        self._end(task)
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        os.killpg(0, signal.SIGKILL)

    async def _run(self) -> Json:
        client = _KernelClient(connection_file=str(self._folder / "connection.json"))
        client.process = self._kernel
        client.load_connection_file()
        result = _failure("")
        try:
            failure = await self._connect(client) or await self._execute()
            result = _failure(failure) if failure else await self._read_results(client)
            result["exported"] = await self._exported(client) if self._is_idle else {}
            self.write()
            if not self._is_ended:
                await self._shut_down(client)
        finally:
            client.stop_channels()
        return {**result, "printed": self._printed()}

    async def _connect(self, client: _KernelClient) -> str:
        """Wait for the kernel; why it did not come, "" when it did."""
        deadline = time.monotonic() + self._runner.startup_timeout
        while not all(socket.exists() for socket in self._sockets):  # one who asks earlier is kept waiting
            if failure := self._not_coming(deadline):
                return failure
            await asyncio.sleep(_LOOK_FOR_SOCKETS_SECONDS)
        client.start_channels(hb=False)
        while (info := await _info(client)) is None:
            if failure := self._not_coming(deadline):
                return failure
        say_loading("")
        client.allow_stdin = False
        self._runner.kc = client
        self._notebook.metadata["language_info"] = info["language_info"]
        if info.get("implementation") == "ipython":
            await self._runner.async_wait_for_reply(client.execute(_EXIT, silent=True, store_history=False))
        return ""

    def _not_coming(self, deadline: float) -> str:
        if (code := self._kernel.poll()) is not None:
            return f"the kernel did not start{_ending(code)}"
        is_late = time.monotonic() > deadline
        return f"the kernel did not start within {self._runner.startup_timeout} s" if is_late else ""

    async def _execute(self) -> str:
        """Run all cells; why one failed, "" when none did."""
        for index, cell in enumerate(self._notebook.cells):
            try:
                await self._runner.async_execute_cell(cell, index, execution_count=self._runner.code_cells_executed + 1)
            except CellExecutionError as error:
                self._is_idle = True
                return f"{self._name(index)} failed: {_error_text(error)}"
            except (DeadKernelError, CellTimeoutError, asyncio.CancelledError) as error:
                return self._break_off(cell, index, error)
        self._runner.set_widgets_metadata()
        self._is_idle = True
        return ""

    def _break_off(self, cell: Cell, index: int, error: BaseException) -> str:
        """Note in the notebook that a cell did not come to its end."""
        if self._is_ended:
            kind, reason = "StepEnded", "the step was stopped by a timeout or an interruption"
        elif isinstance(error, CellTimeoutError):
            kind, reason = "CellTimeout", "the time for one cell is over"
        else:
            kind, reason = "DeadKernel", f"the kernel died{_ending(self._kernel.poll())}"
        add_error(cell, kind, f"{reason} while this cell ran")
        return f"{self._name(index)} failed: {reason}"

    def _name(self, index: int) -> str:
        number = self._numbers[index]
        return f"cell {number}" if number else "the cell with the parameters"

    async def _read_results(self, client: _KernelClient) -> Json:
        """The declared results, as the kernel wrote them."""
        if not self._request["returns"]:
            return _failure("")
        file = self._folder / "returned.json"
        code = _WRITE_RESULTS.format(root=self._request["root"], returns=self._request["returns"], file=str(file))
        try:
            reply = await self._runner.async_wait_for_reply(client.execute(code, silent=True))
        except DeadKernelError:
            return _failure("the kernel died while its variables were read")
        if reply is None or reply["content"]["status"] != "ok":
            content = {} if reply is None else reply["content"]
            return _failure(
                f"the variables of the kernel could not be read: {content.get('ename')}: {content.get('evalue')}"
            )
        return json.loads(file.read_text())

    async def _exported(self, client: _KernelClient) -> Json:
        """The variables in the environment of the kernel that may set parameters and metrics; {} when it is gone."""
        file = self._folder / "exported.json"
        code = _WRITE_EXPORTED.format(prefixes=PREFIXES, file=str(file))
        with suppress(DeadKernelError):
            await self._runner.async_wait_for_reply(client.execute(code, silent=True))
        return json.loads(file.read_text()) if file.exists() else {}

    async def _shut_down(self, client: _KernelClient) -> None:
        """Let the kernel end by itself, as far as it does so in time."""
        client.shutdown()
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._kernel.wait, _END_SECONDS)

    def _printed(self) -> list[Json]:
        """The output of the cells with the output tag."""
        texts = [printed_text(cell, self._request["output_cell_tag"]) for cell in self._notebook.cells]
        return [
            {"cell": number, "text": text}
            for number, text in zip(self._numbers, texts, strict=True)
            if text is not None
        ]


async def _info(client: _KernelClient) -> Json | None:
    """The info of the kernel, once its output channel works too; None if the caller has to ask again."""
    client.kernel_info()
    try:
        reply = await client.get_shell_msg(timeout=_ANSWER_SECONDS)
        await client.get_iopub_msg(timeout=_HEARD_SECONDS)
    except Empty:
        return None
    return reply["content"]


def _failure(failure: str) -> Json:
    return {"failure": failure, "returned": {}}


def _error_text(error: CellExecutionError) -> str:
    if error.ename == "SystemExit":
        return f"sys.exit({'' if error.evalue == 'None' else error.evalue}) was called"
    return without_colour(f"{error.ename}: {error.evalue}" if error.evalue else error.ename)


def _ending(code: int | None) -> str:
    """The text for the end of a process, as in `system.child_process`, without the imports of that module."""
    if code is None:
        return ""
    return f" ({signal.Signals(-code).name})" if code < 0 else f" (exit status {code})"
