"""lighttpd as a front: one process with one thread, as it is by default. uwsgi is spoken by its mod_scgi.

It opens a connection to the backend for each request, whatever the protocol: it can keep none (1.4). `check-local` is
off, or it would look for a file of the request's name first.

Its variables are its own: 17 besides the visitor's fields (1.4.69), with the whole path in SCRIPT_NAME and no
PATH_INFO. Over HTTP it adds X-Forwarded-For, -Host and -Proto.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway_bench.load.address import Address
from gateway_bench.servers.fronts.front import CONNECTIONS, IDLE_SECONDS, Front, Place

__all__ = ["FRONT", "configuration"]

MODULES = {"http": "proxy", "fastcgi": "fastcgi", "scgi": "scgi", "uwsgi": "scgi"}
MANY = 1_000_000_000
"""Requests on a visitor's connection."""

CONFIGURATION = """\
server.modules = ("mod_{module}")
server.bind = "{host}"
server.port = {port}
server.document-root = "{folder}"
server.upload-dirs = ("{folder}")
server.max-connections = {connections}
server.max-fds = {descriptors}
server.max-keep-alive-requests = {many}
server.max-keep-alive-idle = {idle}
{passing}
"""


def configuration(place: Place) -> str:
    """Return its configuration."""
    return CONFIGURATION.format(
        module=MODULES[place.backend.scheme],
        host=place.host,
        port=place.port,
        folder=place.folder,
        connections=CONNECTIONS,
        descriptors=2 * CONNECTIONS,  # a visitor's and the backend's
        many=MANY,
        idle=IDLE_SECONDS,
        passing=_passing(place.backend),
    )


def _passing(backend: Address) -> str:
    """Return the directives that hand a request on in that protocol."""
    module = MODULES[backend.scheme]
    socket = "host" if module == "proxy" else "socket"  # mod_proxy has a socket's path in the place of a host
    at = f'"{socket}" => "{backend.path}"' if backend.path else f'"host" => "{backend.host}", "port" => {backend.port}'
    local = "" if module == "proxy" else ', "check-local" => "disable"'
    lines = [f'{module}.server = ("" => (({at}{local})))']
    if backend.scheme == "uwsgi":
        lines.insert(0, 'scgi.protocol = "uwsgi"')
    return "\n".join(lines)


def _argv(place: Place) -> Sequence[str]:
    return [place.program, "-D", "-f", place.write("lighttpd.conf", configuration(place))]


FRONT = Front(
    name="lighttpd",
    label="lighttpd",
    speaks=("http", "fastcgi", "scgi", "uwsgi"),
    keeps=(),
    programs=("lighttpd",),
    install="apt install lighttpd",
    argv=_argv,
    ready=re.compile(r"server started \("),
)
