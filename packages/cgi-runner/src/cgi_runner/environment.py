"""The environment of a CGI program: RFC 3875 section 4.1, made from a WSGI environ.

The CGI interface passes a request as environment variables, and that is its oldest trap: the same space also holds
what the operating system and the server itself put there (`PATH`, `LD_PRELOAD`, passwords). Two rules decide all here:

* The environment is built **from nothing**. What the server's own process has is not inherited, except for names on an
  allow list (`Settings.own`).
* A client can name variables only below `HTTP_`, and only with letters and digits. A `Proxy:` field would become
  `HTTP_PROXY`, which many HTTP libraries obey (httpoxy, CVE-2016-5385), so it is never passed on.

::

    WSGI environ                                environment of the program
    ------------                                --------------------------
    REQUEST_METHOD, QUERY_STRING, ...    ->     the same, in the order of section 4.1
    HTTP_ACCEPT, HTTP_COOKIE, ...        ->     the same, without credentials and connection fields
    REQUEST_URI, REMOTE_PORT, ...        ->     the same: not in the RFC, given by every server
    wsgi.*, gatelab.*                           (values of this process: they stay here)
                                         <-     PATH and the allow list
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = [
    "DE_FACTO", "META_VARIABLES", "BadEnvironment", "cgi_environment", "of_the_request", "own_variables",
]  # fmt: skip

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

ALWAYS = ("QUERY_STRING", "SCRIPT_NAME")
"""Set even when empty (sections 4.1.7 and 4.1.13). For the others, empty and unset mean the same (section 4.1)."""

# Section 4.1.18: "The server SHOULD remove any such request header fields that ... could compromise security"
# (credentials), those given already (Content-*), and may leave out those that concern only the connection.
_NOT_EXPORTED = frozenset((
    "HTTP_AUTHORIZATION", "HTTP_PROXY_AUTHORIZATION", "HTTP_PROXY",
    "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE",
    "HTTP_CONNECTION", "HTTP_KEEP_ALIVE", "HTTP_PROXY_CONNECTION", "HTTP_TE", "HTTP_TRAILER",
    "HTTP_TRANSFER_ENCODING", "HTTP_UPGRADE", "HTTP_EXPECT",
))  # fmt: skip

# What an HTTP field name of letters, digits and "-" becomes.
_HTTP_NAME = re.compile(r"HTTP_[A-Z0-9_]+")

_OWN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
"""PATH of the program when the server has none."""


class BadEnvironment(ValueError):
    """A value that an environment string cannot hold. `str(error)` is one sentence for the client."""


def cgi_environment(
    environ: Mapping[str, Any],
    own: Mapping[str, str] | None = None,
    more: Iterable[tuple[str, str]] = (),
    *,
    authorization: bool = False,
) -> dict[str, str]:
    """Return the variables of a CGI program for one request.

    `environ` is a WSGI environ: every value is latin-1 text, one character a byte. `own` are variables of the server
    (see `own_variables`); `more` are meta-variables that the WSGI environ lacks, such as PATH_TRANSLATED.
    `authorization`: pass the client's Authorization field on, for programs that check passwords themselves.
    Raises BadEnvironment when a value has a NUL, which would end the string early (sections 7.2 and 4.1).
    """
    source = {**environ, **dict(more), "GATEWAY_INTERFACE": "CGI/1.1"}
    variables = {name: source.get(name, "") for name in META_VARIABLES if source.get(name) or name in ALWAYS}
    variables |= {name: value for name, value in source.items() if _exported(name)}
    variables |= {name: source[name] for name in DE_FACTO if source.get(name)}
    if authorization and "HTTP_AUTHORIZATION" in source:
        variables["HTTP_AUTHORIZATION"] = source["HTTP_AUTHORIZATION"]
    for name, value in variables.items():
        if "\0" in value:
            raise BadEnvironment(f"{name} has a NUL character, which an environment variable cannot hold")
    return {**(own or {}), **variables}


def _exported(name: str) -> bool:
    """Is this a field of the client's that the program may see (section 4.1.18)?"""
    return name.startswith("HTTP_") and name not in _NOT_EXPORTED and _HTTP_NAME.fullmatch(name) is not None


def of_the_request(name: str) -> bool:
    """Is this environment variable about the request, so that a program should look at it as such?

    `SSL_*` and `REDIRECT_*` are Apache's; section 4.1 gives a server's inventions the prefix `X_`. `HTTP_PROXY` is not
    among them, whatever the server did.
    """
    if name.startswith(("HTTP_", "SSL_", "REDIRECT_", "X_")):
        return name != "HTTP_PROXY"
    return name in META_VARIABLES or name in DE_FACTO


def own_variables(wanted: Iterable[str] = (), inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the server's own part of the environment: PATH, and the allow list `wanted`.

    Each item of `wanted` is `NAME=VALUE`, or `NAME` for the value that this process has (nothing if it has none).
    Values come back as latin-1 text like those of a request. Raises ValueError, with a sentence, for a name that is no
    variable name or that a request sets: the server must not pose as the client, nor the client as the server.
    """
    inherited = os.environ if inherited is None else inherited
    own = {"PATH": inherited.get("PATH") or DEFAULT_PATH}
    for item in wanted:
        name, equals, value = item.partition("=")
        if not _OWN_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of an environment variable")
        if name.startswith("HTTP_") or name in META_VARIABLES or name in DE_FACTO:
            raise ValueError(f"{name} is set by each request and cannot be set for all of them")
        if equals:
            own[name] = value
        elif name in inherited:
            own[name] = inherited[name]
    return {name: os.fsencode(value).decode("latin-1") for name, value in own.items()}
