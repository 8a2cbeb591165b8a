"""The zygote: a warmed interpreter that forks for each request and never execs, the missing link from CGI to FastCGI.

::

    python -m cgi_runner.zygote [MODULE:APP]     started by `spawn.zygote`, never by hand

A program in Python spends nearly all of its time on becoming ready: to start the interpreter and to import the
application takes many times as long as the answer. Here that is done once. What is ready is then copied by fork, and
the copy answers one request and ends, as every CGI program does::

    worker                            zygote                              the copy
    ------                            ------                              --------
    exec             ------------->   imports all, freezes it
                     <--- ready ---
    four descriptors ------------->   fork  ------------------------->    session, streams
    request   =========================== channel =====================>  umask, directory, limits
              <========================== channel ======================  STARTED pid, and only then the program runs
                                      SIGCHLD  <----------------------    exit
              <=== channel ========   ENDED status; it stays a zombie
    closes the channel  ---------->   reaps it

**Each request has a channel of its own**, a pair of sockets. The zygote receives the ends that the copy is to have: of
the three pipes for its descriptors 0 to 2, and of the channel. So answers need no number that says whose they are; and
what the client has sent goes past the zygote, straight into the copy: no byte of any request is ever in the memory from
which the next one is copied. The request is marshalled. marshal is neither safe from strangers nor the same in two
versions, and quick for just these reasons: here one interpreter is at both ends, and a copy trusts the worker as any
program trusts whoever executes it.

**The pid is the worker's to use** until it closes the channel. The end is learnt in a way that leaves the zombie
(WNOWAIT), so its number cannot become a stranger's while the worker may still signal the group. (macOS has that since
Python 3.13. Before, the number is free some microseconds too early.)

**What a copy has as if it had been executed**: a process, session and group; descriptors 0 to 2; signals; umask,
limits, directory; the whole environment, for C code too; argv, `__main__`, sys.path, standard streams; exit handlers
and exit status. It sees nothing of other requests, since all are copied from the same frozen state. `random` is seeded
anew (Python does that by itself after a fork, and OpenSSL too).

**What it cannot have so** is what happened while the application was imported, because that happened once:

* modules are those of the start: an edited file is not seen until the server reloads
* descriptors that were opened then are shared, with their position; two requests on one connection are a mess
* threads that were started then do not exist in a copy, and a lock that one of them held is held for ever
* what was drawn at random, read from the clock or put in a cache then is the same for all requests
* what is secret in that memory can be read by each of them, though it may be a request's that needs none of it
* hash seed and address layout are the same for all: who has learnt them in one request knows them in the next
* exit handlers that were registered then run once, when the zygote ends, and not in each copy
"""

from __future__ import annotations

import errno
import gc
import marshal
import os
import resource
import select
import signal
import socket
import struct
import sys

from . import bill_stamps, child, content, interpreter  # noqa: F401 - content: so that no copy has to import it

TYPE_CHECKING = False  # not from typing: whatever is imported here, every copy has in its memory
if TYPE_CHECKING:
    from typing import NoReturn

    from gateway_core.interfaces import Application

    Request = tuple[list[str], dict[bytes, bytes], str, int, tuple[tuple[int, int], ...]]
    """argv of a Python program (empty: the application), environment, directory, umask, limits."""

__all__ = ["ENDED", "FAILED", "LENGTH", "REPORT", "STARTED", "WARM_SECONDS", "main"]

LENGTH = struct.Struct("=I")
"""Before what is marshalled: how many bytes it has."""

REPORT = struct.Struct("=ii")
"""What comes back on the channel: one of the next three, and a number."""

STARTED = 1
"""The pid. The program runs from now on: if the channel ends without this, nothing of it has been run."""

FAILED = 2
"""The errno of what could not be prepared. Nothing has been run."""

ENDED = 3
"""The exit status; negative: ended by that signal."""

WARM_SECONDS = 60
"""How long the import may take. Then the kernel ends this process, even if nobody waits for it any more."""

_DESCRIPTORS = struct.Struct("=4i")  # as SCM_RIGHTS carries them: for 0 to 2, and the channel

_EXIT_USAGE = 2

_USAGE = "usage: python -m cgi_runner.zygote [MODULE:APP]   (the CGI host starts this, with a socket as standard input)"


