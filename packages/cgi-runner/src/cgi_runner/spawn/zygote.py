"""The zygote's other side: the strategy that has a warmed interpreter copied, in place of starting one.

`cgi_runner.zygote` is the process, and tells the theory. Here, in the worker, three things are decided.

**What goes there**: the application; or, in a directory of programs, what this very Python would run (`pythons`).
Anything else is executed, by a second strategy.

**What happens when the zygote ends**, by whatever cause. Its copies lose whoever would tell of their end: they are made
to end too, and their requests see programs that were killed. A request that was just to be started can safely be
given to a new zygote, since a copy runs nothing before it has said STARTED. Starts are RESTART_SECONDS apart: a zygote
that cannot live costs a bounded time, and requests get 503 in between::

    none --start--> ready --request--> pid ... status
      ^               |
      '---- lost <----'    end of file, or no answer within START_SECONDS

**When its end is noticed**: at the next request, or by one that is under way. Nobody watches it in between.
"""

from __future__ import annotations

import errno
import marshal
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from gateway_runtime import log
from gateway_runtime.errors import StartupError

from .. import zygote
from . import fork_exec, posix_spawn
from .pipes import Pipes
from .process import Child, Command, Spawn, TryAgain, World, exit_words, signal_group
from .pythons import PythonPrograms

__all__ = ["ZygoteStrategy", "strategy"]

START_SECONDS = 10.0
"""A copy takes a millisecond. A zygote that does not answer for so long has been stopped, or the machine is lost."""

RESTART_SECONDS = 1.0
"""Between two starts: a zygote that dies at once must not take the whole machine for that."""

LEAVE_SECONDS = 1.0
"""For a zygote to end by itself, with the exit handlers of what it has imported."""


class Lost(Exception):
    """The zygote has ended, or answers no more. Nothing has been run."""


def strategy(world: World, app: str | None = None, own: Mapping[bytes, bytes] | None = None) -> ZygoteStrategy:
    """Return the strategy, with its zygote ready. `app`: MODULE:APP, for which every command then stands.

    `own`: the environment that programs get besides the request; the zygote has no other. Raises StartupError.
    """
    made = ZygoteStrategy(world, app, own or {})
    made.start()
    return made


class ZygoteStrategy:
    """Starts programs, from any thread. `close` ends the zygote; so does the end of this process."""

    def __init__(
        self, world: World, app: str | None, own: Mapping[bytes, bytes], note: Callable[[str], None] = log.line
    ) -> None:
        self._umask = _our_umask() if world.umask is None else world.umask
        self._limits = world.limits
        self._app = app
        self._own = dict(own)
        self._note = note
        self._otherwise = _otherwise(world)
        self._directory = os.getcwd()  # noqa: PTH109 - remembered, since posix_spawn stands elsewhere for moments
        self._python = PythonPrograms(os.fsdecode(self._own.get(b"PATH", b"")))
        self._lock = threading.Lock()
        self._zygote: _Zygote | None = None
        self._next_start = 0.0

    def start(self) -> None:
        """Start the zygote now. Raises StartupError."""
        with self._lock:
            self._start()

    def close(self) -> None:
        """End the zygote. Programs that run are lost with it."""
        with self._lock:
            if self._zygote:
                self._zygote.close()
                self._zygote = None

    def __call__(self, command: Command) -> Child:
        """Start a program. Raises OSError, or TryAgain."""
        argv = [] if self._app else self._python.argv(command.argv)
        if argv is None:
            return self._otherwise(command)
        request = marshal.dumps((argv, dict(command.environment), command.directory, self._umask, self._limits))
        with Pipes(command.content) as pipes:
            while True:  # ends: each further start must be RESTART_SECONDS after the last
                found = self._living()
                try:
                    pid, channel = found.copy(request, pipes.theirs)
                except Lost:
                    self._lose(found)
                else:
                    return pipes.child(pid, self._waiter(found, pid, channel), channel)

    def _waiter(self, origin: _Zygote, pid: int, channel: int) -> Callable[[], int | None]:
        """Return the `poll` of a copy. Closing the channel is what reaps it."""
        code: int | None = None

        def poll() -> int | None:
            nonlocal code
            if code is None:
                try:
                    report = os.read(channel, zygote.REPORT.size)
                except BlockingIOError:
                    return None
                except ConnectionResetError:
                    report = b""
                if report:
                    code = int(zygote.REPORT.unpack(report)[1])
                else:  # nobody will ever tell how it ends, so it ends now; its number is its own as long as it lives
                    signal_group(pid, signal.SIGKILL)
                    code = -signal.SIGKILL
                    self._lose(origin)
            return code

        return poll

    def _living(self) -> _Zygote:
        with self._lock:
            if self._zygote is None:
                if time.monotonic() < self._next_start:
                    raise TryAgain(errno.EAGAIN, "its zygote has ended, and another one is not started yet")
                try:
                    self._start()
                except StartupError as error:
                    raise TryAgain(errno.EAGAIN, f"its zygote cannot be started: {error}") from None
            assert self._zygote is not None
            return self._zygote

    def _start(self) -> None:
        self._next_start = time.monotonic() + RESTART_SECONDS
        fresh = _Zygote(self._app, self._own, self._directory, self._umask)
        try:
            for sentence in fresh.wait_until_ready():
                self._note(f"{self._app}: {sentence}")
        except BaseException:
            fresh.close()
            raise
        self._zygote = fresh

    def _lose(self, lost: _Zygote) -> None:
        with self._lock:
            if self._zygote is lost:
                self._zygote = None
                how = exit_words(lost.close())
                self._note(f"the zygote [{lost.pid}] is lost: {how}; the next request starts another")


