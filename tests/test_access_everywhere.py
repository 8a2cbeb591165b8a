"""The access log is the same behind every gateway: who asked for what, and what came of it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gateways import EVERY, running

from gateway_runtime.testing import wait_until

STAMP = r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\]"
LINES = [
    rf'127\.0\.0\.1 - - {STAMP} "GET /hello\?a=%20b HTTP/1\.1" 200 14 "http://museum\.test/" "a \\x22test\\x22"',
    rf'127\.0\.0\.1 - - {STAMP} "POST /echo HTTP/1\.1" 200 7 "-" "-"',
    rf'127\.0\.0\.1 - - {STAMP} "HEAD /hello HTTP/1\.1" 200 - "-" "-"',
    rf'127\.0\.0\.1 - - {STAMP} "GET /crash HTTP/1\.1" 500 74 "-" "-"',
    rf'127\.0\.0\.1 - - {STAMP} "GET /stream\?n=1000&ms=10 HTTP/1\.1" 200 [0-9]+ "-" "-" cut',
]


@pytest.mark.parametrize("program", EVERY)
def test_every_request_has_its_line(program: str, tmp_path: Path) -> None:
    log = tmp_path / "access"
    log.write_text("kept\n")
    options = ("--access-log", str(log), "--access-log-format", "combined")
    with running(program, "demo_app:app", tmp_path, *options) as gateway:
        fields = {"User-Agent": 'a "test"', "Referer": "http://museum.test/"}
        assert gateway.ask("GET", "/hello?a=%20b", headers=fields).body == b"Hello, world!\n"
        assert gateway.ask("POST", "/echo", b"content").body == b"content"
        assert gateway.ask("HEAD", "/hello").status.startswith("200 ")
        assert gateway.ask("GET", "/crash").status.startswith("500 ")
        gateway.leave("/stream?n=1000&ms=10")
        wait_until(lambda: len(log.read_text().splitlines()) == 6, f"a line for each request\n{log.read_text()}")
    kept, *lines = log.read_text().splitlines()
    assert kept == "kept"
    for line, pattern in zip(lines, LINES, strict=True):
        assert re.fullmatch(pattern, line), line
