"""`gatelab.finish_response` behind every gateway: the client has the whole response, and the application works on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gateway_runtime.testing import wait_until

sys.path.insert(0, str(Path(__file__).parent))

from gateways import CLIENTS, running

APPLICATION = """
import os, time

def app(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/later":
        write(b"all of it")
        environ["gatelab.finish_response"]()
        while not os.path.exists("go"):
            time.sleep(0.01)
        open("done", "w").close()
        return [b"too late"]
    return [b"hello"]
"""


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("program", CLIENTS)
def test_the_client_does_not_wait_for_the_work(program: str, threads: int, tmp_path: Path) -> None:
    (tmp_path / "later.py").write_text(APPLICATION)
    options = ("--threads", str(threads)) if program != "cgi_runner" else ("--max-children", str(threads))
    with running(program, "later:app", tmp_path, *options) as gateway:
        answer = gateway.ask("GET", "/later")
        assert (answer.status, answer.body) == ("200 OK", b"all of it")
        assert not (tmp_path / "done").exists()
        if threads > 1 and program != "wsgi_server":  # there, this connection waits for the end of the call
            assert gateway.ask("GET", "/").body == b"hello"
        (tmp_path / "go").touch()
        wait_until((tmp_path / "done").exists, "the application goes on")
        assert gateway.ask("GET", "/").body == b"hello"
