"""Local redirects (RFC 3875 section 6.2.2): a program names another path, and the answer to that is the answer.

::

    GET /old.cgi ---> Location: /new.cgi/x?y=1 ---> GET /new.cgi/x?y=1 ---> the client, who learns of no redirect

What follows is a fresh request of the same client: GET, or HEAD if that was asked, with the same fields but without any
content, and it is checked like any other, so a redirect leads nowhere where the client could not go by itself.

A host knows only the paths below its mount. What lies outside is for another application, which the client can ask: so
it gets the Location, as a 302. Except for `//host/x`: here a path like any other, but a client would go to that host,
and a program that redirects to what a visitor has typed would send other visitors there.
"""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import quote_from_bytes

from gateway_core.cgi import leads_elsewhere
from gateway_core.environ import decode_path, mount

__all__ = ["REDIRECTS_MAX", "NotFollowed", "follow"]

REDIRECTS_MAX = 10
"""Local redirects that one request may cause: enough for any honest chain, few enough to stop a circle."""

_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))

_OF_CONTENT = ("CONTENT_", "HTTP_CONTENT_", "HTTP_EXPECT")
"""How the variables begin that describe the content of a request."""


class NotFollowed(Exception):
    """Neither we nor the client can go there. `str(error)` is a sentence for the log."""


def follow(environ: dict[str, Any], location: str) -> dict[str, Any] | None:
    """Return the environ of the request for `location`; None if only the client can ask it. Raises NotFollowed."""
    target = quote_from_bytes(location.encode("latin-1"), safe=_PRINTABLE)  # as every request has it
    path, _, query = target.partition("?")
    fresh = {name: value for name, value in environ.items() if not name.startswith(_OF_CONTENT)}
    fresh["REQUEST_METHOD"] = "HEAD" if environ["REQUEST_METHOD"] == "HEAD" else "GET"
    fresh.update(REQUEST_URI=target, SCRIPT_NAME="", PATH_INFO=decode_path(path), QUERY_STRING=query)
    fresh["wsgi.input"] = io.BytesIO()
    if mount(fresh, environ.get("SCRIPT_NAME", "")):
        return fresh
    if leads_elsewhere(location):
        raise NotFollowed(f"Location {location[:200]!a} would lead the client to another host")
    return None
