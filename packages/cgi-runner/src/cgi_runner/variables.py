"""The names of RFC 3875: which variables belong to a request.

Both sides read them, and the program's side does so for every request: so they stand in a module that imports nothing.
"""

from __future__ import annotations

__all__ = ["DE_FACTO", "META_VARIABLES", "of_the_request"]

META_VARIABLES = (
    "AUTH_TYPE",  # 4.1.1
    "CONTENT_LENGTH",  # 4.1.2
    "CONTENT_TYPE",  # 4.1.3
    "GATEWAY_INTERFACE",  # 4.1.4
    "PATH_INFO",  # 4.1.5
    "PATH_TRANSLATED",  # 4.1.6
    "QUERY_STRING",  # 4.1.7
    "REMOTE_ADDR",  # 4.1.8
    "REMOTE_HOST",  # 4.1.9
    "REMOTE_IDENT",  # 4.1.10
    "REMOTE_USER",  # 4.1.11
    "REQUEST_METHOD",  # 4.1.12
    "SCRIPT_NAME",  # 4.1.13
    "SERVER_NAME",  # 4.1.14
    "SERVER_PORT",  # 4.1.15
    "SERVER_PROTOCOL",  # 4.1.16
    "SERVER_SOFTWARE",  # 4.1.17
)
"""RFC 3875 section 4.1, in its order; 4.1.18 is `HTTP_*`."""

DE_FACTO = (
    "DOCUMENT_ROOT",
    "HTTPS",
    "REMOTE_PORT",
    "REQUEST_SCHEME",
    "REQUEST_URI",
    "SCRIPT_FILENAME",
    "SERVER_ADDR",
)
"""In no RFC, but set by Apache, lighttpd and nginx alike, so programs expect them."""


def of_the_request(name: str) -> bool:
    """Is this environment variable about the request, so that a program should look at it as such?

    `SSL_*` and `REDIRECT_*` are Apache's; section 4.1 gives a server's inventions the prefix `X_`. `HTTP_PROXY` is not
    among them, whatever the server did.
    """
    if name.startswith(("HTTP_", "SSL_", "REDIRECT_", "X_")):
        return name != "HTTP_PROXY"
    return name in META_VARIABLES or name in DE_FACTO
