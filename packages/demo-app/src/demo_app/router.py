"""The application: from a path and a method to a handler.

The table is the whole routing; pages that are files come last. What the router sees to, so that no
handler has to:

- HEAD is GET without its body: the handler runs, and what it returned is closed unread.
- A path that exists, under another method, is 405 with Allow (RFC 9110 §15.5.6).
- A `RefusalError` becomes an answer: one line of text where a value was wrong, a page everywhere else.

An exception that is not a `RefusalError` goes through to the server: answering it is a server's part, and
`/crash` is here to try it.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from demo_app import assets, bodies, experiments, forms, guestbook, layout, pages, served
from demo_app.exchange import BadValueError, RefusalError, Request, send, send_text

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from demo_app.exchange import Handler

HELLO = b"Hello, world!\n"
HELLO_HEADERS = (("Content-Type", "text/plain"), ("Content-Length", str(len(HELLO))))

READ = ("GET", "HEAD")


@dataclass(frozen=True)
class Route:
    """A handler and the methods it answers; none named means all."""

    handler: "Handler"
    methods: tuple[str, ...] = READ


def hello(_request: Request, start_response: "StartResponse") -> list[bytes]:
    """Answer as `app` does itself; this one is for HEAD."""
    return send(start_response, "text/plain", HELLO)


ROUTES = {
    "/hello": Route(hello),
    "/environ": Route(experiments.show_environ),
    "/echo": Route(bodies.echo, ()),
    "/stream": Route(experiments.stream),
    "/write": Route(experiments.write),
    "/sleep": Route(experiments.sleep),
    "/cpu": Route(experiments.burn),
    "/cookies": Route(experiments.cookies),
    "/crash": Route(experiments.crash),
    "/leak": Route(experiments.leak),
    "/counter": Route(experiments.answer_count),
    "/health": Route(experiments.health),
    "/experiments": Route(partial(forms.show, "experiments.html")),
    "/upload": Route(forms.upload, (*READ, "POST")),
    "/guestbook": Route(guestbook.show, (*READ, "POST")),
}

PREFIXES = {
    assets.PREFIX: Route(assets.send_asset),
    experiments.STATUS_PREFIX: Route(experiments.answer_status),
}


def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Answer one request (PEP 3333). `/hello` comes first and costs next to nothing, for benchmarks."""
    number = served.next_number()
    if environ.get("PATH_INFO") == "/hello" and environ["REQUEST_METHOD"] == "GET":
        start_response("200 OK", list(HELLO_HEADERS))
        return [HELLO]
    request = Request(environ, number, time.perf_counter())
    try:
        answer = _dispatch(request, start_response)
    except BadValueError as wrong:
        answer = send_text(start_response, wrong.sentence, wrong.status)
    except RefusalError as refusal:
        answer = layout.send_refusal(request, start_response, refusal)
    if request.method != "HEAD":
        return answer
    if hasattr(answer, "close"):
        answer.close()
    return []


def _dispatch(request: Request, start_response: "StartResponse") -> Iterable[bytes]:
    route = _find(request.path)
    if route.methods and request.method not in route.methods:
        allowed = ", ".join(route.methods)
        raise RefusalError(HTTPStatus.METHOD_NOT_ALLOWED, f"This address answers {allowed}.", [("Allow", allowed)])
    return route.handler(request, start_response)


def _find(path: str) -> Route:
    """Return the route of a path. Raises `RefusalError` (404)."""
    route = ROUTES.get(path)
    if route:
        return route
    for prefix, route in PREFIXES.items():
        if path.startswith(prefix):
            return route
    page = pages.find(path) or assets.find_picture(path)
    if page is None:
        raise RefusalError(HTTPStatus.NOT_FOUND, "There is no page at this address.")
    return Route(page)
