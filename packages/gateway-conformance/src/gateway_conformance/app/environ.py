"""Routes that look at the environ (PEP 3333, "environ Variables")."""

from __future__ import annotations

from typing import Any

from .tools import Environ, Route, StartResponse, query, text

__all__ = ["ROUTES"]

_REQUIRED = (
    "REQUEST_METHOD", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL",
    "wsgi.version", "wsgi.url_scheme", "wsgi.input", "wsgi.errors",
    "wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once",
)  # fmt: skip
_INPUT_METHODS = ("read", "readline", "readlines", "__iter__")
_ERRORS_METHODS = ("flush", "write", "writelines")


def _show(environ: Environ, start_response: StartResponse) -> object:
    """Show the variables that the query names, one a line."""
    keys = query(environ, "keys").split(",")
    lines = [f"{key}={environ[key]!r}" if key in environ else f"{key} absent" for key in keys]
    return text(start_response, "\n".join(lines))


def _complaints(environ: Any) -> list[str]:
    """Say what is wrong with an environ."""
    found = [] if type(environ) is dict else [f"the environ is {type(environ).__name__}, not dict"]
    found += [f"{key} is absent" for key in _REQUIRED if key not in environ]
    for key, value in environ.items():
        if type(key) is not str or value is None:
            found.append(f"{key!r} is {value!r}")
        elif "." not in key and (type(value) is not str or any(character > "\xff" for character in value)):
            found.append(f"{key} is not a str of bytes: {value!r}")
    found += [f"{key} is not in lower case" for key in environ if "." in key and key != key.lower()]
    found += [f"{key} must not be there" for key in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH") if key in environ]
    found += [f"{key} is empty" for key in ("REQUEST_METHOD", "SERVER_NAME", "SERVER_PORT") if not environ.get(key)]
    if not str(environ.get("SERVER_PORT")).isdecimal():
        found.append("SERVER_PORT is not a number")
    if environ.get("SCRIPT_NAME") == "/":
        found.append("SCRIPT_NAME of the root is not empty")
    if type(environ.get("wsgi.version")) is not tuple or environ["wsgi.version"] != (1, 0):
        found.append("wsgi.version is not (1, 0)")
    if environ.get("wsgi.url_scheme") not in ("http", "https"):
        found.append("wsgi.url_scheme is neither http nor https")
    found += [f"wsgi.input has no {name}" for name in _INPUT_METHODS if not hasattr(environ.get("wsgi.input"), name)]
    found += [f"wsgi.errors has no {name}" for name in _ERRORS_METHODS if not hasattr(environ.get("wsgi.errors"), name)]
    return found


def _environ(environ: Environ, start_response: StartResponse) -> object:
    return text(start_response, "\n".join(_complaints(environ)) or "good")


def _fresh(environ: Environ, start_response: StartResponse) -> object:
    """Spoil the environ: the next request must get a fresh one."""
    found = "spoiled" if "conformance.spoiled" in environ or "wsgi.version" not in environ else "fresh"
    environ.clear()
    environ["conformance.spoiled"] = True
    return text(start_response, found)


def _url(environ: Environ, start_response: StartResponse) -> object:
    """Reconstruct the URL as PEP 3333 says under "URL Reconstruction"."""
    from urllib.parse import quote  # here: only this route needs it, and it is slow to import

    url = environ["wsgi.url_scheme"] + "://"
    if environ.get("HTTP_HOST"):
        url += environ["HTTP_HOST"]
    else:
        url += environ["SERVER_NAME"] + ":" + environ["SERVER_PORT"]
    url += quote(environ.get("SCRIPT_NAME", ""), encoding="latin-1") + quote(
        environ.get("PATH_INFO", ""), encoding="latin-1"
    )
    if environ.get("QUERY_STRING"):
        url += "?" + environ["QUERY_STRING"]
    return text(start_response, url)


ROUTES: dict[str, Route] = {"environ": _environ, "fresh": _fresh, "show": _show, "url": _url}
