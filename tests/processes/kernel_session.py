"""Runs cells in a real kernel as a front end does, in the working directory: `python kernel_session.py CELLS.json OUTPUTS.json`.

CELLS.json is a list of texts. OUTPUTS.json gets for each cell the list of its outputs, as notebooks hold them. A cell that
is `{"source": TEXT, "interrupt": FILE}` is interrupted, as by the stop button, as soon as the file is there.
"""

import json
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient

LONGEST_SECONDS = 1000


class Session(NotebookClient):
    """Interrupts the kernel when the file of the cell is there."""

    waits_for: dict

    async def async_execute_cell(self, cell, cell_index, **more):
        file = self.waits_for.get(cell_index)
        if file is not None:
            threading.Thread(target=self._interrupt, args=(Path(file),), daemon=True).start()
        return await super().async_execute_cell(cell, cell_index, **more)

    def _interrupt(self, file):
        deadline = time.monotonic() + LONGEST_SECONDS
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.km.provisioner.process.send_signal(2)


def main(cells_file, outputs_file):
    cells = json.loads(Path(cells_file).read_text())
    sources = [cell if isinstance(cell, str) else cell["source"] for cell in cells]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    session = Session(
        notebook,
        kernel_name="python3",
        timeout=LONGEST_SECONDS,
        allow_errors=True,
        resources={"metadata": {"path": "."}},
    )
    session.waits_for = {n: cell["interrupt"] for n, cell in enumerate(cells) if isinstance(cell, dict)}
    with TemporaryDirectory(prefix="ipc-") as folder:  # ports of TCP may be taken by other kernels meanwhile
        session.create_kernel_manager()
        session.km.transport, session.km.ip = "ipc", f"{folder}/kernel"
        session.execute()
    Path(outputs_file).write_text(json.dumps([cell.outputs for cell in notebook.cells]))


if __name__ == "__main__":
    main(*sys.argv[1:])