class Zygote:
    """The loop that forks. `serve` returns in two processes, as fork does."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._running: dict[int, int] = {}  # by pid: the channel
        self._ended: dict[int, int] = {}  # by channel: the pid of a zombie that the worker has been told of
        self._bell, self._ring = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._ring, False)
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._poll.register(self._bell, select.POLLIN)

    def serve(self) -> Request | None:
        """Fork for each request. Returns its Request in every copy, and None in the zygote once the worker is gone."""
        self._usual = signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._ring, warn_on_full_buffer=False)
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor == self._bell:
                    self._report_ends()
                elif descriptor in self._ended:
                    self._poll.unregister(descriptor)
                    self._let_go(descriptor)
                else:
                    byte, passed, _, _ = self._control.recvmsg(1, socket.CMSG_SPACE(_DESCRIPTORS.size))
                    if not byte:
                        return None
                    if request := self._fork(*_DESCRIPTORS.unpack(passed[0][2])):
                        return request

    def _fork(self, stdin: int, stdout: int, stderr: int, channel: int) -> Request | None:
        """Copy this process. Returns None in this one."""
        try:
            pid = os.fork()
        except OSError as error:
            _report(channel, FAILED, error.errno or 0)
            os.close(channel)
        else:
            if pid == 0:
                self._forget()
                return _become((stdin, stdout, stderr), channel)
            self._running[pid] = channel
        for stream in (stdin, stdout, stderr):
            os.close(stream)
        return None

    def _forget(self) -> None:
        """In a copy: leave behind what is the zygote's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, self._usual or signal.SIG_DFL)  # None: it was not Python that had set it
        self._control.close()
        for descriptor in (self._bell, self._ring, *self._running.values(), *self._ended):
            os.close(descriptor)

    def _report_ends(self) -> None:
        """Tell of all that have ended. A signal may stand for several, so everyone is looked at."""
        os.read(self._bell, 1024)
        for pid, channel in list(self._running.items()):
            if (code := _exit_status(pid)) is not None:
                del self._running[pid]
                self._ended[channel] = pid
                if _report(channel, ENDED, code):
                    self._poll.register(channel, 0)  # only its end wakes us, which is always reported
                else:
                    self._let_go(channel)

    def _let_go(self, channel: int) -> None:
        """The worker has closed its end, so it will not use the pid again."""
        os.close(channel)
        try:
            os.waitpid(self._ended.pop(channel), 0)
        except ChildProcessError:
            pass  # reaped already, where that is the only way to learn of an end


def _exit_status(pid: int) -> int | None:
    """Return how a child has ended, if it has, and leave it a zombie where that can be done."""
    if not hasattr(os, "waitid"):
        gone, code = os.waitpid(pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(code) if gone else None
    found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if found is None:
        return None
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def _report(channel: int, what: int, number: int) -> bool:
    """Write a report; False when nobody reads it."""
    try:
        os.write(channel, REPORT.pack(what, number))
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


# -- the copy ----------------------------------------------------------------------------------------------------------


def _become(streams: tuple[int, int, int], channel: int) -> Request:
    """Be the process that the request is to have, and say so; or say why not, and end."""
    try:
        os.setsid()
        for place, stream in enumerate(streams):
            os.dup2(stream, place)
            os.close(stream)
        request: Request = marshal.loads(_read(channel, *LENGTH.unpack(_read(channel, LENGTH.size))))  # noqa: S302
        _, _, directory, umask, limits = request
        os.umask(umask)
        os.chdir(directory)
        for which, value in limits:
            resource.setrlimit(which, (value, value))
    except (OSError, ValueError) as error:  # ValueError: a limit beyond what this process may have
        _report(channel, FAILED, error.errno or 0 if isinstance(error, OSError) else errno.EPERM)
        os._exit(0)
    except BaseException:
        os._exit(1)  # nothing of this may come up into the loop: that is the zygote's
    if not _report(channel, STARTED, os.getpid()):
        os._exit(0)  # the worker has lost its patience, and will try again
    os.close(channel)
    return request


def _read(channel: int, size: int) -> bytes:
    """Read so many bytes. When the worker is gone, there is nothing to do any more."""
    data = b""
    while len(data) < size:
        piece = os.read(channel, size - len(data))
        if not piece:
            os._exit(0)
        data += piece
    return data


def _answer(request: Request, application: Application | None) -> NoReturn:
    """Run the program, or the application, and end as Python ends."""
    try:
        try:
            interpreter.renew(request[1])
            if bill_stamps.VARIABLE.encode() in request[1]:
                _run_with_bill(request[0], application)
            else:
                _run(request[0], application)
            code = 0
        except BaseException as error:
            code = interpreter.exit_code(error)
        interpreter.end(code)
    finally:
        os._exit(1)  # even what prints the error can fail, and a copy must never become a second zygote


def _run(argv: list[str], application: Application | None) -> None:
    if application is None:
        interpreter.run_program(argv)
    else:
        child.run(application)


def _run_with_bill(argv: list[str], application: Application | None) -> None:
    stamps = bill_stamps.forked(child)
    try:
        _run(argv, application)
    finally:
        bill_stamps.end(stamps)


# -- the start ---------------------------------------------------------------------------------------------------------


def main(arguments: list[str]) -> NoReturn:
    """Warm up, say so, and serve; then, in every copy, answer."""
    control = _take_control()
    if len(arguments) > 1 or control is None:
        sys.stderr.write(f"{_USAGE}\n")
        raise SystemExit(_EXIT_USAGE)
    interpreter.default_signals()
    signal.alarm(WARM_SECONDS)
    gc.disable()  # nothing that is imported is garbage, and what is not freed leaves no holes that copies would fill
    application = child.load_application(arguments[0]) if arguments else None
    gc.enable()
    signal.alarm(0)
    if isinstance(application, str):
        _send(control, (application, []))
        raise SystemExit(_EXIT_USAGE)
    if arguments:
        sys.argv = [child.__file__, *arguments]
    notes = interpreter.shared_by_all(but=control.fileno())
    zygote = Zygote(control)
    interpreter.freeze()
    _send(control, ("", notes))
    request = zygote.serve()
    if request is not None:
        _answer(request, application)
    interpreter.leave()


def _take_control() -> socket.socket | None:
    """Return the socket that is standard input, and put nothing in its place. None if it is no socket."""
    try:
        control = socket.socket(fileno=os.dup(0))
    except OSError:
        return None
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    return control


def _send(control: socket.socket, message: tuple[str, list[str]]) -> None:
    data = marshal.dumps(message)
    control.sendall(LENGTH.pack(len(data)) + data)


if __name__ == "__main__":
    main(sys.argv[1:])
