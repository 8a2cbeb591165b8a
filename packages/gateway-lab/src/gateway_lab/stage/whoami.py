"""An application that says who it is: the pid of its process, and how it was called. Plain WSGI, and a CGI program too.

It lies in a folder of its own, which a server of an experiment can have as its working folder, and it imports nothing
but the standard library: as a CGI program it is started anew for each request.
"""

import json
import os
import sys
from pathlib import Path
from typing import BinaryIO
from wsgiref.handlers import BaseCGIHandler
from wsgiref.types import StartResponse, WSGIEnvironment

NOTES = "WHO_NOTES"
"""The variable with the folder in which the CGI program notes what it was given, and what it writes."""


def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """Answer with the pid, and how many keys only WSGI has, as JSON."""
    said = {"pid": os.getpid(), "keys": sum(key.startswith("wsgi.") for key in environ)}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(said).encode()]


class Noted:
    """Standard output, with a copy of all that is written to it."""

    def __init__(self, output: BinaryIO, copy: BinaryIO) -> None:
        self.output = output
        self.copy = copy

    def write(self, data: bytes) -> int:
        """Write, twice."""
        self.copy.write(data)
        return self.output.write(data)

    def flush(self) -> None:
        """Flush both."""
        self.copy.flush()
        self.output.flush()


def main() -> None:
    """Answer one request as a CGI program."""
    notes = Path(os.environ.pop(NOTES))
    variables = sorted(os.environb.items(), key=lambda pair: pair[0] != b"GATEWAY_INTERFACE")
    (notes / "environment").write_bytes(b"\0".join(name + b"=" + value for name, value in variables))
    with (notes / "stdout").open("wb") as copy:
        output = Noted(sys.stdout.buffer, copy)
        handler = BaseCGIHandler(sys.stdin.buffer, output, sys.stderr, dict(os.environ), multithread=False)  # type: ignore[arg-type]  # it writes and flushes, and no more is asked
        handler.run(app)


if __name__ == "__main__":
    main()
