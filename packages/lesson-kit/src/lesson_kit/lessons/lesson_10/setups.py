"""Who is asked in this lesson: a server that blocks, the same behind a front, and real ones if they are here."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway_bench.servers.presence import find_program
from gateway_lab.errors import LabError
from gateway_lab.fronts import front
from gateway_lab.servers import Server

__all__ = ["blocking", "fronts", "gunicorn", "has_gunicorn", "has_nginx", "nginx"]

HERE = Path(__file__).parent
APPLICATION = "demo_app:app"


def blocking(workers: int) -> Server:
    """Return the server of this lesson, in which each connection has a worker for itself."""
    return Server([sys.executable, str(HERE / "blocking_server.py"), APPLICATION, str(workers)])


def has_nginx() -> bool:
    """Tell whether nginx is on this machine."""
    return find_program("nginx") is not None


@contextmanager
def nginx(url: str) -> Iterator[Server]:
    """Run nginx before a server, with a configuration in a folder of its own. Raises LabError."""
    program = find_program("nginx")
    if program is None:
        raise LabError("nginx is not on this machine: the rest of the lesson does without.")
    backend = url.partition("://")[2]
    with tempfile.TemporaryDirectory(prefix="nginx-") as folder:
        script = str(HERE / "nginx_front.py")
        with Server([sys.executable, "-I", script, program, folder, backend]) as server:
            yield server


@contextmanager
def fronts(server: Server) -> Iterator[dict[str, Server]]:
    """Run all fronts that are here before a server: "our front", and "nginx" if it is on this machine."""
    with contextlib.ExitStack() as exits:
        found = {"our front": exits.enter_context(front(server.url))}
        if has_nginx():
            found["nginx"] = exits.enter_context(nginx(server.url))
        yield found


def has_gunicorn() -> bool:
    """Tell whether gunicorn is installed beside the lessons."""
    return importlib.util.find_spec("gunicorn") is not None


def gunicorn(workers: int) -> Server:
    """Return gunicorn with sync workers, which are what it has by default. Raises LabError."""
    if not has_gunicorn():
        raise LabError("gunicorn is not installed here: the rest of the lesson does without.")
    settings = f"file:{HERE / 'gunicorn_ready.py'}"
    words = ["-m", "gunicorn", "-c", settings, "-w", str(workers), "-b", "127.0.0.1:0", "--log-level", "error"]
    return Server([sys.executable, *words, APPLICATION])
