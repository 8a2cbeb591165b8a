"""The status page and the ping of `gateway_runtime.status_page`, for an application of ASGI.

The pages are the runtime's, and so is what they refuse; here a scope becomes a question, and an answer two messages.
Both are answered without the application, but among its calls: a worker that is held up by one answers no ping.
"""

from __future__ import annotations

from gateway_runtime.answers import Question, parse_query, route
from gateway_runtime.status_page import Report, status_routes

from .interfaces import Application, Receive, Scope, Send

__all__ = ["StatusPages"]


class StatusPages:
    """The application, with the pages before it: one look into a dictionary a request.

    The paths are below the mount point. A handshake there is the application's: our pages are no WebSockets.
    """

    def __init__(self, application: Application, report: Report, status_path: str = "", ping_path: str = "") -> None:
        self._application = application
        self._routes = status_routes(report, status_path, ping_path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or (path := scope["path"].removeprefix(scope["root_path"])) not in self._routes:
            await self._application(scope, receive, send)
            return
        accept = b", ".join(value for name, value in scope["headers"] if name == b"accept")
        query = parse_query(scope["query_string"].decode("latin-1"))
        answer = route(self._routes, Question(scope["method"], path, query, accept.decode("latin-1")))
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.all_fields()]
        await send({"type": "http.response.start", "status": int(answer.status[:3]), "headers": fields})
        await send({"type": "http.response.body", "body": answer.body})
