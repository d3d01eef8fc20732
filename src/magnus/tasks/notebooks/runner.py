"""The process that runs one notebook. Started by `tasks.notebook`, which ends it and its group with the step.

It starts the kernel before it loads what speaks to kernels: both take about as long. The kernel listens on unix
sockets in the private folder of the step, so nobody else can reach it, and no two kernels can want the same port.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from magnus.values import Json

_KERNEL: Final = (
    "import sys; root = sys.argv.pop(1); sys.path[:] = [path for path in sys.path if path]; "
    "root in sys.path or sys.path.append(root); "
    "from ipykernel.kernelapp import launch_new_instance; launch_new_instance()"
)
"""The working directory must not be searched while the kernel is loaded; the kernel puts it first itself."""
_SOCKETS: Final = ("k-1", "k-2")
"""The names of the sockets of the kernel for requests and for output."""


def main() -> None:
    """Run the notebook of `request.json` in the folder; leaves `executed.ipynb` and `result.json` there."""
    folder = Path(sys.argv[2])
    request = json.loads((folder / "request.json").read_text())
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    kernel = _start_kernel(request, folder)
    try:
        from magnus.engine.interaction.channel import say_loading  # lazy: the kernel starts meanwhile

        say_loading("the kernel")
        from magnus.tasks.notebooks.session import run  # lazy: as above, and it takes long itself

        result = run(request, folder, kernel, [folder / name for name in _SOCKETS])
        (folder / "result.json").write_text(json.dumps(result))
    finally:
        kernel.kill()
        kernel.wait()


def _start_kernel(request: Json, folder: Path) -> "subprocess.Popen[bytes]":
    """Start the kernel: python as it runs here, unless a kernel is named; it stays in the group of this process."""
    connection = folder / "connection.json"
    sockets = {f"{name}_port": port for port, name in enumerate(("shell", "iopub", "stdin", "control", "hb"), start=1)}
    key = os.urandom(16).hex()
    connection_info = {
        "transport": "ipc",
        "ip": str(folder / "k"),
        "key": key,
        "signature_scheme": "hmac-sha256",
        **sockets,
    }
    connection.write_text(json.dumps(connection_info))
    # what children of cells print is captured as that of every step is, byte by byte, and would come again as a message
    arguments = ["--HistoryManager.enabled=False", "--IPKernelApp.capture_fd_output=False"]
    environment = {**os.environ, "JPY_PARENT_PID": str(os.getpid())}
    command = [sys.executable, "-c", _KERNEL, request["root"], "-f", str(connection), *arguments]
    if request["kernel_name"]:
        command, more = _named_kernel(request["kernel_name"], str(connection))
        environment.update(more)
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment, cwd=request["working_directory"])


def _named_kernel(name: str, connection: str) -> tuple[list[str], dict[str, str]]:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel  # lazy: few name a kernel

    try:
        spec = KernelSpecManager().get_kernel_spec(name)
    except NoSuchKernel:
        sys.exit(f"there is no kernel '{name}'; 'jupyter kernelspec list' says which there are")
    program, *arguments = spec.argv
    major, minor = sys.version_info[:2]
    if program in {"python", f"python{major}", f"python{major}.{minor}"}:
        program = sys.executable  # as jupyter itself understands it
    return [program, *(part.replace("{connection_file}", connection) for part in arguments)], spec.env
