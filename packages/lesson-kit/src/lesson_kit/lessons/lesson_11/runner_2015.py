"""A CGI runner as there were many in 2015: it makes variables of all fields. For the lesson only, and only here.

`python runner_2015.py` serves the application `inside:app` beside it, a process for each request. If RUNNER_ENVIRONMENT
has the source of another function `environment`, that one is used.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from typing import Any

OTHER = "RUNNER_ENVIRONMENT"
CHILD = (sys.executable, "-c", "from cgi_runner.child import main; main()", "inside:app")


def environment(own: dict[str, str], fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the environment of a program: the runner's own, and a variable for each field of the request."""
    env = dict(own)
    for name, value in fields:
        env["HTTP_" + name.upper().replace("-", "_")] = value
    return env


class Request(BaseHTTPRequestHandler):
    """One request: a process answers it."""

    def do_GET(self) -> None:
        """Run the program, and hand on what it writes."""
        try:
            variables = self.server.environment(self.server.own, self.headers.items())  # type: ignore[attr-defined]
            path, _, query = self.path.partition("?")
            ended = subprocess.run(
                CHILD, stdin=subprocess.DEVNULL, capture_output=True, check=False, cwd=Path(__file__).parent,
                env={**variables, "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "PATH_INFO": path,
                     "SCRIPT_NAME": "", "QUERY_STRING": query, "SERVER_PROTOCOL": self.request_version,
                     "SERVER_NAME": "museum", "SERVER_PORT": "80", "REMOTE_ADDR": self.client_address[0]},
            )  # fmt: skip
        except Exception as error:  # the function is the learner's, perhaps
            self._answer(500, f"{type(error).__name__}: {error}".encode())
            return
        if ended.returncode:
            self._answer(500, (ended.stderr.strip().splitlines() or [b"the program ended without a word"])[-1])
        else:
            self._answer(200, ended.stdout.partition(b"\r\n\r\n")[2])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # so it is called
        """Say nothing: standard error is for the ready line."""

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Runner(ThreadingTCPServer):
    """The server: `own` is the environment that it was started with, but for what only the lesson has put there."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        made: dict[str, Any] = {"environment": environment}
        exec(os.environ.get(OTHER, ""), made)  # noqa: S102  # the learner's, whose own machine this is
        self.environment = made["environment"]
        self.own = {
            name: value for name, value in os.environ.items() if name != OTHER and not name.lower().endswith("_proxy")
        }


if __name__ == "__main__":
    with Runner() as runner:
        print(f"ready http://127.0.0.1:{runner.server_address[1]}/", file=sys.stderr, flush=True)
        runner.serve_forever()
