"""The environment of a CGI program: RFC 3875 section 4.1, made from a WSGI environ.

The CGI interface passes a request as environment variables, and that is its oldest trap: the same space also holds
what the operating system and the server itself put there (`PATH`, `LD_PRELOAD`, passwords). Two rules decide all here:

* The environment is built **from nothing**. What the server's own process has is not inherited, except for names on an
  allow list (`own_variables`).
* A client can name variables only below `HTTP_`, and only with letters and digits. A `Proxy:` field would become
  `HTTP_PROXY`, which many HTTP libraries obey (httpoxy, CVE-2016-5385), so it is never passed on.

::

    WSGI environ                                environment of the program
    ------------                                --------------------------
    REQUEST_METHOD, QUERY_STRING, ...    ->     the same, in the order of section 4.1
    HTTP_ACCEPT, HTTP_COOKIE, ...        ->     the same, without credentials and connection fields
    REQUEST_URI, REMOTE_PORT, ...        ->     the same: not in the RFC, given by every server
    wsgi.*, gatelab.*                           (values of this process: they stay here)
                                                GATEWAY_INTERFACE, REDIRECT_STATUS, PATH and the allow list
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from gateway_core.memo import Memo

from .variables import DE_FACTO, META_VARIABLES

__all__ = ["BadEnvironment", "cgi_environment", "own_variables"]

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

DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
"""PATH of the program when the server has none."""


# Section 4.1.14: SERVER_NAME is the host that the client has asked, so it comes from Host, as Apache's does, if that is
# a name or an address. SERVER_PORT stays the port that was really asked (section 4.1.15).
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~\-]+)(?::[0-9]*)?")


class BadEnvironment(ValueError):
    """A value that an environment string cannot hold. `str(error)` is one sentence for the client."""


_CONSTANT = {
    b"GATEWAY_INTERFACE": b"CGI/1.1",
    # Apache's word to php-cgi that a server has chosen the script, and no visitor asked for the interpreter itself. All
    # servers give it now. No field of a request becomes this name (CVE-2024-8927).
    b"REDIRECT_STATUS": b"200",
}

_EMPTY = {name.encode(): b"" for name in ALWAYS}


def cgi_environment(
    environ: Mapping[str, Any],
    own: Mapping[bytes, bytes] | None = None,
    more: Mapping[bytes, bytes] | None = None,
    *,
    authorization: bool = False,
) -> dict[bytes, bytes]:
    """Return the variables of a CGI program for one request.

    `environ` is a WSGI environ: every value is latin-1 text, one character a byte. `own` are variables of the server
    (see `own_variables`); `more` are meta-variables that the WSGI environ lacks, such as PATH_TRANSLATED.
    `authorization`: pass the client's Authorization field on, for programs that check passwords themselves.
    Raises BadEnvironment when a value has a NUL, which would end the string early (sections 7.2 and 4.1).
    """
    variables = {**(own or {}), **_EMPTY, **_CONSTANT}
    for name, value in environ.items():
        key = _NAMES[name]
        if key and (value or key.startswith(b"HTTP_")):
            variables[key] = value.encode("latin-1")
    for key, text in (more or {}).items():
        if text or key in _EMPTY:
            variables[key] = text
        else:
            variables.pop(key, None)
    if (asked := _HOST.fullmatch(environ.get("HTTP_HOST", ""))) is not None:
        variables[b"SERVER_NAME"] = asked[1].encode()
    if authorization and "HTTP_AUTHORIZATION" in environ:
        variables[b"HTTP_AUTHORIZATION"] = environ["HTTP_AUTHORIZATION"].encode("latin-1")
    if b"\0" in b"".join(variables.values()):
        name = next(name for name, value in variables.items() if b"\0" in value).decode()
        raise BadEnvironment(f"{name} has a NUL character, which an environment variable cannot hold")
    return variables


def _encoded(name: str) -> bytes:
    """Return what a name of a WSGI environ is in the environment; b"" if it does not belong there."""
    key = name.encode() if name in META_VARIABLES or name in DE_FACTO or _exported(name) else b""
    return b"" if key in _CONSTANT else key


_NAMES: Memo[str, bytes] = Memo(_encoded, len)


def _exported(name: str) -> bool:
    """Is this a field of the client's that the program may see (section 4.1.18)?

    The rest of the name is what letters, digits and "-" become: capitals, digits and "_".
    """
    if not name.startswith("HTTP_") or name in _NOT_EXPORTED:
        return False
    plain = name.replace("_", "")
    return plain.isascii() and plain.isalnum() and plain.upper() == plain


def own_variables(wanted: Iterable[str] = (), inherited: Mapping[str, str] | None = None) -> dict[bytes, bytes]:
    """Return the server's own part of the environment: PATH, and the allow list `wanted`.

    Each item of `wanted` is `NAME=VALUE`, or `NAME` for the value that this process has (nothing if it has none).
    Raises ValueError, with a sentence, for a name that is no
    variable name or that a request sets: the server must not pose as the client, nor the client as the server.
    """
    inherited = os.environ if inherited is None else inherited
    own = {"PATH": inherited.get("PATH") or DEFAULT_PATH}
    for item in wanted:
        name, equals, value = item.partition("=")
        if not (name.isascii() and name.isidentifier()):
            raise ValueError(f"{name!r} is not the name of an environment variable")
        upper = name.upper()  # two names that differ by case alone are none (section 4.1)
        if upper.startswith("HTTP_") or upper in META_VARIABLES or upper in DE_FACTO or upper.encode() in _CONSTANT:
            raise ValueError(f"{name} is set by each request and cannot be set for all of them")
        if equals:
            own[name] = value
        elif name in inherited:
            own[name] = inherited[name]
    return {name.encode(): os.fsencode(value) for name, value in own.items()}
