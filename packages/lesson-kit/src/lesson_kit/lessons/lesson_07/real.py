"""The answers of real CGI programs: those of `programs/several.py`, each a process of its own (`cgi_runner.child`)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from lesson_kit.checking import Inconclusive
from lesson_kit.lessons.lesson_07.looking import PROGRAMS

__all__ = ["CASES", "Case", "Parsed", "parsed", "real_answers", "variables"]

LIMIT = 2.5
"""Seconds for all of them: a check has four."""
KEPT = ("HOME", "LD_LIBRARY_PATH", "PATH", "PYTHONHOME", "PYTHONPATH")
"""Of this process's environment: what Python may need to start."""
START = "from cgi_runner.child import main; main()"
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Case:
    """An application by its name, with what it is asked."""

    app: str
    method: str = "GET"
    content: bytes = b""


CASES: Final = (
    Case("echo", "POST", bytes(range(256)) * 40),
    Case("written"),
    Case("late"),
    Case("cookies"),
    Case("changed"),
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A CGI answer. `fields` are sorted, without the length, which a gateway may add; repeated ones stay."""

    status: str
    fields: tuple[tuple[str, str], ...]
    content: bytes


def variables(method: str = "GET", content: bytes = b"", path: str = "/tour") -> dict[str, str]:
    """Return the variables of a request (RFC 3875 section 4.1)."""
    found = {
        "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path,
        "QUERY_STRING": "room=7", "SERVER_NAME": "museum", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "lesson", "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "museum",
    }  # fmt: skip
    return found | ({"CONTENT_LENGTH": str(len(content)), "CONTENT_TYPE": "text/x-any"} if content else {})


def parsed(answer: bytes) -> Parsed:
    """Take a CGI answer apart; without a blank line all of it is content."""
    found = _BLANK_LINE.search(answer)
    if found is None:
        return Parsed("", (), answer)
    status, fields = "200 OK", []
    for line in answer[: found.start()].decode("latin-1").splitlines():
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = value.strip()
        elif name.lower() != "content-length":
            fields.append((name.lower(), value.strip()))
    return Parsed(status, tuple(sorted(fields)), answer[found.end() :])


@cache
def real_answers() -> Mapping[Case, Parsed]:
    """Return what the real programs answer; they run at the same time, once. Raises Inconclusive if they cannot."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    running: dict[Case, subprocess.Popen[bytes]] = {}
    try:
        for case in CASES:
            running[case] = subprocess.Popen(
                [sys.executable, "-c", START, f"several:{case.app}"],
                cwd=PROGRAMS,
                env=kept | variables(case.method, case.content),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        answers = {case: child.communicate(case.content, LIMIT)[0] for case, child in running.items()}
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Inconclusive(f"Real CGI programs could not be run beside yours ({error}): the machine is too busy. Run "
                           "the cell again.") from None  # fmt: skip
    finally:
        for child in running.values():
            child.kill()
            child.communicate()
    return {case: parsed(answer) for case, answer in answers.items()}
