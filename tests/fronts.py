"""Start real fronts with the configurations that docs/how-to tells a reader to copy, and our servers behind them.

A `Front` is how one program is started: everything else stands on its page. A site is one file of the page; it listens
at a port there, and here at a unix socket, so that no port is ever guessed. (Apache cannot: its ports are reserved
first, by a socket that is bound and does not listen.)
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import howto
import pytest
from programs import full_path, started

from gateway_runtime.addresses import Address, parse
from gateway_runtime.testing import Server

__all__ = [
    "EACH_FRONT", "FRONTS", "GUARDED", "STARTERS", "Front", "Fronts", "Running", "addresses", "museum", "running",
]  # fmt: skip

AS_NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override"
"""How root runs a front that refuses to be root: as nobody, who may still open whatever these tests have made."""


# -- our servers -------------------------------------------------------------------------------------------------------


@contextmanager
def museum(folder: Path, application: str = "demo_app:app", cwd: Path | None = None) -> Iterator[dict[str, Server]]:
    """Start the four servers as docs/how-to/README.md says, each at a unix socket in `folder` and at a port."""
    with contextlib.ExitStack() as exits:
        servers = {}
        for words in howto.commands("README"):
            program, arguments = words[2], [application, *words[4:]]
            arguments = [howto.replace(word, {"/run/museum": str(folder)}) for word in arguments]
            arguments = ["127.0.0.1:0" if word.startswith("127.0.0.1:") else word for word in arguments]
            env = {"DEMO_APP_DB": f"{folder}/guests.sqlite3"}
            servers[program] = exits.enter_context(Server(program, *arguments, cwd=cwd, env=env))
        yield servers


def addresses(servers: Mapping[str, Server]) -> dict[str, str]:
    """Return the addresses of README.md's servers, and where these listen."""
    found = {}
    for words in howto.commands("README"):
        binds = [parse(after) for word, after in itertools.pairwise(words) if word == "--bind"]
        for bind, real in zip(binds, servers[words[2]].addresses, strict=True):
            found[bind.path or str(bind)] = real.path or str(real)
    return found


# -- real fronts -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Front:
    """How to start one. In `command`, {folder} is a fresh one, and {program} its full path."""

    program: str
    command: str
    home: str
    """The folder of its configuration on the page, which is {folder} here."""
    listen: str
    """How its configuration says where to listen, where the page has `written`."""
    written: str = "127.0.0.1:{}"
    """How the page says at which port to listen."""
    ports: bool = False
    """It listens at ports only."""
    root: bool = True
    """It runs for root as for anybody (see AS_NOBODY)."""
    copies: tuple[str, ...] = ()
    """Files of its package that the page's configuration includes."""
    other_page: str = ""
    """The page of docs/how-to, if it is not the front's own."""

    @property
    def page(self) -> str:
        """The page of docs/how-to."""
        return self.other_page or self.home.rpartition("/")[2].removesuffix("2")

    def sites(self) -> list[str]:
        """Return the names of the page's sites."""
        return [Path(path).stem for path, text in self.files().items() if self.ports_in(text)]

    def files(self) -> dict[str, str]:
        """Return those files of the page that are its own: a page may have several fronts."""
        own = (f"{self.home}/", "/srv/museum/")
        return {path: text for path, text in howto.files(self.page).items() if path[0] != "/" or path.startswith(own)}

    def ports_in(self, text: str) -> list[str]:
        """Return the ports at which a file of the page listens: of a site, one."""
        return re.findall(re.escape(self.written.format("PORT")).replace("PORT", "(80[89][0-9])"), text)


FRONTS = {
    "nginx": Front(
        "nginx",
        "{program} -p {folder} -c {folder}/nginx.conf",
        "/etc/nginx",
        "unix:{}",
        copies=("fastcgi_params", "scgi_params", "uwsgi_params"),
    ),
    "apache": Front(
        "apache2",
        "{program} -D FOREGROUND -d {folder} -f {folder}/apache2.conf",
        "/etc/apache2",
        "{}",
        ports=True,
        root=False,
    ),
    "lighttpd": Front("lighttpd", "{program} -D -f {folder}/lighttpd.conf", "/etc/lighttpd", "{}"),
    "haproxy": Front("haproxy", "{program} -db -f {folder}/haproxy.cfg -f {folder}/conf.d", "/etc/haproxy", "unix@{}"),
    "caddy": Front(
        "caddy",
        "{program} run --config {folder}/Caddyfile",
        "/etc/caddy",
        "http:// {{\n    bind unix/{}\n",
        "http://:{} {{\n    bind 127.0.0.1\n",
    ),
}
GUARDED = replace(FRONTS["lighttpd"], other_page="authorizer")
"""A front with a FastCGI Authorizer before its one site."""

