r"""Gateways and peers are rows of data: which command, how it says that it is ready, what it speaks.

A row of `gateways.toml` or `peers.toml`:

    [[gateway]]
    name = "fastcgi"                    what --only and the record call it
    label = "FastCGI"                   what charts and tables call it
    command = ["{python}", "-m", "fastcgi_server", "demo_app:app", "--bind", "127.0.0.1:0"]
    ready = 'ready (\S+)'              a line of output; the group is the address, scheme://...
    address = "http://127.0.0.1:{port}" where it listens, if its line does not say
    keep_alive = true                   whether a visitor (nginx, if it stands before) may keep the connection
    workers = 2
    threads = 1
    package = "fastcgi-server"          the distribution that it needs
    programs = ["nginx", "fcgiwrap"]    programs that it needs
    has = "http.server:CGIHTTPRequestHandler"   what a module of its interpreter must have
    install = "apt install nginx-light" the command that installs these
    environment = "own"                 which interpreter runs it: "own", or that of the "peers" or of "compiled"
    events = true                       whether it tells of the processes that it starts
    scenarios = ["hello"]               those in which it takes part, if not in all of the run
    reaps = false                       nobody waits for its ended processes, so their time is in no account
    loop = true                         no server: a program that repeats something by itself (`gateway_bench.run.loop`)

In a command `{python}` is the interpreter, `{events}` the socket of the events, `{workers}` and `{threads}` the
numbers of the row, `{here}` the folder of the TOML file, `{socket}` the path for a unix socket, `{work}` a folder with
the CGI programs of the bench (`gateway_bench.servers.cgi_programs`), and `{port}` a port that was free a moment ago,
for servers that cannot take a free one themselves and say which.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gateway_bench.errors import BenchError

__all__ = ["Gateway", "load_gateways"]

KEYS: dict[str, type] = {
    "name": str, "label": str, "command": list, "ready": str, "keep_alive": bool, "workers": int, "threads": int,
    "package": str, "environment": str, "events": bool, "about": str, "address": str, "scenarios": list,
    "programs": list, "has": str, "install": str, "reaps": bool, "loop": bool,
}  # fmt: skip
REQUIRED = ("name", "label", "command", "ready")
ENVIRONMENTS = ("own", "peers", "compiled")


@dataclass(frozen=True, slots=True)
class Gateway:
    """One row. `package` is the distribution that it needs in its `environment`; no `scenarios` means all."""

    name: str
    label: str
    command: tuple[str, ...]
    ready: re.Pattern[str]
    keep_alive: bool = True
    workers: int = 1
    threads: int = 1
    package: str = ""
    environment: str = "own"
    events: bool = False
    about: str = ""
    address: str = ""
    scenarios: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    has: str = ""
    install: str = ""
    reaps: bool = True
    loop: bool = False
    here: Path = Path()

    @property
    def starts_programs(self) -> bool:
        """Whether its command asks for the folder with CGI programs."""
        return any("{work}" in word for word in self.command)

    def argv(
        self, python: str, events: Path, port: str = "0", socket: Path = Path("SOCKET"), work: Path = Path("WORK")
    ) -> list[str]:
        """Return the command with its places filled in."""
        places = {
            "python": python,
            "events": str(events),
            "workers": str(self.workers),
            "threads": str(self.threads),
            "here": str(self.here),
            "port": port,
            "socket": str(socket),
            "work": str(work),
        }
        return [word.format(**places) for word in self.command]

    def listens_at(self, port: str, socket: Path = Path("SOCKET")) -> str:
        """Return the address that the ready line does not say, or ""."""
        return self.address.format(port=port, socket=socket)

    def takes_part(self, scenario: str) -> bool:
        """Tell whether this row is one of a scenario."""
        return not self.scenarios or scenario in self.scenarios

    def shown(self) -> list[str]:
        """Return the command as the record shows it: without the paths of one machine."""
        python = "python" if self.environment == "own" else f"{self.environment}-python"
        return replace(self, here=Path("benchmarks")).argv(python, Path("EVENTS"), "PORT")


def load_gateways(path: Path, only: list[str] | None = None) -> list[Gateway]:
    """Return the rows of a TOML file, in its order, or those named by `only`. Raises BenchError."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BenchError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise BenchError(f"{path} is not TOML: {error}") from error
    rows = [_gateway(row, path) for row in table.get("gateway", [])]
    known = [row.name for row in rows]
    for name in only or []:
        if name not in known:
            raise BenchError(f"there is no gateway {name!r} in {path.name}; it has {', '.join(known)}")
    return [row for row in rows if not only or row.name in only]


def _gateway(row: dict[str, Any], path: Path) -> Gateway:
    shown = f"the row {row.get('name', '?')!r} of {path.name}"
    for key in REQUIRED:
        if key not in row:
            raise BenchError(f"{shown} needs {key!r}")
    for key, value in row.items():
        kind = KEYS.get(key)
        if kind is None:
            raise BenchError(f"{shown} has the unknown key {key!r}")
        if type(value) is not kind:
            raise BenchError(f"{shown} needs {key!r} to be of type {kind.__name__}")
    if row.get("environment", "own") not in ENVIRONMENTS:
        raise BenchError(f"{shown} has 'environment', which is not one of {', '.join(ENVIRONMENTS)}")
    fields = {**row, "here": path.parent}
    for key in ("command", "scenarios", "programs"):
        fields[key] = tuple(map(str, row.get(key, ())))
    try:
        fields["ready"] = re.compile(row["ready"])
    except re.error as error:
        raise BenchError(f"{shown} has a 'ready' that is not a regular expression: {error}") from error
    gateway = Gateway(**fields)
    try:
        gateway.shown()
        gateway.listens_at("0")
    except (KeyError, IndexError, ValueError) as error:
        raise BenchError(f"{shown} has a place in its 'command' or 'address' that nobody fills: {error}") from error
    return gateway
