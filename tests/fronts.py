"""Start real web servers in front of ours. Clients reach them over unix sockets, so no port is ever guessed."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway_runtime.addresses import Address
from gateway_runtime.testing import wait_until

SBIN = "/usr/sbin:/usr/local/sbin"

NGINX = """\
daemon off;
master_process off;  # one process, with the rights of whoever runs the tests
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
events {{}}
http {{
    access_log off;
    client_max_body_size 64m;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    {upstreams}
    {servers}
}}
"""

# What an administrator writes to reach each of our servers, with Debian's stock parameter files.
LOCATIONS = {
    "fastcgi": "include /etc/nginx/fastcgi_params; fastcgi_pass {name};",
    "fastcgi-kept": "include /etc/nginx/fastcgi_params; fastcgi_pass {name}; fastcgi_keep_conn on;",
    "scgi": "include /etc/nginx/scgi_params; scgi_pass {name};",
    "uwsgi": "include /etc/nginx/uwsgi_params; uwsgi_pass {name};",
    "http": "proxy_pass http://{name}; proxy_set_header Host $http_host; proxy_http_version 1.1;"
    ' proxy_set_header Connection "";',
}


@dataclass(frozen=True)
class Reply:
    """A response as a client saw it. `fields` in lower case, in order."""

    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes


class UnixHttp(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("museum.test", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(
    path: str, method: str, target: str, body: bytes | Iterator[bytes] | None = None, headers: Mapping[str, str] = {}
) -> Reply:
    """Send one request to the front that listens at the socket file `path`."""
    connection = UnixHttp(path)
    try:
        connection.request(method, target, body, dict(headers))
        response = connection.getresponse()
        fields = [(name.lower(), value) for name, value in response.getheaders()]
        return Reply(response.status, response.reason, fields, response.read())
    finally:
        connection.close()


@contextmanager
def nginx(folder: Path, backends: Mapping[str, Address]) -> Iterator[dict[str, str]]:
    """Run nginx with one site for each of `backends` (a key of LOCATIONS each); give the sites' socket files."""
    program = shutil.which("nginx") or shutil.which("nginx", path=SBIN)
    assert program is not None
    upstreams, servers, sites = [], [], {}
    for name, address in backends.items():
        sites[name] = f"{folder}/{name}.front"
        keep = "keepalive 4;" if name in ("fastcgi-kept", "http") else ""
        upstreams.append(f"upstream {name} {{ server {address}; {keep} }}")
        location = LOCATIONS[name].format(name=name)
        servers.append(f"server {{ listen unix:{sites[name]}; location / {{ {location} }} }}")
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, upstreams="\n    ".join(upstreams), servers="\n    ".join(servers)))
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: process.poll() is not None or all(map(_listens, sites.values())), "nginx is ready")
        assert process.poll() is None, (folder / "error.log").read_text()
        yield sites
    finally:
        process.terminate()
        process.wait(10)


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
