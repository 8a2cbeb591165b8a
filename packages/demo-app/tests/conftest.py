"""A client without a socket: it calls the application under `wsgiref.validate` and keeps the answer."""

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest

from demo_app import app, store


@dataclass
class Answer:
    """What came back, its body cut as it was yielded or written."""

    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)

    @property
    def code(self) -> int:
        return int(self.status[:3])

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def text(self) -> str:
        return self.body.decode()

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name: str) -> str:
        (value,) = self.all(name)
        return value


def make_environ(target: str, method: str = "GET", body: bytes = b"", **more: Any) -> dict[str, Any]:
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "museum.test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    return {key: value for key, value in {**environ, **more}.items() if value is not None}


def call(target: str, method: str = "GET", body: bytes = b"", **more: Any) -> Answer:
    """Make one request. ``more`` overrides the environ; None takes a key out of it."""
    answer = Answer()

    def start_response(status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> Callable[..., Any]:
        answer.status, answer.headers = status, headers
        return answer.chunks.append

    result = validator(app)(make_environ(target, method, body, **more), start_response)  # type: ignore[arg-type]
    try:
        for chunk in result:
            answer.chunks.append(chunk)
    finally:
        result.close()  # type: ignore[attr-defined]
    return answer


@pytest.fixture
def ask() -> Callable[..., Answer]:
    return call


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give every test a guestbook of its own."""
    file = tmp_path / "guestbook.sqlite3"
    monkeypatch.setenv("DEMO_APP_DB", str(file))
    monkeypatch.delenv("DEMO_APP_CONTENT", raising=False)
    yield file
    store.close_idle()
