"""One application under every gateway, and what it was given there."""

from __future__ import annotations

import difflib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from gateway_lab.servers import Server
from gateway_lab.tap import Tap

__all__ = [
    "FIELDS",
    "GATEWAYS",
    "MIRROR",
    "PROGRAMS",
    "TARGET",
    "by_hand",
    "flags",
    "lines_changed",
    "module_of",
    "through",
]

PROGRAMS: Final = Path(__file__).parent / "programs"
MIRROR: Final = PROGRAMS / "mirror.py"
GATEWAYS: Final = {"CGI": "cgi", "FastCGI": "fastcgi", "SCGI": "scgi", "uwsgi": "uwsgi", "HTTP": "wsgi"}
"""How a request can reach the application, and which gateway of ours does it."""
TARGET: Final = "/tour?room=7"
FIELDS: Final = {"Host": "museum", "Accept": "text/plain"}
"""The same for all, so that the bytes can be compared."""


def through(tap: Tap, server: Server, target: str = TARGET) -> str:
    """Return the address of a target that leads through the tap."""
    return f"{server.url.partition('://')[0]}://127.0.0.1:{tap.port}{target}"


def lines_changed(before: str, file: Path = MIRROR) -> int:
    """Return how many lines of a file were added or taken away since it read like `before`."""
    now = file.read_text("utf-8").splitlines()
    return sum(line.startswith(("+ ", "- ")) for line in difflib.ndiff(before.splitlines(), now))


def module_of(file: Path) -> ModuleType:
    """Import a program of this lesson here, in the notebook's own process."""
    spec = importlib.util.spec_from_file_location(f"lesson_07_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_hand() -> dict[str, Any]:
    """Return an environ that nobody sent: wsgiref makes up what must be there."""
    from wsgiref.util import setup_testing_defaults

    path, _, query = TARGET.partition("?")
    environ: dict[str, Any] = {
        "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query, "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": FIELDS["Host"], "wsgi.multiprocess": False, "wsgi.multithread": False, "wsgi.run_once": False,
    }  # fmt: skip
    setup_testing_defaults(environ)
    return environ


def flags(environ: dict[str, Any]) -> str:
    """Say in a word which of the two flags are set."""
    both = (environ["wsgi.multiprocess"], environ["wsgi.multithread"])
    return {(False, False): "neither", (True, False): "multiprocess", (False, True): "multithread"}.get(both, "both")
