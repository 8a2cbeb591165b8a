"""Connections stay with the worker that accepted them, so they must be dealt out evenly."""

from __future__ import annotations

import collections
import http.client
import select
from pathlib import Path

import pytest

from gateway_runtime.testing import Server

APPLICATION = """
import os

def app(environ, start_response):
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""


@pytest.mark.skipif(not hasattr(select, "EPOLLEXCLUSIVE"), reason="the kernel deals connections out as it likes")
@pytest.mark.parametrize("workers", [2, 4])
def test_kept_connections_are_dealt_out(tmp_path: Path, workers: int) -> None:
    (tmp_path / "who.py").write_text(APPLICATION)
    arguments = ("who:app", "--bind", "127.0.0.1:0", "--workers", str(workers))
    with Server("wsgi_server", *arguments, cwd=tmp_path) as server:
        connections = [
            http.client.HTTPConnection(server.address.host, server.address.port, timeout=20) for _ in range(40)
        ]
        served: collections.Counter[bytes] = collections.Counter()
        for connection in connections:
            connection.request("GET", "/")
            served[connection.getresponse().read()] += 1
        for connection in connections:
            connection.close()
    assert len(served) == workers
    assert min(served.values()) >= 40 // workers // 2