STARTERS = {name: replace(FRONTS[name], other_page="cgi-wsgi") for name in ("apache", "lighttpd", "nginx")}
"""Servers that start a program for each request; nginx has fcgiwrap do it."""

EACH_FRONT = [pytest.param(name, marks=pytest.mark.real(front.program)) for name, front in FRONTS.items()]
"""For `pytest.mark.parametrize`."""


@dataclass
class Running:
    """A front that serves. `sites` gives the address of each site by the name of its file."""

    folder: Path
    sites: dict[str, Address] = field(default_factory=dict)

    @property
    def log(self) -> str:
        """All that it has written."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.rglob("*.log")))


@contextmanager
def running(
    front: Front,
    backends: Mapping[str, str],
    *,
    tcp: bool = False,
    folder: Path | None = None,
    page_ports: bool = False,
) -> Iterator[Running]:
    """Run a front with all sites of its page in front of `backends` (see `addresses`).

    `tcp`: it reaches them over TCP. `folder`: made for it, and removed; a fresh one if none is given. `page_ports`: it
    listens where the page says, which is for one at a time.
    """
    folder = folder or Path(tempfile.mkdtemp(prefix=f"gatelab-{front.page}-"))
    folder.mkdir(exist_ok=True)
    with contextlib.ExitStack() as exits:
        exits.callback(shutil.rmtree, folder)
        found = Running(folder)
        _write(front, found, backends, tcp, page_ports, exits)
        words = front.command.format(program=full_path(front.program), folder=folder).split()
        if os.geteuid() == 0 and not front.root:
            words = AS_NOBODY.split() + words
        exits.enter_context(started(words, folder, found.sites.values()))
        yield found


class Fronts(dict[tuple[str, str], Running]):
    """Running fronts by name and transport ("unix", "tcp"), each started when it is first asked for."""

    def __init__(self, backends: Mapping[str, str], exits: contextlib.ExitStack) -> None:
        super().__init__()
        self._backends = backends
        self._exits = exits

    def __missing__(self, key: tuple[str, str]) -> Running:
        self[key] = self._exits.enter_context(running(FRONTS[key[0]], self._backends, tcp=key[1] == "tcp"))
        return self[key]


def _write(
    front: Front, found: Running, backends: Mapping[str, str], tcp: bool, page_ports: bool, exits: contextlib.ExitStack
) -> None:
    """Write the page's files into the folder, with our addresses and folders in place of the page's."""
    folder = found.folder
    values = {**backends, front.home: str(folder), "/srv/museum/venv/bin/python": sys.executable}
    values |= {"/srv/museum": f"{folder}/srv", "/run/museum": f"{folder}/run"}
    # lighttpd writes host and port apart.
    values |= {f'"port" => {a.rpartition(":")[2]}': f'"port" => {b.rpartition(":")[2]}' for a, b in backends.items()}
    for made in ("srv", "run"):
        (folder / made).mkdir()
    for copy in front.copies:
        shutil.copy(Path(front.home) / copy, folder)
    for path, text in front.files().items():
        file = folder / howto.replace(path, {front.home: str(folder), "/srv/museum": f"{folder}/srv"})
        for port in front.ports_in(text):
            address = Address("127.0.0.1", int(port))
            if not page_ports:
                address = _free_port(exits) if front.ports else Address(path=f"{folder}/{port}.front")
                values[front.written.format(port)] = front.listen.format(address.path or address)
            found.sites[file.stem] = address
        if tcp:
            text = howto.replace(text, howto.replacements(front.page))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(howto.replace(text, values))
        if text.startswith("#!"):
            file.chmod(0o755)


def _free_port(exits: contextlib.ExitStack) -> Address:
    """Reserve a port: a socket that is bound and does not listen keeps it from all but those who reuse addresses."""
    sock = exits.enter_context(socket.socket())
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return Address("127.0.0.1", sock.getsockname()[1])
