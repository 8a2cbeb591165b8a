"""Does it answer as a CGI program? Four requests a seed, each to a process of its own, as RFC 3875 gives them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_core.cgi import ResponseParser
from gateway_core.errors import RemoteProtocolError
from gateway_core.events import Data, Response
from gateway_lab.errors import LabError
from lesson_kit.checking import Inconclusive, NotYet
from lesson_kit.lessons.lesson_02.wall import as_program

__all__ = ["check_cgi_answer"]

MANY = Path(__file__).with_name("many.py")
CONTENTS = (
    b"one\r\ntwo\r\n", b"one\rtwo", "Käse\r\n".encode(), b"\xff\xd8\xff\r\n\x00", "Käse".encode("latin-1"), b"\n\n",
)  # fmt: skip
"""What text would bend: ends of lines, and bytes that are no UTF-8."""
BEYOND = b"GET /the-next-one HTTP/1.1\r\n"
"""What may stand in the pipe behind the content (section 4.2: a program must not read further)."""
NO_LENGTH: tuple[dict[str, str], ...] = ({}, {"CONTENT_LENGTH": ""})
"""How a server says that there is no content (section 4.1.2): both mean the same."""
PLACES = ("/soup", "/", "", "/echo/more")


@dataclass(frozen=True, slots=True)
class Case:
    """A request, and whether it is for a place that there is."""

    environment: dict[str, str]
    content: bytes
    there: bool


def check_cgi_answer(cgi_answer: Callable[[Any, Any], Any], dice: random.Random) -> None:
    """Ask the program with content, without any, with a query beside it, and at a place that there is not."""
    content, other = dice.sample(CONTENTS, 2)
    cases = [
        _case("GET", "/echo", b"", "", **dice.choice(NO_LENGTH)),
        _case("POST", "/echo", content, f"size={dice.randint(1, 99)}"),
        _case("POST", "/echo", other, ""),
        _case("POST", dice.choice(PLACES), content, ""),
    ]
    try:
        program = as_program(cgi_answer)
    except LabError as unknown:
        raise Inconclusive(str(unknown)) from None
    for case, (output, error) in zip(cases, _run(program, cases), strict=False):  # one without end is the last
        _judge(case, output, error)


def _case(method: str, path: str, content: bytes, query: str, **more: str) -> Case:
    """Return a request. A variable without a value is left out, as section 4.1 lets a server do."""
    asked = {
        "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": method, "SCRIPT_NAME": "/kitchen.py", "PATH_INFO": path,
        "QUERY_STRING": query, "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "museum", "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1", "CONTENT_LENGTH": str(len(content)) if content else "", "PATH": os.defpath,
    }  # fmt: skip
    kept = {name: value for name, value in asked.items() if value or name == "QUERY_STRING"}
    return Case({**kept, **more}, content, path == "/echo")


def _run(program: str, cases: list[Case]) -> list[tuple[bytes, str]]:
    """Return for each case what the program wrote, and the error that ended it."""
    asked = [(case.environment, (case.content + (BEYOND if case.content else b"")).decode("latin-1")) for case in cases]
    with tempfile.TemporaryDirectory(prefix="lesson-") as folder:
        file = Path(folder, "program.py")
        file.write_text(program, "utf-8")
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", str(MANY), str(file)], text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            output, words = child.communicate(json.dumps(asked))
        finally:  # also when the time is up, and its copies never end
            if child.returncode is None:
                os.killpg(child.pid, signal.SIGKILL)  # it is its own session's first, and not waited for: it is there
                child.communicate()
    if child.returncode:
        raise Inconclusive(f"The program could not be run: {(words.splitlines() or ['it said nothing'])[-1]}")
    return [(text.encode("latin-1"), error) for text, error in json.loads(output)]


def _judge(case: Case, output: bytes, error: str) -> None:
    if error:
        _explain(error)
    if output.startswith(b"HTTP/"):
        raise NotYet("status_line", "The first line is one of HTTP. Who writes that line: the program, or the server?")
    if b"\n\n" not in output.replace(b"\r\n", b"\n"):
        raise NotYet("no_blank_line", "The server looks for the place where the fields end and the content begins, and "
                     "finds none.")  # fmt: skip
    status, content = _read(output)
    if not case.there and status != 404:
        raise NotYet("path", f"A request for a place that there is not was answered with status {status}.")
    if case.there and status != 200:
        raise NotYet("path", f"A request for the place that there is was answered with status {status}.")
    if case.there and content != case.content:
        _explain_content(case, content)


def _read(output: bytes) -> tuple[int, bytes]:
    """Return the status and the content, as our own gateway reads them."""
    parser = ResponseParser()
    status, content = 0, b""
    try:
        parser.receive_data(output)
        parser.receive_data(b"")
        while isinstance(event := parser.next_event(), Response | Data):
            if isinstance(event, Response):
                status = event.status
            else:
                content += event.data
    except RemoteProtocolError as wrong:
        raise NotYet("head", f"A server cannot read these fields: {wrong}.") from None
    return status, content


def _explain(error: str) -> None:
    if error == "ENDLESS":
        raise NotYet("endless", "The program did not come to an end. What does it wait for, and can that still come?")
    if "returned NoneType" in error:
        raise NotYet("blank", "The function ends without `return`ing anything, so the program writes nothing.")
    if "returned ellipsis" in error or "ellipsis" in error:
        raise NotYet("blank", "There is still a `...` where something is to be said.")
    if "returned str" in error:
        raise NotYet("text", "The function returned str, and what passes through a pipe is bytes.")
    if error.startswith("UnicodeDecodeError"):
        raise NotYet("text_newlines", "A byte of the content was taken for a letter, and is none. Does an echo have to "
                     "read what it repeats?")  # fmt: skip
    if error.startswith("KeyError: 'CONTENT_LENGTH'") or (error.startswith("ValueError") and "int()" in error):
        raise NotYet("length_always", "A request without content came: what does its environment say of the length?")
    raise NotYet("error", f"The program ended with {error}. It is a file of its own, and has only what stands in it.")


def _explain_content(case: Case, content: bytes) -> None:
    if content.startswith(case.content) and case.content and len(content) > len(case.content):
        raise NotYet("reads_to_end", "More came back than the content: the pipe held other bytes behind it. How does a "
                     "program know where its content ends?")  # fmt: skip
    if case.environment["QUERY_STRING"].encode() == content and content:
        raise NotYet("query_is_content", "What came back is the query. Through which door does the content come?")
    if _lines(content) == _lines(case.content):
        raise NotYet("text_newlines", "The ends of lines came back as others. Is the content text, as far as an echo "
                     "has to know?")  # fmt: skip
    raise NotYet("content", "What came back is not what was sent, byte for byte.")


def _lines(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
