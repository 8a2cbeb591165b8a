"""nginx as a front: a master, one worker, and the variables of its own parameter files.

Every backend gets the same variables in the same order (`PARAMS`), whatever carries them: those that nginx ships in
fastcgi_params, scgi_params and uwsgi_params, with the path as an application at the root of a site wants it. They are
17 besides the visitor's fields, and nginx is the one front that sends no others. Over HTTP it adds nothing.

To keep connections to a backend takes an `upstream` with `keepalive`, and to ask for it: over FastCGI by
`fastcgi_keep_conn`, over HTTP by 1.1 and no `Connection: close`.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
from collections.abc import Sequence

from gateway_bench.load.address import Address
from gateway_bench.servers.fronts.front import CONNECTIONS, IDLE_SECONDS, Front, Place, where

__all__ = ["FRONT", "PARAMS", "configuration"]

PARAMS = {
    "QUERY_STRING": "$query_string",
    "REQUEST_METHOD": "$request_method",
    "CONTENT_TYPE": "$content_type",
    "CONTENT_LENGTH": "$content_length",
    "REQUEST_URI": "$request_uri",
    "SCRIPT_NAME": '""',
    "PATH_INFO": "$document_uri",
    "DOCUMENT_ROOT": "$document_root",
    "SERVER_PROTOCOL": "$server_protocol",
    "REQUEST_SCHEME": "$scheme",
    "GATEWAY_INTERFACE": "CGI/1.1",
    "SERVER_SOFTWARE": "nginx/$nginx_version",
    "REMOTE_ADDR": "$remote_addr",
    "REMOTE_PORT": "$remote_port",
    "SERVER_ADDR": "$server_addr",
    "SERVER_PORT": "$server_port",
    "SERVER_NAME": "$server_name",
}
OWN_LENGTH = "scgi"
"""Here nginx writes CONTENT_LENGTH itself, as the first variable."""
MANY = 1_000_000_000
"""Requests on a connection: after 1,000 of them nginx would close it, on either side."""

CONFIGURATION = """\
daemon off;
{user}worker_processes 1;
pid nginx.pid;
error_log stderr notice;
events {{ worker_connections {connections}; }}
http {{
    access_log off;
    client_body_temp_path tmp;
    proxy_temp_path tmp;
    fastcgi_temp_path tmp;
    scgi_temp_path tmp;
    uwsgi_temp_path tmp;
    keepalive_requests {many};
    keepalive_timeout {idle}s;
    upstream backend {{
        server {server};{kept}
    }}
    server {{
        listen {at};
        location / {{
{passing}
        }}
    }}
}}
"""


def configuration(place: Place) -> str:
    """Return its configuration."""
    root = os.geteuid() == 0  # then its worker is to reach what root has made
    return CONFIGURATION.format(
        user=f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name};\n" if root else "",
        connections=CONNECTIONS,
        many=MANY,
        idle=IDLE_SECONDS,
        server=where(place.backend),
        kept=f" keepalive {place.kept}; keepalive_requests {MANY};" if place.kept else "",
        at=place.at,
        passing="\n".join(f"            {line}" for line in _passing(place.backend, place.kept > 0)),
    )


def _passing(backend: Address, keep: bool) -> list[str]:
    """Return the directives that hand a request on in the protocol of the backend."""
    scheme = backend.scheme
    if scheme == "http":
        version = ["proxy_http_version 1.1;", 'proxy_set_header Connection "";'] if keep else []
        return ["proxy_pass http://backend;", "proxy_set_header Host $http_host;", *version]
    lines = [f"{scheme}_pass backend;"]
    if scheme == "fastcgi" and keep:
        lines.append("fastcgi_keep_conn on;")
    params = {name: value for name, value in PARAMS.items() if (scheme, name) != (OWN_LENGTH, "CONTENT_LENGTH")}
    if scheme == "scgi":
        params["SCGI"] = "1"
    if backend.script:
        params["SCRIPT_FILENAME"] = backend.script
    return lines + [f"{scheme}_param {name} {value};" for name, value in params.items()]


def _argv(place: Place) -> Sequence[str]:
    (place.folder / "tmp").mkdir()
    written = place.write("nginx.conf", configuration(place))
    return [place.program, "-p", str(place.folder), "-c", written, "-e", "stderr"]


FRONT = Front(
    name="nginx",
    label="nginx",
    speaks=("http", "fastcgi", "scgi", "uwsgi"),
    keeps=("http", "fastcgi"),
    programs=("nginx",),
    install="apt install nginx-light",
    argv=_argv,
    ready=re.compile("start worker process "),
    scripts=True,
)
