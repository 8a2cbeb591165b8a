"""One request, from an order to an answer.

::

    Order  --connect or start-->  talk  --events-->  Output (content), Answer (all that is known of it)
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cgi_runner.stderr_log import StderrLog
from fastcgi_server.events import Stderr
from fastcgi_server.records import FILTER, RESPONDER
from fastcgi_server.webserver import ClientConnection as FastcgiConnection
from gateway_core.errors import LocalProtocolError
from gateway_core.events import Data, EndOfMessage, Fields, Request, Response, Variables
from gateway_core.exchange import ClientCodec
from gateway_core.http1 import ClientConnection as HttpConnection
from gateway_core.http1 import HttpRequest
from scgi_server.protocol import ClientConnection as ScgiConnection
from uwsgi_gateway.protocol import ClientConnection as UwsgiConnection

from .request_content import Content
from .request_errors import BadRequest, Exit, Failed
from .request_output import Answer, Output, head_bytes
from .request_program import Program
from .request_question import Question
from .request_socket import Line, connect
from .request_url import Url

__all__ = ["Order", "run"]

FAILURES = 400
"""The first status code that --fail takes for a failure."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be asked, and what is to be done with the answer.

    `fields` are for http, `variables` for all others. `program` is the file of a `cgi` URL; with a
    `question` nothing else is asked. `role` is that of FastCGI; `filtered` is the file for a filter.
    """

    url: Url
    method: str
    fields: Fields
    variables: Variables
    program: Path | None = None
    question: Question | None = None
    role: int = RESPONDER
    filtered: Content | None = None
    connect_limit: float = 10.0
    include: bool = False
    fail: bool = False
    keep: bool = False


def run(order: Order, content: Content, output: Output, answer: Answer) -> None:
    """Ask, and fill in `answer` up to where something fails. Raises Failed, or BadRequest for what cannot be sent."""
    log = StderrLog(answer.hear)
    answer.meter.start()
    with closing(log), closing(_events(order, content, answer)) as events:
        for event in events:
            if isinstance(event, Stderr):
                log.feed(event.data)
                continue
            log.close()  # many a last line has no end: it is shown before what comes behind it
            if isinstance(event, Response):
                _begin(order, event, output, answer)
            elif isinstance(event, Data):
                answer.size += len(event.data)
                if order.keep:
                    answer.keep(event.data)
                else:
                    output.write(event.data)
            elif isinstance(event, EndOfMessage):
                answer.meter.mark("total")
                break
    if order.fail and answer.head is not None:
        _insist(answer.head)


def _begin(order: Order, head: Response, output: Output, answer: Answer) -> None:
    """The head has come."""
    answer.meter.mark("head")
    answer.head = head
    if order.keep:
        return
    if order.fail:
        _insist(head)
    output.open()
    if order.include:
        output.write_head(head_bytes(order.url, head))


def _insist(head: Response) -> None:
    if head.status >= FAILURES:
        raise Failed(Exit.STATUS, f"the status is {head.status} {head.reason}".rstrip())


def _events(order: Order, content: Content, answer: Answer) -> Generator[Any, None, None]:
    """Yield what comes back, until nobody asks any more; then nothing is left open or running."""
    meter, question = answer.meter, order.question
    if order.program is not None:
        program = Program(order.program, meter, answer.hear)
        yield from program.talk(order.variables, content, head=order.method == "HEAD")
        return
    codec = question.codec if question else _codec(order)
    outgoing = iter([question.asking]) if question else _encoded(codec, order, content)
    try:
        first = next(outgoing)  # if it cannot be encoded, nobody need be troubled with a connection
    except LocalProtocolError as error:
        raise BadRequest(f"this request cannot be sent: {error}") from None
    with closing(connect(order.url.address, meter, order.connect_limit)) as channel:
        events = Line(channel, itertools.chain([first], outgoing), meter, order.url.protocol).talk(codec)
        yield from question.answer(events) if question else events


def _codec(order: Order) -> ClientCodec:
    head = order.method == "HEAD"
    if order.url.scheme == "fastcgi":
        return FastcgiConnection(head=head, role=order.role)
    if order.url.scheme == "scgi":
        return ScgiConnection(head=head)
    if order.url.scheme == "uwsgi":
        return UwsgiConnection(head=head)
    return HttpConnection(head=head)


def _encoded(codec: ClientCodec, order: Order, content: Content) -> Iterator[bytes]:
    """Yield the bytes of the request; those of a small one all at once."""
    pieces = content.pieces()
    body = next(pieces, b"")
    complete = len(body) == content.length
    if order.url.scheme == "http":
        target = f"{order.url.path}?{order.url.query}" if order.url.query else order.url.path
        fields = [*order.fields, ("Content-Length", str(content.length))] if content.length else order.fields
        yield codec.send(HttpRequest(order.method, target, "HTTP/1.1", fields, body, complete))
    else:
        yield codec.send(Request(order.variables, body, complete))
    for piece in pieces:
        yield codec.send(Data(piece))
    if not complete:
        yield codec.send(EndOfMessage())
    if order.role == FILTER and order.filtered is not None:
        for piece in order.filtered.pieces():
            yield codec.send(Data(piece))
        yield codec.send(EndOfMessage())
