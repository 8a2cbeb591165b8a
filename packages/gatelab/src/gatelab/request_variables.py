"""The meta-variables of a request (RFC 3875 section 4.1), as a web server would make them of it.

What a web server is told in its configuration and a URL does not say is how a path is divided. There are two ways, and
which one is right depends on who is asked:

====================  ===============================  =====================================================
`/blog/new?x=1`       a script is meant (PHP)          an application is meant (WSGI)
====================  ===============================  =====================================================
SCRIPT_NAME           `/blog/new`: the whole path      "", or the prefix that `--script-name` says
PATH_INFO             absent                           `/blog/new`, or what follows that prefix
SCRIPT_FILENAME       `--root` and the path            absent
who does so           FastCGI, as in nginx's           SCGI, uwsgi, CGI; FastCGI with `--script-name`
                      `fastcgi.conf`
====================  ===============================  =====================================================

Servers of this repository take both. php-fpm finds its status page by the first only, uWSGI its application by the
second only, and both speak FastCGI.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway_core.environ import decode_path, environ_from_fields, variable_name, variables_from_environ
from gateway_core.events import Fields, Variables

from .request_errors import BadRequest
from .request_fields import PROGRAM
from .request_url import Url

__all__ = ["Division", "divide", "lost_fields", "meta_variables", "with_params"]

INDEX = "index.php"
"""What a path that ends with "/" means below `--root`, as with nginx's `index`."""

_PHP = re.compile(r"(.+?\.php)(/.*)")
_HOST = re.compile(r"(?P<name>\[[^\]]*\]|[^:]*)(?::(?P<port>[0-9]+))?")
_PARAM = re.compile(r"(?P<name>[^=]+)(?P<set>=(?P<value>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Division:
    """How a path is divided. `path_info` None: the variable is absent. `more`: further variables of a script."""

    script_name: str
    path_info: str | None
    more: tuple[tuple[str, str], ...] = ()


def divide(url: Url, script_name: str | None = None, root: str | None = None) -> Division:
    """Divide the path of a URL that is not `cgi`. Raises BadRequest if it is not below `script_name`."""
    path = decode_path(url.path)
    if root is not None:
        return _script_below(root, path)
    if script_name is None and url.scheme == "fastcgi":
        return Division(path, None, (("SCRIPT_FILENAME", path),))
    prefix = (script_name or "").rstrip("/")
    if prefix and not (path + "/").startswith(prefix + "/"):
        raise BadRequest(f"the path {path!r} does not begin with the --script-name {prefix!r}")
    return Division(prefix, path[len(prefix) :])


def _script_below(root: str, path: str) -> Division:
    r"""Return what nginx sends with `index index.php` and `fastcgi_split_path_info ^(.+?\.php)(/.*)$`."""
    match = _PHP.fullmatch(path)
    script, path_info = (match[1], match[2]) if match else (path, None)
    if script.endswith("/"):
        script += INDEX
    root = root.rstrip("/")
    return Division(script, path_info, (("SCRIPT_FILENAME", root + script), ("DOCUMENT_ROOT", root)))


def meta_variables(url: Url, method: str, fields: Fields, length: int, division: Division) -> Variables:
    """Return the variables of a request, CONTENT_LENGTH first. No field becomes one that a front would keep back."""
    host = next((value for name, value in fields if name.lower() == "host"), url.host)
    server = _HOST.fullmatch(host)
    path = decode_path(url.path) if url.scheme != "cgi" else division.script_name + (division.path_info or "")
    target = path if url.scheme == "cgi" else url.path
    environ: dict[str, Any] = {
        "CONTENT_LENGTH": str(length),
        "REQUEST_METHOD": method,
        "REQUEST_URI": f"{target}?{url.query}" if url.query else target,
        "QUERY_STRING": url.query,
        "SCRIPT_NAME": division.script_name,
        "DOCUMENT_URI": path,
        **dict(division.more),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": PROGRAM,
        "SERVER_NAME": server["name"] if server else host,
        "SERVER_PORT": (server and server["port"]) or "80",
        "REQUEST_SCHEME": "http",
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REDIRECT_STATUS": "200",  # php-cgi answers nobody who does not send it (cgi.force_redirect)
        "wsgi.url_scheme": "http",
    }
    if division.path_info is not None:
        environ["PATH_INFO"] = division.path_info
    return variables_from_environ(environ_from_fields(environ, fields, "127.0.0.1"))


def lost_fields(fields: Fields, variables: Variables) -> list[str]:
    """Return the names of fields that have become no variable, such as Proxy."""
    names = {name for name, _ in variables}
    return [name for name, _ in fields if variable_name(name) not in names]


def with_params(variables: Variables, params: Sequence[str]) -> Variables:
    """Change variables as `--param` says: NAME=VALUE sets, NAME= empties, NAME removes. Raises BadRequest."""
    changed: Mapping[str, str] = dict(variables)
    for text in params:
        match = _PARAM.fullmatch(text.encode("utf-8", "surrogateescape").decode("latin-1"))
        if match is None:
            raise BadRequest(f"--param {text!r}: write NAME=VALUE to set, NAME= to empty, NAME to remove a variable")
        name = match["name"]
        if match["set"]:
            changed = {**changed, name: match["value"]}
        elif name in changed:
            changed = {other: value for other, value in changed.items() if other != name}
        else:
            raise BadRequest(f"--param {text!r}: there is no such variable to remove; write {name}=VALUE to set it")
    return list(changed.items())
