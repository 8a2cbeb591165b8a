"""From what a protocol carries to the WSGI environ, and back.

Two ways in::

    HTTP/1.1            request line and fields   --+
                                                    +-->  environ (PEP 3333, "environ Variables")
    FastCGI SCGI uwsgi  meta-variables, in pairs  --+

and one way out: `variables_from_environ`, which a client half sends on. All start from one template that a server
makes once (`base_environ`) and that each request copies.

What is never passed on, and why:

* `HTTP_PROXY`: a program that exports its meta-variables would take it for a proxy's address (httpoxy, CVE-2016-5385).
* field names with `_` or anything but letters, digits and `-`: `X_Foo` would pose as `X-Foo` (CVE-2015-0219).
* `HTTP_CONTENT_LENGTH`, `HTTP_CONTENT_TYPE`: the plain ones rule. `HTTP_TRANSFER_ENCODING`: it is decoded already.
* from a front: names that are not upper-case (they could replace `wsgi.input`), `UWSGI_*` (commands to uWSGI), and
  to and from a front what belongs to the client's own connection (`HTTP_CONNECTION`, `HTTP_EXPECT`...).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from .errors import RemoteProtocolError
from .events import Fields, Variables
from .file_wrapper import FileWrapper
from .heads import KnownVariables

if TYPE_CHECKING:
    from typing import TextIO

__all__ = [
    "base_environ",
    "environ_from_fields",
    "environ_from_http",
    "environ_from_line",
    "environ_from_variables",
    "mount",
    "variable_name",
    "variables_from_environ",
]

Environ = dict[str, Any]

_NEVER = frozenset(("HTTP_PROXY", "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_TRANSFER_ENCODING"))
_HOP_BY_HOP = _NEVER | {
    "HTTP_CONNECTION", "HTTP_KEEP_ALIVE", "HTTP_PROXY_AUTHENTICATE", "HTTP_PROXY_AUTHORIZATION",
    "HTTP_PROXY_CONNECTION", "HTTP_TE", "HTTP_TRAILER", "HTTP_UPGRADE", "HTTP_EXPECT",
}  # fmt: skip

_MAY_BE_EMPTY = frozenset(("QUERY_STRING", "PATH_INFO", "SCRIPT_NAME"))
_FIELD_NAME = re.compile(r"[A-Za-z0-9\-]+")
_VARIABLE_NAME = re.compile(r"[A-Z][A-Z0-9_]*")

_NAMES_MAX = 1024
"""Names a cache may hold; then it starts anew. Real traffic has a few dozen."""

_field_names: dict[str, str] = {}
_variable_names: dict[str, bool] = {}


def base_environ(
    *,
    protocol: str,
    software: str,
    server_name: str,
    server_port: str,
    errors: TextIO,
    multithread: bool,
    multiprocess: bool,
    run_once: bool = False,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Environ:
    """Return the template: what is the same in every request of a worker.

    `protocol` is how requests reach this process ("CGI", "FastCGI", "SCGI", "uwsgi", "HTTP"), for `gatelab.protocol`.
    `variables` are those of whoever runs the server, for the application; they replace nothing.
    """
    return {
        **variables,
        "SCRIPT_NAME": "",
        "PATH_INFO": "",
        "QUERY_STRING": "",
        "SERVER_NAME": server_name,
        "SERVER_PORT": server_port,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": software,
        "GATEWAY_INTERFACE": "CGI/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": errors,
        "wsgi.multithread": multithread,
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": run_once,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": FileWrapper,
        "gatelab.protocol": protocol,
    }


def variable_name(field_name: str) -> str:
    """Return the meta-variable for a request field, or "" if it must not become one (RFC 3875 section 4.1.18)."""
    name = _field_names.get(field_name)
    if name is None:
        name = ""
        if _FIELD_NAME.fullmatch(field_name):
            name = "HTTP_" + field_name.upper().replace("-", "_")
            if name in ("HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE"):
                name = name[5:]
            if name in _NEVER:
                name = ""
        if len(_field_names) >= _NAMES_MAX:
            _field_names.clear()
        _field_names[field_name] = name
    return name


def _join(environ: Environ, name: str, value: str) -> None:
    """Add a repeated field (RFC 9110 section 5.3; Cookie: RFC 9113 section 8.2.3 uses the semicolon)."""
    environ[name] += ("; " if name == "HTTP_COOKIE" else ", ") + value


def decode_path(path: str) -> str:
    """Decode %XX once; the result has one character a byte (PEP 3333, "Unicode Issues")."""
    return unquote_to_bytes(path.encode("latin-1")).decode("latin-1") if "%" in path else path


def environ_from_fields(base: Environ, fields: Fields, peer: str) -> Environ:
    """Return `base` with what fields and peer (IP address or "") say. It may serve every request that has the same."""
    environ = base.copy()
    environ["REMOTE_ADDR"] = peer
    names = _field_names
    for field_name, value in fields:
        name = names.get(field_name)
        if name is None:
            name = variable_name(field_name)
        if not name:
            continue
        if name in environ:
            _join(environ, name, value)
        else:
            environ[name] = value
    return environ


def environ_from_line(template: Environ, method: str, target: str, version: str) -> Environ:
    """Return the environ of an HTTP request. `target` is in origin-form (or `*`)."""
    environ = template.copy()
    environ["REQUEST_METHOD"] = method
    environ["REQUEST_URI"] = target
    environ["SERVER_PROTOCOL"] = version
    path, _, environ["QUERY_STRING"] = target.partition("?")
    environ["PATH_INFO"] = decode_path(path) if "%" in path else path
    return environ


def environ_from_http(base: Environ, method: str, target: str, version: str, fields: Fields, peer: str) -> Environ:
    """Make the environ of an HTTP request in one step."""
    return environ_from_line(environ_from_fields(base, fields, peer), method, target, version)


def _acceptable(name: str) -> bool:
    """May a front set this variable? Remembered, since fronts send the same names every time."""
    good = _VARIABLE_NAME.fullmatch(name) is not None and name not in _HOP_BY_HOP and not name.startswith("UWSGI_")
    if len(_variable_names) >= _NAMES_MAX:
        _variable_names.clear()
    _variable_names[name] = good
    return good


def environ_from_variables(base: Environ, variables: Variables) -> Environ:
    """Make the environ of a request that a front sent as meta-variables. Raises RemoteProtocolError (400).

    Empty values count as absent (RFC 3875 section 4.1), so the template's SERVER_NAME and the like stay. Repeated
    fields are joined; anything else repeated is refused. Without PATH_INFO the path is SCRIPT_NAME (FastCGI as nginx's
    stock file sends it), DOCUMENT_URI, or that of REQUEST_URI, and SCRIPT_NAME becomes "". So it does if it is "/".
    """
    if type(variables) is KnownVariables and variables.made is not None and variables.made[0] is base:
        return variables.made[1].copy()
    environ = base.copy()
    seen: dict[str, str] = {}
    known = _variable_names
    for name, value in variables:
        good = known.get(name)
        if good is None:
            good = _acceptable(name)
        if not good:
            continue
        if name not in seen:
            seen[name] = value
        elif name.startswith("HTTP_"):
            _join(seen, name, value)
        else:
            raise RemoteProtocolError(f"the variable {name} comes more than once")
    for name, value in seen.items():
        if value or name in _MAY_BE_EMPTY or name.startswith("HTTP_"):
            environ[name] = value
    if not environ.get("REQUEST_METHOD"):
        raise RemoteProtocolError("the request has no REQUEST_METHOD")
    if "PATH_INFO" not in seen:
        path = seen.get("SCRIPT_NAME") or seen.get("DOCUMENT_URI")
        environ["PATH_INFO"] = path or decode_path(seen.get("REQUEST_URI", "").partition("?")[0])
        environ["SCRIPT_NAME"] = ""
    elif environ["SCRIPT_NAME"] == "/":  # PEP 3333, "environ Variables": of an application at the root it is ""
        environ["SCRIPT_NAME"] = ""
        environ["PATH_INFO"] = "/" + environ["PATH_INFO"].removeprefix("/")
    if seen.get("HTTPS", "").lower() in ("on", "1") or seen.get("REQUEST_SCHEME") == "https":
        environ["wsgi.url_scheme"] = "https"
    if type(variables) is KnownVariables:
        variables.made = (base, environ.copy())
    return environ


def mount(environ: Environ, prefix: str) -> bool:
    """Make `prefix` ("" or "/app") the SCRIPT_NAME and the rest of the path PATH_INFO. False: the path is not below it.

    Matches at a segment boundary only: "/app" has "/app/x" below it and not "/application". All is below the root,
    the `*` of OPTIONS too.
    """
    path = environ["SCRIPT_NAME"] + environ["PATH_INFO"]
    if prefix and not (path + "/").startswith(prefix + "/"):
        return False
    environ["SCRIPT_NAME"] = prefix
    environ["PATH_INFO"] = path[len(prefix) :]
    return True


def variables_from_environ(environ: Environ) -> Variables:
    """Return what a client half sends on: CONTENT_LENGTH first (SCGI asks for that), then the other meta-variables.

    Fields of the client's connection (Connection, Transfer-Encoding, Expect...) and `HTTP_PROXY` stay behind.
    """
    variables = [("CONTENT_LENGTH", environ.get("CONTENT_LENGTH") or "0")]
    variables += [
        (name, value)
        for name, value in environ.items()
        if isinstance(value, str)
        and name != "CONTENT_LENGTH"
        and name not in _HOP_BY_HOP
        and _VARIABLE_NAME.fullmatch(name)
    ]
    if "GATEWAY_INTERFACE" not in environ:
        variables.append(("GATEWAY_INTERFACE", "CGI/1.1"))
    if environ["wsgi.url_scheme"] == "https" and "HTTPS" not in environ:
        variables.append(("HTTPS", "on"))
    return variables
