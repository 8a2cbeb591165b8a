"""A unix socket on which the master answers questions about the server, beside all else that it does.

The master must never wait for anybody here, and nobody here may cost it more than a little::

    accept --> READING --the head is whole--> WRITING --all is sent--> closed
                  |                              |
                  +--- too long, too late, or the oldest of too many: closed

All sockets of this module are in a selector of their own, and that one is in the master's: it is one descriptor, which
is readable when `turn` has work to do.
"""

from __future__ import annotations

import re
import selectors
import socket
import time

from .addresses import Listener
from .answers import BAD_REQUEST, Answer, Question, Routes, parse_query, route, say
from .log import line

__all__ = ["AdminSocket"]

_CLIENTS = 16
"""Connections at once. When one more comes the oldest goes: whoever has just connected is about to ask."""

_HEAD_MAX = 4096
"""Bytes of a question: a path, and the fields of a browser."""

_PATIENCE = 5.0
"""Seconds from the first to the last byte of question and answer."""

_PAUSE = 1.0
"""Seconds without accepting when descriptors have run out: the waiting connection would wake us again and again."""

_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.[0-9]\r?\n")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_ACCEPT = re.compile(rb"^accept:[ \t]*([ -~]*)", re.IGNORECASE | re.MULTILINE)


class _Client:
    """A connection: what it has said so far, then what is still to be sent."""

    __slots__ = ("deadline", "received", "sock", "to_send")

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self.sock = sock
        self.deadline = deadline
        self.received = b""
        self.to_send: memoryview | None = None


class AdminSocket:
    """Answers by `routes` whoever connects to `listener`, until `close`. A worker closes its copy after the fork."""

    def __init__(self, listener: Listener, routes: Routes) -> None:
        self._listener = listener
        self._routes = routes
        self._selector = selectors.DefaultSelector()
        self._clients: dict[_Client, None] = {}  # the oldest first
        self._accept_again: float | None = None
        self._accept(on=True)

    def fileno(self) -> int:
        """For the master's selector: readable when there is something to do."""
        return self._selector.fileno()

    def deadline(self) -> float | None:
        """Return when `turn` has something to do in any case, in monotonic seconds."""
        moments = [client.deadline for client in self._clients]
        if self._accept_again is not None:
            moments.append(self._accept_again)
        return min(moments, default=None)

    def turn(self) -> None:
        """Do what can be done now."""
        for key, _ in self._selector.select(0):
            if key.data is None:
                self._welcome()
            elif key.data in self._clients:
                self._go_on(key.data)
        now = time.monotonic()
        for client in [client for client in self._clients if client.deadline <= now]:
            self._drop(client)
        if self._accept_again is not None and self._accept_again <= now:
            self._accept_again = None
            self._accept(on=True)

    def close(self) -> None:
        """Close everything; the process that has bound it also removes the file."""
        self._selector.close()  # at once, not socket by socket: after a fork the master's own would forget them too
        for client in self._clients:
            client.sock.close()
        self._clients.clear()
        self._listener.close()

    def _accept(self, *, on: bool) -> None:
        if on:
            self._selector.register(self._listener.sock, selectors.EVENT_READ)
        else:
            self._selector.unregister(self._listener.sock)

    def _welcome(self) -> None:
        """Accept who has come, and try to answer at once: a question mostly comes with its connection."""
        for _ in range(_CLIENTS):
            try:
                sock, _address = self._listener.sock.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # no descriptor or no memory is left
                self._accept_again = time.monotonic() + _PAUSE
                self._accept(on=False)
                return
            if len(self._clients) >= _CLIENTS:
                self._drop(next(iter(self._clients)))
            sock.setblocking(False)
            client = _Client(sock, time.monotonic() + _PATIENCE)
            self._clients[client] = None
            self._selector.register(sock, selectors.EVENT_READ, client)
            self._go_on(client)

    def _go_on(self, client: _Client) -> None:
        try:
            if client.to_send is None:
                self._read(client)
            if client.to_send is not None:
                self._write(client)
        except BlockingIOError:
            pass
        except OSError:  # it has gone
            self._drop(client)

    def _read(self, client: _Client) -> None:
        data = client.sock.recv(_HEAD_MAX)
        if not data:
            self._drop(client)
            return
        client.received += data
        answer = self._answer(client.received)
        if answer is not None:
            client.to_send = memoryview(answer)
            self._selector.modify(client.sock, selectors.EVENT_WRITE, client)

    def _write(self, client: _Client) -> None:
        assert client.to_send is not None
        client.to_send = client.to_send[client.sock.send(client.to_send) :]
        if not client.to_send:
            self._drop(client)

    def _drop(self, client: _Client) -> None:
        del self._clients[client]
        self._selector.unregister(client.sock)
        client.sock.close()

    def _answer(self, received: bytes) -> bytes | None:
        """Return the answer to a question that is whole or wrong; None if there must be more of it."""
        first = _REQUEST_LINE.match(received)
        if first is None and b"\n" not in received and len(received) < _HEAD_MAX:
            return None
        if first is None:
            return _encode(say(Question("", "", {}), BAD_REQUEST, "ask in HTTP, as in GET /status HTTP/1.0"))
        method, target = first[1].decode(), first[2].decode()
        accept = _ACCEPT.search(received)
        path, _, query = target.partition("?")
        question = Question(method, path, parse_query(query), accept[1].decode() if accept else "")
        if not _END_OF_HEAD.search(received):
            if len(received) < _HEAD_MAX:
                return None
            return _encode(say(question, BAD_REQUEST, f"a question has at most {_HEAD_MAX} bytes"))
        return _encode(self._ask(question), head_only=method == "HEAD")

    def _ask(self, question: Question) -> Answer:
        try:
            return route(self._routes, question)
        except Exception as error:  # a defect, for which the server must not die
            line(f"the admin socket cannot answer {question.path}: {error!r}")
            return say(question, "500 Internal Server Error", "it failed; the log says how")


def _encode(answer: Answer, *, head_only: bool = False) -> bytes:
    fields = "".join(f"{name}: {value}\r\n" for name, value in answer.all_fields())
    head = f"HTTP/1.0 {answer.status}\r\n{fields}Connection: close\r\n\r\n".encode("latin-1")
    return head if head_only else head + answer.body
