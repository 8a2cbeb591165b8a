"""HAProxy as a front: a master and one worker with one thread, over HTTP and FastCGI.

`http-reuse always` lets any request use a connection that is there; by default a visitor's first request never does. It
can also send several FastCGI requests side by side over one connection (`mpxs-conns`), which is off here as it is by
default: to a backend of one thread it would send them one after another all the same.

With `http-server-close`, and without `keep-conn` over FastCGI, each request has a connection of its own.

Its variables are its own: 13 besides the visitor's fields (2.6.12), the fewest of all, with the whole path in
SCRIPT_NAME and no PATH_INFO. Over HTTP it adds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway_bench.servers.fronts.front import CONNECTIONS, IDLE_SECONDS, Front, Place, where

__all__ = ["FRONT", "configuration"]

CONFIGURATION = """\
global
    nbthread 1
    maxconn {connections}

defaults
    mode http
    timeout connect 5s
    timeout client {idle}s
    timeout server {idle}s
    timeout http-keep-alive {idle}s

{application}frontend visitors
    bind {at}
    default_backend backend

backend backend
    {reuse}
{passing}
"""
APPLICATION = """\
fcgi-app application
    docroot {folder}
    {keep}option keep-conn

"""


def configuration(place: Place) -> str:
    """Return its configuration."""
    fastcgi = place.backend.scheme == "fastcgi"
    keep = "" if place.kept else "no "
    pool = f" pool-max-conn {place.kept}" if place.kept else ""
    server = f"    server one {where(place.backend, 'unix@{}')}{pool}"
    return CONFIGURATION.format(
        connections=CONNECTIONS,
        idle=IDLE_SECONDS,
        application=APPLICATION.format(folder=place.folder, keep=keep) if fastcgi else "",
        at=place.at,
        reuse="http-reuse always" if place.kept else "option http-server-close",
        passing=f"    use-fcgi-app application\n{server} proto fcgi" if fastcgi else server,
    )


def _argv(place: Place) -> Sequence[str]:
    # -W: a master says when its worker is there. A HAProxy without one says nothing.
    return [place.program, "-W", "-db", "-f", place.write("haproxy.cfg", configuration(place))]


FRONT = Front(
    name="haproxy",
    label="HAProxy",
    speaks=("http", "fastcgi"),
    keeps=("http", "fastcgi"),
    programs=("haproxy",),
    install="apt install haproxy",
    argv=_argv,
    ready=re.compile(r"Loading success"),
)