class _Zygote:
    """One zygote process, and our end of its socket."""

    def __init__(self, app: str | None, environment: Mapping[bytes, bytes], directory: str, umask: int) -> None:
        self._app = app
        self._sending = threading.Lock()
        self._control, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "cgi_runner.zygote", *([app] if app else [])],
                    stdin=theirs.fileno(), stdout=2, env=environment, cwd=directory, umask=umask,
                    close_fds=True, start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                self._control.close()
                raise StartupError(f"no interpreter can be started: {error}") from None
        self.pid = self._process.pid

    def wait_until_ready(self) -> list[str]:
        """Wait for the end of the import; return what it has left that should be known. Raises StartupError."""
        self._control.settimeout(zygote.WARM_SECONDS + START_SECONDS)
        try:
            head = self._control.recv(zygote.LENGTH.size, socket.MSG_WAITALL)
            body = self._control.recv(zygote.LENGTH.unpack(head)[0], socket.MSG_WAITALL) if head else b""
        except OSError:
            body = b""
        if not body:
            code = self.close()
            late = code in (-signal.SIGALRM, -signal.SIGKILL)
            why = f"was not imported within {zygote.WARM_SECONDS} seconds" if late else f"ended it: {exit_words(code)}"
            raise StartupError(f"{self._app or 'the zygote'} {why}")
        self._control.settimeout(START_SECONDS)
        sentence, notes = marshal.loads(body)  # noqa: S302 - from a process that we have started
        if sentence:
            raise StartupError(sentence)
        return list(notes)

    def copy(self, request: bytes, descriptors: Sequence[int]) -> tuple[int, int]:
        """Have a copy made; return its pid and our end of its channel. Raises Lost, or OSError."""
        ours, theirs = socket.socketpair()
        with ours:
            ours.settimeout(START_SECONDS)
            with theirs:
                self._send([*descriptors, theirs.fileno()])
            try:
                ours.sendall(zygote.LENGTH.pack(len(request)) + request)
                report = ours.recv(zygote.REPORT.size)
            except OSError as error:  # it has closed its end, or did not answer in time
                raise Lost from error
            if not report:
                raise Lost
            what, number = zygote.REPORT.unpack(report)
            if what == zygote.FAILED:
                raise OSError(number, os.strerror(number))
            if what == zygote.ENDED:  # of hunger, for instance: the kernel kills what takes too much memory
                raise TryAgain(errno.EAGAIN, f"it ended before it began: {exit_words(number)}")
            ours.setblocking(False)
            return number, ours.detach()

    def _send(self, descriptors: Sequence[int]) -> None:
        try:
            with self._sending:
                socket.send_fds(self._control, [b"\0"], descriptors)
        except OSError as error:
            if error.errno in (errno.ETOOMANYREFS, errno.ENOBUFS, errno.ENOMEM):  # of those under way, or of memory
                raise TryAgain(error.errno, error.strerror) from error
            raise Lost from error  # it has gone, or does not read; or another thread has seen that first

    def close(self) -> int:
        """End it, if it lives, and return how it has ended."""
        try:
            self._control.shutdown(socket.SHUT_RDWR)  # who is sending, to one that has been stopped, need not wait
        except OSError:
            pass  # it has gone
        with self._sending:
            self._control.close()
        try:
            return self._process.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def _otherwise(world: World) -> Spawn:
    """Return the strategy for what the zygote cannot run."""
    try:
        return posix_spawn.strategy(world)
    except ValueError:  # it cannot set limits on this system
        return fork_exec.strategy(world)


def _our_umask() -> int:
    """Return the umask of this process. It can only be read by setting it: a moment in which no file should be made."""
    ours = os.umask(0o077)
    os.umask(ours)
    return ours
