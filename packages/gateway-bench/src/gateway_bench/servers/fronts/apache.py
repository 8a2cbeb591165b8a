"""Apache httpd as a front: the event MPM with one process, and the proxy module of each protocol.

A request that waits for its backend has a thread, so there are threads for more visitors than any suite has here, in
one process; those that rest cost nothing but their stacks. A visitor's connection that rests has none (that is what
"event" means).

Over FastCGI Apache opens a connection for each request, unless `enablereuse` is on; over HTTP it keeps them, unless
`disablereuse` is. Threads take connections from a pool: as many as there are threads may be open, and those beyond
`smax` are closed once they have rested for a while.

Its variables are those of its CGI: 20 besides the visitor's fields (2.4.71), with the whole path in SCRIPT_NAME and no
PATH_INFO. Over FastCGI PATH is one of them, and would be that of whoever starts the bench; so Apache is given one that
is the same everywhere. Over HTTP it adds X-Forwarded-For, -Host and -Server.

Started by root, its workers become nobody, and would not reach a socket that root has made; and it refuses to have them
stay root. So it is nobody from the start, with the one capability of root to open what is not its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from gateway_bench.load.address import Address
from gateway_bench.servers.fronts.front import CONNECTIONS, IDLE_SECONDS, Front, Place, where

__all__ = ["FRONT", "THREADS", "configuration"]

THREADS = 64
"""Twice the visitors of the suites."""
FOLDERS = (
    "/usr/lib/apache2/modules",
    "/usr/lib64/httpd/modules",
    "/usr/libexec/apache2",
    "/opt/homebrew/lib/httpd/modules",
)
"""Where modules lie on Debian, on Fedora, and on macOS."""
PROXIES = {"http": "proxy_http", "fastcgi": "proxy_fcgi", "scgi": "proxy_scgi", "uwsgi": "proxy_uwsgi"}
NAMES = {"http": "http", "fastcgi": "fcgi", "scgi": "scgi", "uwsgi": "uwsgi"}
"""What Apache calls the protocols in an address."""
IDENTITY = "65534"
"""nobody, and the group of the same number."""
NOBODY = (
    f"--reuid={IDENTITY}", f"--regid={IDENTITY}", "--clear-groups",
    "--inh-caps=+dac_override", "--ambient-caps=+dac_override",
)  # fmt: skip

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""As an init system has it."""

CONFIGURATION = """\
ServerRoot "{folder}"
DefaultRuntimeDir "{folder}"
PidFile "{folder}/pid"
ErrorLog /dev/stderr
LogLevel notice
ServerName localhost
DocumentRoot "{folder}"
Listen {at}
{modules}
StartServers 1
ServerLimit 1
ThreadLimit {threads}
ThreadsPerChild {threads}
MaxRequestWorkers {threads}
AsyncRequestWorkerFactor {waiting}
MinSpareThreads 1
MaxSpareThreads {threads}
KeepAlive On
KeepAliveTimeout {idle}
MaxKeepAliveRequests 0
{passing}
"""


def configuration(place: Place, modules: str = "") -> str:
    """Return its configuration. `modules` is the folder of the modules; those that are built in are in no file."""
    folder = Path(modules or next(filter(os.path.isdir, FOLDERS), FOLDERS[0]))
    needed = ("mpm_event", "unixd", "authz_core", "proxy", PROXIES[place.backend.scheme])
    files = {name: folder / f"mod_{name}.so" for name in needed}
    return CONFIGURATION.format(
        folder=place.folder,
        at=place.at,
        modules="\n".join(f'LoadModule {name}_module "{file}"' for name, file in files.items() if file.exists()),
        threads=THREADS,
        waiting=CONNECTIONS // THREADS,  # connections that rest, for each thread that does
        idle=IDLE_SECONDS,
        passing="\n".join(_passing(place.backend, place.kept)),
    )


def _passing(backend: Address, kept: int) -> list[str]:
    """Return the directives that hand a request on. `retry=0`: one failure shall not stop a minute of them."""
    scheme = NAMES[backend.scheme]
    url = f"unix:{backend.path}|{scheme}://backend/" if backend.path else f"{scheme}://{where(backend)}/"
    reuse = f"enablereuse=on smax={kept} max={THREADS}" if kept else "disablereuse=on"
    lines = [f'ProxyPass "/" "{url}" {reuse} retry=0']
    if backend.scheme == "fastcgi":
        lines.append("ProxyFCGIBackendType GENERIC")  # or some variables are bent into what php-fpm likes
    if backend.scheme == "http":
        lines.append("ProxyPreserveHost On")
    return lines


def _argv(place: Place) -> Sequence[str]:
    written = place.write("apache.conf", configuration(place))
    as_nobody = ["setpriv", *NOBODY] if _root() else []
    return [*as_nobody, place.program, "-D", "FOREGROUND", "-d", str(place.folder), "-f", written]


def _root() -> bool:
    return os.geteuid() == 0


FRONT = Front(
    name="apache",
    label="Apache",
    speaks=("http", "fastcgi", "scgi", "uwsgi"),
    keeps=("http", "fastcgi"),
    programs=("apache2|httpd", "setpriv") if _root() else ("apache2|httpd",),
    install="apt install apache2 util-linux" if _root() else "apt install apache2",
    argv=_argv,
    ready=re.compile("resuming normal operations"),
    environment=lambda _: {"PATH": PATH},
)
