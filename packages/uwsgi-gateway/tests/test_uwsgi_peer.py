"""The uwsgi client against a server that we did not write: gunicorn, which speaks uwsgi since version 24."""

from __future__ import annotations

import io
import socket
import subprocess
import sys

import pytest

from gateway_runtime.addresses import Address
from gateway_runtime.testing import DEADLINE, wait_until
from uwsgi_gateway.client import client


def listens(path):
    """Between bind and listen there is a file, and nobody behind it."""
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(path) == 0


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gunicorn")
    command = [sys.executable, "-m", "gunicorn", "demo_app:app", "--protocol", "uwsgi", "--bind", f"unix:{folder}/s"]
    command += ["--no-control-socket", "--log-level", "warning", "--worker-tmp-dir", str(folder)]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: listens(f"{folder}/s") or process.poll() is not None, "gunicorn listens")
            yield client(Address(path=f"{folder}/s"), timeout=DEADLINE)
        finally:
            process.terminate()
            try:
                process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                process.kill()


def ask(application, path, content=b"", method="GET"):
    seen = []
    environ = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "a",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_LENGTH": str(len(content)),
        "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(content),
    }  # fmt: skip
    body = application(environ, lambda status, fields, exc_info=None: seen.append((status, dict(fields))))
    return seen[0][0], seen[0][1], b"".join(body)


def test_hello(peer):
    status, fields, body = ask(peer, "/hello")
    assert (status, fields["Content-Type"], body) == ("200 OK", "text/plain", b"Hello, world!\n")


@pytest.mark.parametrize("size", [1, 65536, 300_000])
def test_content_comes_back(peer, size):
    content = (bytes(range(256)) * 1200)[:size]
    status, fields, body = ask(peer, "/echo", content, "POST")
    assert (status, body) == ("200 OK", content)
    assert not {"Transfer-Encoding", "Connection"} & set(fields)


def test_statuses(peer):
    assert ask(peer, "/status/404")[0].startswith("404 ")
    assert ask(peer, "/status/204")[::2] == ("204 No Content", b"")
    assert ask(peer, "/hello", method="HEAD")[::2] == ("200 OK", b"")
