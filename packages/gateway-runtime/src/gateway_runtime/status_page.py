"""The status page and the ping, as answered by a worker among the application's own pages, or on a socket.

`?format=` chooses how the report looks; without it, a browser gets the HTML page, and curl the text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from .answers import BAD_REQUEST, OK, Answer, Question, Routes, parse_query, route, say
from .status_html import POLICY, html
from .status_text import metrics, text

__all__ = ["FORMATS", "Report", "StatusApplication", "status_routes"]

Report = Callable[[], dict[str, Any]]
"""Gives the report of this moment: `status.report` with its arguments."""

FORMATS: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "text": ("text/plain; charset=utf-8", text),
    "json": ("application/json", lambda report: json.dumps(report, allow_nan=False) + "\n"),
    "html": ("text/html; charset=utf-8", html),
    "metrics": ("text/plain; version=0.0.4; charset=utf-8", metrics),
}


def status_routes(report: Report, status_path: str = "/status", ping_path: str = "/ping") -> Routes:
    """Return what answers with the status and with "pong"; an empty path is not served."""
    routes: dict[str, Any] = {
        status_path: ("GET", lambda question: _page(report, question)),
        ping_path: ("GET", lambda question: say(question, OK, "pong")),
    }
    return {path: found for path, found in routes.items() if path}


def _page(report: Report, question: Question) -> Answer:
    name = question.query.get("format") or _acceptable(question.accept)
    if name not in FORMATS:
        return say(question, BAD_REQUEST, f"there is no such format; there are {', '.join(FORMATS)}")
    content_type, render = FORMATS[name]
    body = render(report()).encode("utf-8", "backslashreplace")
    fields = (("Content-Security-Policy", POLICY),) if name == "html" else ()
    return Answer(OK, content_type, body, (*fields, ("Vary", "Accept"), ("X-Content-Type-Options", "nosniff")))


def _acceptable(accept: str) -> str:
    """Choose by the Accept field: a browser names text/html, a program application/json, curl neither."""
    if "text/html" in accept:
        return "html"
    return "json" if "application/json" in accept else "text"


class StatusApplication:
    """The application, with the status page and the ping before it: one look into a dictionary a request.

    The paths are PATH_INFO, so below the mount point. Any protocol will do, since this is a WSGI application itself.
    """

    def __init__(
        self, application: Callable[..., Any], report: Report, status_path: str = "", ping_path: str = ""
    ) -> None:
        self._application = application
        self._routes = status_routes(report, status_path, ping_path)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """WSGI."""
        if environ["PATH_INFO"] not in self._routes:
            response: Iterable[bytes] = self._application(environ, start_response)
            return response
        question = Question(
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"],
            parse_query(environ.get("QUERY_STRING", "")),
            environ.get("HTTP_ACCEPT", ""),
        )
        answer = route(self._routes, question)
        start_response(answer.status, answer.all_fields())
        return [answer.body] if question.method != "HEAD" else []
