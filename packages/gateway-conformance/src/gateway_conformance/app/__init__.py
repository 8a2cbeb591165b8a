"""The application under test: `gateway_conformance.app:app`, with a route for each thing that a gateway can get wrong.

It imports nothing of ours, since it must run behind servers of other people too, and little else, since a CGI server
starts it anew for each request. Some routes break PEP 3333 on purpose: then it is the gateway's reaction that counts.

What an application can only do when a request is over (to note that close() was called) goes into a file, which the
suite makes and names in the query: see `tools.note`.
"""

from __future__ import annotations

from . import content, ending, environ, files, response, trouble, validated
from .tools import Environ, StartResponse, text

__all__ = ["app"]

ROUTES = {
    **content.ROUTES, **ending.ROUTES, **environ.ROUTES, **files.ROUTES, **response.ROUTES, **trouble.ROUTES,
    **validated.ROUTES,
}  # fmt: skip
"""First segment of the path to the application that serves it."""


# PEP 3333 allows positional arguments only; the names are ours alone (WSGI-1).
def app(environ: Environ, start_response: StartResponse, /) -> object:
    """Pass the request on to the route that the first segment of its path names."""
    name = environ.get("PATH_INFO", "").lstrip("/").partition("/")[0]
    route = ROUTES.get(name)
    if route is None:
        return text(start_response, f"no route {name!r}", "404 Not Found")
    return route(environ, start_response)
