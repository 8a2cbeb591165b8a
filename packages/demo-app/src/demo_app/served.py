"""What this process knows of itself: its age, and how many requests it has served.

These few numbers are the whole lesson in small. Under CGI a process is born for one request, so the
count is always 1. Under a server that keeps its workers the count climbs while the pid stays. The
footer of every page shows them, and everything else on a page is the same, byte for byte, whatever
served it.

A server may import the application first and fork its workers afterwards. The counters are process
state that a fork copies, so they start again in every child.
"""

import os
import time
from html import escape
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

_born = 0.0
_requests = count(1)


def _begin() -> None:
    """Start the counters: at import, and again in every forked child."""
    global _born, _requests
    _born = time.monotonic()
    _requests = count(1)


_begin()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin)


def next_number() -> int:
    """Count one request; return its number in this process, from 1. One atomic step for threads."""
    return next(_requests)


def age() -> float:
    """Return the seconds since this process imported the application, or was forked from one that had."""
    return time.monotonic() - _born


def protocol(environ: "WSGIEnvironment") -> str:
    """Name the protocol that brought this request.

    The servers of this repository say so in ``gatelab.protocol``. Of others only CGI gives itself
    away (a process for one request, and RFC 3875 §4.1.4); for the rest the truth is "WSGI": the
    application was called, and cannot see by what.
    """
    told = environ.get("gatelab.protocol")
    if told:
        return str(told)
    if environ.get("wsgi.run_once") and environ.get("GATEWAY_INTERFACE"):
        return "CGI"
    return "WSGI"


_FOOTER = """\
<footer id="served">
<h2>How this page was served</h2>
<dl>
<div><dt>Protocol</dt><dd>{protocol}</dd></div>
<div><dt>Server</dt><dd>{software}</dd></div>
<div><dt>Process</dt><dd>{pid}</dd></div>
<div><dt>Age of the process</dt><dd>{age:.3f} s</dd></div>
<div><dt>Requests it has served</dt><dd>{number}</dd></div>
<div><dt>Time in the application</dt><dd>{spent:.3f} ms</dd></div>
<div><dt>run_once</dt><dd>{run_once}</dd></div>
<div><dt>multithread</dt><dd>{multithread}</dd></div>
<div><dt>multiprocess</dt><dd>{multiprocess}</dd></div>
</dl>
</footer>"""


def footer(environ: "WSGIEnvironment", number: int, started: float) -> str:
    """Say how one page was served, as the HTML element ``<footer id="served">``.

    ``number`` is from `next_number`; ``started`` is ``time.perf_counter()`` at the call.
    """
    return _FOOTER.format(
        protocol=escape(protocol(environ)),
        software=escape(str(environ.get("SERVER_SOFTWARE") or "not named")),
        pid=os.getpid(),
        age=age(),
        number=number,
        spent=(time.perf_counter() - started) * 1000,
        run_once=_yes_or_no(environ["wsgi.run_once"]),
        multithread=_yes_or_no(environ["wsgi.multithread"]),
        multiprocess=_yes_or_no(environ["wsgi.multiprocess"]),
    )


def _yes_or_no(flag: object) -> str:
    return "yes" if flag else "no"
