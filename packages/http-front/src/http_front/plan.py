"""What the front is to do: routes, from the command line or from a file.

::

    # front.toml
    [[route]]
    to = ["fastcgi://127.0.0.1:9000", "fastcgi://127.0.0.1:9001"]     # two servers that do the same

    [[route]]
    prefix = "/assets"
    static = "/srv/museum/assets"

    [[route]]
    prefix = "/protected"
    static = "/srv/museum/protected"
    internal = true                                                   # for X-Accel-Redirect only

The keys are the attributes of `Route`; the command line has the commonest of them, for one upstream. A key that is not
known, or a value of another kind, is a mistake and stops the start.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gateway_runtime.errors import StartupError

from .backends import read_url

__all__ = ["Plan", "Route", "check_route", "read_plan"]

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_DAY = 86_400
_MANY = 10_000


@dataclass(frozen=True, slots=True)
class Route:
    """Who answers below a path: servers (`to`) or files (`static`). Times in seconds; 0: no limit, or never."""

    prefix: str = "/"
    """The longest one that fits a path counts, at a segment's end: /app is not for /application."""
    host: str = ""
    """Only for requests to this host; before those for any."""
    internal: bool = False
    """For X-Accel-Redirect, and for no visitor. With `static`."""

    static: str = ""
    """A folder of files."""

    to: tuple[str, ...] = ()
    """URLs of servers that do the same."""
    root: str = ""
    """The folder of the scripts, if the server is php-fpm or the like (see `scripts`)."""
    ending: str = ".php"
    must_exist: bool = True
    """The script is looked for; not so if it lies on another machine."""
    params: tuple[tuple[str, str], ...] = ()
    """More variables for the servers: a table in the file."""
    sendfile: tuple[str, ...] = ()
    """Folders whose files X-Sendfile may name."""
    buffer: bool = True
    """Servers do not wait for slow visitors (see `buffering`)."""

    authorizer: str = ""
    """URL of a FastCGI Authorizer that is asked first; static files too can be guarded."""

    connect: float = 5.0
    """Until a server accepts."""
    send: float = 30.0
    """Without it taking a byte."""
    silence: float = 30.0
    """Without it saying a byte."""
    whole: float = 0.0
    """For request and answer together."""
    keep: int = 16
    """Idle connections that each worker keeps to each server, over http and fastcgi."""
    connections: int = 512
    """Connections of each worker to each server; more requests wait for one, and not for long."""
    fails: int = 3
    """Failures in a row after which a server is out, if there are others."""
    rest: float = 10.0
    """For so long, then it is tried again."""
    check: float = 0.0
    """Ask servers how they are each so many seconds."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All routes."""

    routes: tuple[Route, ...]


def read_plan(path: str) -> Plan:
    """Read a file of routes. Raises StartupError with one sentence."""
    try:
        with Path(path).open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise StartupError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartupError(f"{path} is not TOML: {error}") from None
    routes = table.pop("route", None)
    if table or not isinstance(routes, list) or not routes or not all(isinstance(one, dict) for one in routes):
        raise StartupError(f"{path}: a plan is a list of [[route]] tables and nothing else")
    plan = Plan(tuple(_route(f"{path}: route {number}", one) for number, one in enumerate(routes, 1)))
    _check_all(path, plan)
    return plan


def _check_all(path: str, plan: Plan) -> None:
    seen = set()
    for route in plan.routes:
        if (route.host, route.prefix) in seen:
            raise StartupError(f"{path}: two routes have the prefix {route.prefix!r} and the same host")
        seen.add((route.host, route.prefix))


def _route(where: str, table: dict[str, Any]) -> Route:
    known = {field.name: field for field in fields(Route)}
    values: dict[str, Any] = {}
    for name, value in table.items():
        if name not in known:
            raise StartupError(f"{where}: there is no {name!r}; there are {', '.join(known)}")
        values[name] = _value(f"{where}: {name}", name, known[name].default, value)
    route = Route(**values)
    check_route(where, route)
    return route


def _value(where: str, name: str, default: Any, value: Any) -> Any:
    """Return a value as the attribute has it, which tells its kind by its default."""
    if name == "params":
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            raise StartupError(f"{where} is not a table of texts")
        return tuple(value.items())
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise StartupError(f"{where} is not a list of texts")
        return tuple(value)
    kinds = (int, float) if isinstance(default, float) else type(default)
    if not isinstance(value, kinds) or (isinstance(value, bool) and not isinstance(default, bool)):
        words = {str: "a text", bool: "true or false", int: "a whole number", float: "a number of seconds"}
        raise StartupError(f"{where} is not {words[type(default)]}")
    return value


def check_route(where: str, route: Route) -> None:
    """See that a route can be followed. Raises StartupError."""
    if bool(route.to) == bool(route.static):
        raise StartupError(f"{where}: say who answers, either 'to' (servers) or 'static' (a folder)")
    if not route.prefix.startswith("/"):
        raise StartupError(f"{where}: the prefix {route.prefix!r} does not begin with a slash")
    if route.internal and not route.static:
        raise StartupError(f"{where}: 'internal' is for files, so it goes with 'static'")
    for url in (*route.to, *([route.authorizer] if route.authorizer else [])):
        try:
            scheme, _ = read_url(url)
        except StartupError as error:
            raise StartupError(f"{where}: {error}") from None
    if route.authorizer and scheme != "fastcgi":
        raise StartupError(f"{where}: an authorizer speaks fastcgi, not {scheme!r}")
    _check_folders(where, route)
    for name, _ in route.params:
        if not _NAME.fullmatch(name):
            raise StartupError(f"{where}: {name!r} is not the name of a variable, such as APP_ENV")
    _check_numbers(where, route)


def _check_folders(where: str, route: Route) -> None:
    for name in ("static", "root"):
        folder = getattr(route, name)
        if folder and (name == "static" or route.must_exist) and not Path(folder).is_dir():
            raise StartupError(f"{where}: {folder} is not a folder")
    for folder in route.sendfile:
        if not folder.startswith("/") or not Path(folder).is_dir():
            raise StartupError(f"{where}: {folder} is not the whole path of a folder")


def _check_numbers(where: str, route: Route) -> None:
    for name in ("connect", "send", "silence", "whole", "rest", "check"):
        if not 0 <= getattr(route, name) <= _DAY:
            raise StartupError(f"{where}: {name} is not a number of seconds from 0 to {_DAY}")
    if not 0 <= route.keep <= _MANY or not 1 <= route.connections <= _MANY or not 1 <= route.fails <= _MANY:
        raise StartupError(f"{where}: keep, connections and fails are numbers up to {_MANY}")
