"""nginx in front of a backend, as whoever looks after a site writes it: one worker, and what is in front of it is HTTP.

::

    generator --HTTP, kept--> nginx --FastCGI, SCGI, uwsgi or HTTP, over a unix socket--> backend

Every backend gets the same variables in the same order (`PARAMS`), whatever carries them: those that nginx ships in
fastcgi_params, scgi_params and uwsgi_params, with the path as an application at the root of a site wants it. Whether
nginx keeps connections to the backend is the row's to say (`keep_alive`); to the generator it always does.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway_bench.load.address import Address, free_port
from gateway_bench.servers.presence import PLACES
from gateway_bench.servers.service import Service, started

__all__ = ["configuration", "find_nginx", "nginx_before", "nginx_version"]

READY = re.compile("start worker process ")
"""A notice in its log. It listens by then, and connections wait for the worker."""

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

CONFIGURATION = """\
daemon off;
{user}worker_processes 1;
pid nginx.pid;
error_log stderr notice;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path tmp;
    proxy_temp_path tmp;
    fastcgi_temp_path tmp;
    scgi_temp_path tmp;
    uwsgi_temp_path tmp;
    upstream backend {{
        server {server};{keepalive}
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
{passing}
        }}
    }}
}}
"""


def find_nginx() -> str | None:
    """Return the path of nginx, or None where it is not installed."""
    return shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", os.defpath), *PLACES)))


def nginx_version(nginx: str) -> str:
    """Return its version as it says it, such as "1.22.1"."""
    told = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=False).stderr
    return told.strip().rpartition("/")[2]


def configuration(backend: Address, kept: int, port: int) -> str:
    """Return its configuration in front of `backend`; `kept` idle connections to it stay open, 0 closes each."""
    root = os.geteuid() == 0
    return CONFIGURATION.format(
        user=f"user {pwd.getpwuid(0).pw_name};\n" if root else "",  # its worker is to reach what root has made
        server=f"unix:{backend.path}" if backend.path else f"{backend.host}:{backend.port}",
        keepalive=f" keepalive {kept};" if kept else "",
        port=port,
        passing="\n".join(f"            {line}" for line in _passing(backend.scheme, kept > 0)),
    )


def _passing(scheme: str, keep: bool) -> list[str]:
    """Return the directives that hand a request on in that protocol."""
    if scheme == "http":
        version = ["proxy_http_version 1.1;", 'proxy_set_header Connection "";'] if keep else []
        return ["proxy_pass http://backend;", "proxy_set_header Host $http_host;", *version]
    lines = [f"{scheme}_pass backend;"]
    if scheme == "fastcgi" and keep:
        lines.append("fastcgi_keep_conn on;")
    params = {name: value for name, value in PARAMS.items() if (scheme, name) != (OWN_LENGTH, "CONTENT_LENGTH")}
    if scheme == "scgi":
        params["SCGI"] = "1"
    return lines + [f"{scheme}_param {name} {value};" for name, value in params.items()]


@contextmanager
def nginx_before(nginx: str, backend: Address, kept: int, folder: Path) -> Iterator[tuple[Service, Address]]:
    """Run nginx in front of a backend for the length of a block: gives it and its address. Raises NotReady.

    `folder` is one of its own, for its configuration and what it writes.
    """
    (folder / "tmp").mkdir(parents=True)
    port = free_port()
    written = folder / "nginx.conf"
    written.write_text(configuration(backend, kept, port), "utf-8")
    argv = [nginx, "-p", str(folder), "-c", str(written), "-e", "stderr"]
    listens_at = f"http://127.0.0.1:{port}"
    with started(argv, READY, dict(os.environ), folder, listens_at=listens_at) as (service, address):
        yield service, address
