"""A kernel for a trial: its environment, its folder, and the proof that nothing of it is left.

Everything that a trial may leave behind has one place, so that it can be looked for::

    trial-k3x9/             gone with the trial
    ├── tmp/                TMPDIR: sockets and folders of servers; empty when the kernel has ended
    ├── home/               LESSON_KIT_HOME: the learner's file, for this run and the next
    ├── rehearsal/          what was measured, drawn and judged
    ├── refusals            what would have left the machine
    ├── kernel.log          what the kernel itself says: nothing
    └── kernel.json         how to reach it

Processes are found by a mark in their environment, and in the kernel's tree after every cell: one that empties its
environment, or changes its parent, is found by the other way.

A kernel is spoken to over Unix sockets. TCP would be open to everybody on the machine, and ipykernel warns of that;
where there are no such sockets, it is encrypted if the versions here can do that.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import psutil
import zmq
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode

from lesson_kit.texts import LESSONS
from lesson_kit.record import HOME
from lesson_kit.rehearsal import REHEARSAL, SHORT

__all__ = ["Room", "running"]

GUARD = Path(__file__).with_name("guard")
REFUSALS = "LESSON_KIT_REFUSALS"
MARK = "LESSON_KIT_TRIAL"
"""The environment variable that marks what a trial starts."""
CELL_LIMIT = 180
"""Seconds for one cell: on a machine that is busy with others, too."""
START_LIMIT = 120
END_LIMIT = 5.0
"""Seconds for servers to follow a kernel that has ended without them: their leash gives them three."""
LINES_SHOWN = 3
"""Of what a kernel has said, which is nothing as long as all is well."""
SOCKET_PATH_LIMIT = 100
"""Bytes of a Unix socket's path: 104 on macOS, 108 on Linux, with their zero."""


class Room:
    """The folder of a trial, and the processes that were seen in it. A context manager that removes it."""

    def __init__(self, lessons: Path, *, guarded: bool) -> None:
        self.lessons = lessons
        self._guarded = guarded
        self._mark = secrets.token_hex(8)
        self._seen: set[psutil.Process] = set()

    def __enter__(self) -> Self:
        """Make the folder."""
        self._folder = tempfile.TemporaryDirectory(prefix="trial-")
        self.path = Path(self._folder.name)
        self.rehearsal = self.path / "rehearsal"
        for name in ("tmp", "rehearsal"):
            (self.path / name).mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it."""
        self._folder.cleanup()

    def environment(self, *, short: bool) -> dict[str, str]:
        """Return the environment of a kernel; `short` has it measure for as short as makes sense."""
        kept = {name: value for name, value in os.environ.items() if name not in (SHORT, "MPLBACKEND")}
        path = [str(GUARD)] if self._guarded else []
        if before := kept.pop("PYTHONPATH", ""):
            path.append(before)
        return {
            **kept,
            **({"PYTHONPATH": os.pathsep.join(path)} if path else {}),
            **({SHORT: "1"} if short else {}),
            "TMPDIR": str(self.path / "tmp"),
            "IPYTHONDIR": str(self.path / "ipython"),  # nothing of a developer's own profile
            HOME: str(self.path / "home"),
            REHEARSAL: str(self.rehearsal),
            LESSONS: str(self.lessons),
            REFUSALS: str(self.path / "refusals"),
            MARK: self._mark,
        }

    def said(self) -> list[str]:
        """Return a sentence for each way out that was tried, and for what the kernel itself has said."""
        refused, log = self.path / "refusals", self.path / "kernel.log"
        sentences = sorted(set(refused.read_text("utf-8").splitlines())) if refused.exists() else []
        lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
        return [*sentences, *([f"The kernel said: {' / '.join(lines[-LINES_SHOWN:])}"] if lines else [])]

    def look(self, pid: int) -> None:
        """Remember what runs below a process."""
        try:
            self._seen.update(psutil.Process(pid).children(recursive=True))
        except psutil.NoSuchProcess:
            pass

    def left(self) -> list[str]:
        """Return a sentence for each process, socket or folder that the kernel has left, and end the processes."""
        marked = {process for process in psutil.process_iter() if self._is_marked(process)}
        _, alive = psutil.wait_procs([one for one in marked | self._seen if _is_alive(one)], timeout=END_LIMIT)
        sentences = [f"Process {process.pid} ({_command(process)}) is left." for process in alive]
        for process in alive:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                pass
        return sentences + [f"{path.name} is left in TMPDIR." for path in sorted((self.path / "tmp").iterdir())]

    def _is_marked(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == self._mark
        except (psutil.Error, OSError):  # somebody else's, or gone
            return False


@asynccontextmanager
async def running(room: Room, notebook: NotebookNode, folder: Path, *, short: bool) -> AsyncIterator[NotebookClient]:
    """Start a kernel in `folder` and yield a client whose cells can be executed; the kernel ends with the block."""
    # No kernel of that name that somebody has installed for another Python: the one of this interpreter.
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    manager.connection_file = str(room.path / "kernel.json")
    _choose_transport(manager, room.path / "k")
    client = NotebookClient(
        notebook,
        km=manager,
        timeout=CELL_LIMIT,
        startup_timeout=START_LIMIT,
        record_timing=False,
        iopub_timeout=START_LIMIT,
    )
    client.on_cell_executed = _looker(room, manager)
    log = (room.path / "kernel.log").open("ab")
    try:
        await client.async_start_new_kernel(cwd=str(folder), env=room.environment(short=short), stdout=log, stderr=log)
        await client.async_start_new_kernel_client()
        yield client
    finally:
        if manager.has_kernel:
            await manager.shutdown_kernel()
        if client.kc:
            client.kc.stop_channels()
        log.close()


def _choose_transport(manager: AsyncKernelManager, address: Path) -> None:
    if zmq.has("ipc") and len(f"{address}-9".encode()) < SOCKET_PATH_LIMIT:
        manager.transport, manager.ip = "ipc", str(address)
    elif manager.has_trait("transport_encryption") and zmq.has("curve"):
        manager.transport_encryption = "auto"  # if the kernel can do it


def _looker(room: Room, manager: AsyncKernelManager) -> Callable[..., None]:
    def look(**_: Any) -> None:
        if pid := getattr(manager.provisioner, "pid", None):
            room.look(pid)

    return look


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()[:5])
    except psutil.Error:
        return "gone meanwhile"
