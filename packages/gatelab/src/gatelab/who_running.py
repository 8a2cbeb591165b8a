"""`gatelab who --running`: what runs on this machine already, told by names, parents and sockets. Nothing is started.

::

    its words     "nginx: worker process", "php-fpm: pool www", "python -m fastcgi_server": a program that is known
    its parent    the same program, so it is a worker; or not, so it is the first one; another one: what it runs (CGI)
    its sockets   where it listens; and who of the others is connected there, if that is over TCP

A name says which rule a program takes, since that is what it was made for. It is not seen: bytes are seen by `gatelab
record`, which stands between. A unix socket has no addresses at its other end, so nobody can be told there. Sockets of
another user's processes are shown to root alone.
"""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any, Final, NamedTuple

import psutil

__all__ = ["Running", "Seen", "Way", "known", "look", "running", "ways"]

FRONT: Final = "a front"
HOLDS: Final = "holds workers"
CHOICE: Final = "uwsgi or HTTP, as it is told"


class Known(NamedTuple):
    """What a program is made for: its part, and the rule that it takes where it listens."""

    part: str
    takes: str


KNOWN: Final[Mapping[str, Known]] = {
    "nginx": Known(FRONT, "HTTP"),
    "apache2": Known(FRONT, "HTTP"),
    "httpd": Known(FRONT, "HTTP"),
    "caddy": Known(FRONT, "HTTP"),
    "haproxy": Known(FRONT, "HTTP"),
    "lighttpd": Known(FRONT, "HTTP"),
    "http_front": Known(FRONT, "HTTP"),
    "php-fpm": Known(HOLDS, "FastCGI"),
    "fcgiwrap": Known(HOLDS, "FastCGI"),
    "fastcgi_server": Known(HOLDS, "FastCGI"),
    "scgi_server": Known(HOLDS, "SCGI"),
    "uwsgi_gateway": Known(HOLDS, "uwsgi"),
    "uwsgi": Known(HOLDS, CHOICE),
    "wsgi_server": Known(HOLDS, "HTTP"),
    "asgi_server": Known(HOLDS, "HTTP"),
    "gunicorn": Known(HOLDS, "HTTP"),
    "uvicorn": Known(HOLDS, "HTTP"),
    "hypercorn": Known(HOLDS, "HTTP"),
    "daphne": Known(HOLDS, "HTTP"),
    "waitress-serve": Known(HOLDS, "HTTP"),
    "cgi_runner": Known("starts programs", "HTTP"),
    "tomcat": Known(HOLDS, "HTTP and AJP"),
}
WITH_VALUE: Final = ("-W", "-X", "--check-hash-based-pycs")
"""Options of Python whose value is a word of its own."""
TOMCAT: Final = "org.apache.catalina.startup.Bootstrap"


@dataclass(frozen=True, slots=True)
class Seen:
    """A process: its words, its parent, and its sockets; None where the system keeps them to itself."""

    pid: int
    parent: int
    words: tuple[str, ...]
    listens: tuple[str, ...] | None = ()
    connected: tuple[str, ...] = ()
    """The addresses at the other ends of its TCP connections."""


@dataclass(frozen=True, slots=True)
class Running:
    """A program that runs: its first process, the same program below it, and other programs that these have started."""

    name: str
    part: str
    takes: str
    first: int
    workers: tuple[int, ...]
    others: tuple[int, ...]
    listens: tuple[str, ...] | None
    connected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """Connections that are open now, from one program to another."""

    sender: str
    receiver: str
    takes: str
    address: str
    count: int


def known(words: Sequence[str]) -> str:
    """Return the name, in KNOWN, of the program with these words; "" if it is none of them."""
    if not words:
        return ""
    first = PurePath(words[0].partition(" ")[0].rstrip(":")).name  # "nginx: master process nginx" is one word
    name = _of_python(words[1:]) if first.startswith("python") else first
    if TOMCAT in words:
        return "tomcat"
    if name.startswith("php-fpm"):  # php-fpm8.2
        return "php-fpm"
    return name if name in KNOWN else ""


def running(processes: Iterable[Seen]) -> list[Running]:
    """Return the known programs among processes, fronts first."""
    by_pid = {one.pid: one for one in processes}
    names = {pid: known(one.words) for pid, one in by_pid.items()}
    below: dict[int, list[int]] = defaultdict(list)
    for one in by_pid.values():
        below[one.parent].append(one.pid)
    firsts = {pid for pid, name in names.items() if name and names.get(by_pid[pid].parent) != name}
    found = []
    for pid in firsts:
        name = names[pid]
        tree = [pid, *_tree(pid, below, firsts)]
        same = [one for one in tree if names[one] == name]
        kin = [by_pid[one] for one in same]
        told = [one.listens for one in kin if one.listens is not None]
        listens = tuple(sorted({address for some in told for address in some})) if told else None
        connected = tuple(address for one in kin for address in one.connected)
        others = tuple(one for one in tree if not names[one])
        found.append(Running(name, *KNOWN[name], pid, tuple(same[1:]), others, listens, connected))
    return sorted(found, key=lambda one: (one.part != FRONT, one.name, one.first))


def ways(programs: Sequence[Running]) -> list[Way]:
    """Return which of these programs are connected with which now."""
    found = []
    for receiver in programs:
        for sender in programs:
            for address in receiver.listens or ():
                count = sender.connected.count(address)
                if count and sender is not receiver:
                    found.append(Way(sender.name, receiver.name, receiver.takes, address, count))
    return found


def look() -> Iterator[Seen]:
    """Yield all processes; sockets only of known programs, since looking takes time."""
    for process in psutil.process_iter(["ppid", "cmdline"]):
        words = tuple(process.info["cmdline"] or ())  # none of a zombie, or of another user's on macOS
        seen = Seen(process.pid, process.info["ppid"] or 0, words)
        if not known(words):
            yield seen
            continue
        try:
            sockets = process.net_connections("all")
        except psutil.Error:
            yield Seen(seen.pid, seen.parent, words, None)
            continue
        listens, connected = set(), []
        for one in sockets:
            if one.family == socket.AF_UNIX:
                path = str(one.laddr)
                if path and one.type == socket.SOCK_STREAM:  # datagrams are of events
                    listens.add(f"unix:{path}")
            elif one.status == psutil.CONN_LISTEN:
                listens.add(_address(one.laddr))
            elif one.raddr:
                connected.append(_address(one.raddr))
        yield Seen(seen.pid, seen.parent, words, tuple(listens), tuple(connected))


def as_json(programs: Sequence[Running]) -> dict[str, Any]:
    """Return what was seen as JSON. Addresses of visitors are none of it."""
    shown = [{name: value for name, value in asdict(one).items() if name != "connected"} for one in programs]
    return {"running": shown, "ways": [asdict(way) for way in ways(programs)]}


def _of_python(words: Sequence[str]) -> str:
    """Return which module or file Python was told to run."""
    rest = iter(words)
    for word in rest:
        if word == "-m":
            return next(rest, "").partition(".")[0]
        if word in WITH_VALUE:
            next(rest, "")
        elif not word.startswith("-"):
            return PurePath(word).name
    return ""


def _tree(pid: int, below: Mapping[int, Sequence[int]], firsts: Collection[int]) -> Iterator[int]:
    """Yield all processes below one, but not those of a program that is a first one itself."""
    for child in sorted(below.get(pid, ())):
        if child not in firsts:
            yield child
            yield from _tree(child, below, firsts)


def _address(at: Any) -> str:
    return f"[{at.ip}]:{at.port}" if ":" in at.ip else f"{at.ip}:{at.port}"
