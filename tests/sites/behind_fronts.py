"""The museum, with three more pages for what only a real front can show. Each is worked by the test, never by a clock.

/stepwise?fifo=PATH      one piece; then it waits until somebody writes to the FIFO at PATH; then another piece.
                         PATH.closed is made when the response is closed
/errors                  says something on wsgi.errors
/die                     kills its process
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import demo_app

PLAIN = [("Content-Type", "text/plain")]


def stepwise(fifo: Path) -> Iterator[bytes]:
    """Yield two pieces, the second when somebody has opened the FIFO and closed it."""
    try:
        yield b"piece 1\n"
        fifo.read_bytes()
        yield b"piece 2\n"
    finally:
        fifo.with_suffix(".closed").touch()


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer one request (PEP 3333)."""
    path = environ["PATH_INFO"]
    if path == "/stepwise":
        start_response("200 OK", PLAIN)
        return stepwise(Path(parse_qs(environ["QUERY_STRING"])["fifo"][0]))
    if path == "/errors":
        environ["wsgi.errors"].write("the lamp in room 3 is broken\n")
        start_response("200 OK", PLAIN)
        return [b"said\n"]
    if path == "/die":
        os.kill(os.getpid(), signal.SIGKILL)
    return demo_app.app(environ, start_response)
