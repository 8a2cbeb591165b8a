"""For the tests of `gatelab request`: backends that follow a script, and the command, called or started."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading

import pytest

from gatelab import __main__ as command

__all__ = ["Answered", "Backend", "ask", "start"]


class Backend:
    """A backend on a free port, or on the unix socket `path`: `script(sock)` is called for its one connection."""

    def __init__(self, script, path=None):
        self._listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_STREAM)
        self._listener.bind(str(path) if path else ("127.0.0.1", 0))
        self._listener.listen()
        self.place = f"127.0.0.1:{0 if path else self._listener.getsockname()[1]}"
        self._script = script
        self._thread = threading.Thread(target=self._serve)

    def _serve(self):
        try:
            with self._listener.accept()[0] as sock:
                sock.settimeout(20)
                self._script(sock)
        except OSError:  # nobody came, or he has gone
            pass

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()


class Answered:
    """What the command did: exit code, standard output as bytes, standard error as text."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


def ask(capfdbinary, *arguments):
    """Call the command in this process."""
    capfdbinary.readouterr()
    before, sys.argv = sys.argv, ["gatelab", "request", *map(str, arguments)]
    try:
        with pytest.raises(SystemExit) as ended:
            command.main()
    finally:
        sys.argv = before
    out, err = capfdbinary.readouterr()
    return Answered(int(ended.value.code or 0), out, err.decode())


def start(*arguments, **more):
    """Start the command in a process of its own."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "gatelab", "request", *map(str, arguments)], **streams
    )
