"""For the tests of gatelab: reports to read, and a server that answers whatever a test says."""

from __future__ import annotations

import json
import socketserver
import threading
from pathlib import Path

from gatelab.report import Report, read_report

__all__ = ["Fake", "document", "http", "report", "thread", "worker"]


def thread(requests=0, request="", busy_s=None):
    """Return a thread's part; it is busy if it is said for how long."""
    state = "idle" if busy_s is None else "busy"
    return {"state": state, "requests": requests, "request": request, "busy_s": busy_s or 0.0}


def worker(pid=4201, threads=(), **changes):
    """Return a worker's part."""
    threads = list(threads) or [thread(300)]
    return {
        "pid": pid,
        "state": "busy" if any(one["state"] == "busy" for one in threads) else "idle",
        "generation": 1,
        "age_s": 12.1,
        "requests": sum(one["requests"] for one in threads),
        "connections": 12,
        "rss_bytes": 23_000_000,
        "queue_wait_ms": {"recent": 0.1, "max": 3.2},
        "threads": threads,
        **changes,
    }


def document(lines=(), **changes):
    """Return a whole report, as JSON has it."""
    lines = list(lines)
    return {
        "format": 1,
        "program": "wsgi_server",
        "version": "0.1.0",
        "pid": 4200,
        "started": 1796500000.1,
        "uptime_s": 12.3,
        "manager": "static",
        "workers": {
            "configured": len(lines), "least": len(lines), "most": len(lines), "alive": len(lines),
            "idle": sum(one["state"] == "idle" for one in lines),
            "busy": sum(one["state"] == "busy" for one in lines),
            "starting": 0, "retiring": 0,
        },
        "threads": 1,
        "generation": 1,
        "requests": sum(one["requests"] for one in lines),
        "spawned": len(lines),
        "died": 0,
        "reloads": 0,
        "slow_requests": 0,
        "timed_out": 0,
        "listeners": [{"url": "http://127.0.0.1:8000", "queue": 0, "queue_max": 1024}],
        "worker": lines,
        **changes,
    }  # fmt: skip


def report(lines=(), **changes) -> Report:
    """Return a whole report, as it is read."""
    return read_report(json.dumps(document(lines, **changes)).encode())


def http(content: bytes, status: str = "200 OK", fields: str = "") -> bytes:
    """Return an answer with its length."""
    return f"HTTP/1.0 {status}\r\n{fields}Content-Length: {len(content)}\r\n\r\n".encode() + content


class Fake:
    """A server on a unix socket, or on a free port if there is no path, that sends `answer` to whoever asks.

    With `answer` None it says nothing until the peer goes. `asked` collects the heads of requests.
    """

    def __init__(self, path: Path | None = None, answer: bytes | None = b"") -> None:
        self.answer = answer
        self.asked: list[bytes] = []
        fake = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                lines = []
                while line := self.rfile.readline().strip():
                    lines.append(line)
                fake.asked.append(b"\n".join(lines))
                if fake.answer is None:
                    self.rfile.read()
                else:
                    self.wfile.write(fake.answer)

        kind = socketserver.ThreadingUnixStreamServer if path else socketserver.ThreadingTCPServer
        self._server = kind(str(path) if path else ("127.0.0.1", 0), Handler)
        self.port = 0 if path else self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
