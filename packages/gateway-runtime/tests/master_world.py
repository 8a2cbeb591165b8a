"""An application that does what a test wants, and clients of a server that runs it: for the tests of whole servers."""

from __future__ import annotations

import threading
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from gateway_runtime.testing import DEADLINE, Server, wait_until

APP = """
import os, re, signal, threading, time

LEAKED = []
barrier = threading.Barrier(4)
VERSION = "one"

def app(environ, start_response):
    path = environ["PATH_INFO"][1:]
    if path.startswith("hold"):
        open(path + ".begun", "w").close()
        while not os.path.exists(path + ".go"):
            time.sleep(0.002)
    elif path == "deaf":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGQUIT])
        open("deaf.begun", "w").close()
        time.sleep(1000)
    elif path.startswith("barrier"):
        open(path + ".begun", "w").close()
        barrier.wait(20)
    elif path == "crash":
        os._exit(3)
    elif path == "stuck":
        open("stuck.begun", "w").close()
        re.match("(a|a)*$", "a" * 100 + "b")  # years, in C, and no other thread may run
    elif path == "leak":
        LEAKED.append(b"x" * (128 << 20))
    text = {
        "pid": str(os.getpid()),
        "version": VERSION,
        "flags": str([environ["wsgi." + key] for key in ("multithread", "multiprocess", "run_once")]),
    }.get(path, "hello")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]
"""

SLOW = """
import os, time
with open("importing", "a") as file:
    file.write("x")
while not os.path.exists("go"):
    time.sleep(0.002)
"""
"""What comes before the code of an application that is to take its time: each worker says that it loads, and waits."""

TWO = APP.replace('"one"', '"two"')

QUIET = {"PYTHONDONTWRITEBYTECODE": "1"}  # a changed module must not be taken from a cache


HASTY = """
import sys
from gateway_runtime import master, patrol
from gateway_runtime.cli import main
from wsgi_server.server import GATEWAY

master._LOOK = master._LOOK_ONDEMAND = 0.02
patrol._OTHERS_GRACE = 0.5
patrol._DUMP_TIME = 0.1
sys.exit(main(GATEWAY))
"""
"""A server whose master looks at its workers often, and has little patience: so that tests need little of it."""


def serve(*arguments, bind="127.0.0.1:0", hasty=False, **options):
    """Return a server of the application. `hasty`: see HASTY."""
    if hasty:
        Path("hasty.py").write_text(HASTY)
    program = "hasty" if hasty else "wsgi_server"
    return Server(program, "served:app", "--bind", bind, *arguments, env=QUIET, **options)


class Http(HTTPConnection):
    """An HTTP client of a server, wherever that listens."""

    def __init__(self, server):
        super().__init__("localhost")
        self.server = server

    def connect(self):
        self.sock = self.server.connect()


def get(server, path):
    """Ask on a new connection; return the answer's text."""
    http = Http(server)
    try:
        http.request("GET", f"/{path}", headers={"Connection": "close"})
        response = http.getresponse()
        assert response.status == 200
        return response.read().decode()
    finally:
        http.close()


class Asking(threading.Thread):
    """A request that may take long; `answer` is its text, or the exception."""

    def __init__(self, server, path):
        super().__init__()
        self.server = server
        self.path = path
        self.answer = None
        self.began = time.monotonic()
        self.start()
        wait_until(Path(f"{path}.begun").exists, f"{path} has begun")

    def run(self):
        try:
            self.answer = get(self.server, self.path)
        except (OSError, HTTPException) as error:
            self.answer = error

    def result(self):
        self.join(DEADLINE)
        assert not self.is_alive()
        return self.answer


def go(path):
    Path(f"{path}.go").touch()


class Visitor(threading.Thread):
    """Asks for the version again and again, on new connections, until told to stop."""

    def __init__(self, server):
        super().__init__()
        self.server = server
        self.answers = []
        self.done = False
        self.start()

    def run(self):
        while not self.done:
            try:
                self.answers.append(get(self.server, "version"))
            except Exception as error:
                self.answers.append(error)

    def stop(self):
        self.done = True
        self.join(DEADLINE)
        return self.answers


class Regular(Visitor):
    """As a visitor, on one connection for as long as the server keeps it, and without a second try."""

    def run(self):
        http = Http(self.server)
        while not self.done:
            try:
                http.request("GET", "/version")
                self.answers.append(http.getresponse().read().decode())
            except Exception as error:
                self.answers.append(error)
                break
        http.close()


def change(text):
    """Replace the application's code, in one step: a worker may be about to read it."""
    Path("served.new").write_text(text)
    Path("served.new").replace("served.py")


def answers_to(visitor):
    """Return what a visitor was told, each once; fail if it was an error."""
    wrong = [answer for answer in visitor.stop() if isinstance(answer, Exception)]
    assert not wrong
    return set(visitor.answers)


def open_files(pid):
    """Return what a process holds, or nothing where there is no /proc."""
    folder = Path(f"/proc/{pid}/fd")
    return sorted(str(one.readlink()).partition(":")[0] for one in folder.iterdir()) if folder.exists() else []


def open_files_of_worker(pid):
    """Return what a worker holds, once its loop runs: it says that it is ready a moment before."""
    wait_until(lambda: "anon_inode" in open_files(pid) or not Path("/proc/self/fd").exists(), "its loop runs")
    return open_files(pid)
