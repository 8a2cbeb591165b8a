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
    warmup = 15.0                       seconds of warm-up at least, for servers that get faster for so long
    connections = 16                    how many visitors it has, if not as many as the run
    front = "nginx"                     what stands before it: a name of `gateway_bench.servers.fronts`
    like = "fastcgi"                    as the row of that name above, but for what is said here
    again = "fastcgi"                   just as that row, under another name, for the band of chance
    beside = "gatelab-asgi"             the row of ours that it is compared with, if not the first
    on_request = true                   it takes part only when it is named (--only)
    vary = {workers = [1, 2, 4]}        a row for each of these (or threads, or connections): NAME-workers-1 and so on
    reaps = false                       nobody waits for its ended processes, so their time is in no account
    slow = true                         a request takes a good part of a second, whatever is asked
    unannounced = true                  an answer ends where the connection does, and no field says so
    loop = true                         no server: a program that repeats something by itself (`gateway_bench.run.loop`)

In a command `{python}` is the interpreter, `{host}` the address to listen at, `{neighbours}` the network of that
address, from which a server that believes whoever connects may be asked, `{events}` the socket of the events,
`{status}` that of the scoreboard, `{workers}` and `{threads}` the numbers of the row, `{here}` the folder of the TOML
file, `{socket}` the path for a unix socket, `{work}` a folder with the CGI programs of the bench
(`gateway_bench.servers.cgi_programs`), and `{port}` a port that was free a moment ago, for servers that cannot take a
free one themselves and say which.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway_bench.errors import BenchError

__all__ = ["LOOPBACK", "Gateway", "Places", "load_gateways"]

KEYS: dict[str, type] = {
    "name": str, "label": str, "command": list, "ready": str, "keep_alive": bool, "workers": int, "threads": int,
    "package": str, "environment": str, "events": bool, "about": str, "address": str, "scenarios": list,
    "programs": list, "has": str, "install": str, "reaps": bool, "loop": bool, "connections": int, "front": str,
    "again": str, "vary": dict, "unannounced": bool, "warmup": float, "slow": bool,
    "beside": str, "on_request": bool,
}  # fmt: skip
REQUIRED = ("name", "label", "command", "ready")
OF_ANOTHER = ("name", "label", "about", "again")
"""What may be said of a row that is another one again."""
VARIABLE = ("workers", "threads", "connections")
LOOPBACK = "127.0.0.1"
ENVIRONMENTS = ("own", "peers", "compiled")


@dataclass(frozen=True, slots=True)
class Places:
    """What a command may ask for, as one server has it."""

    host: str = LOOPBACK
    neighbours: str = f"{LOOPBACK}/32"
    port: str = "PORT"
    socket: Path = Path("SOCKET")
    events: Path = Path("EVENTS")
    status: Path = Path("STATUS")
    work: Path = Path("WORK")


@dataclass(frozen=True, slots=True)
class Gateway:
    """One row. `package` is the distribution that it needs in its `environment`; no `scenarios` means all.

    Of several rows that differ in a number, `base` is the name that they share, and `varied` that number by its name.
    `target` is the address of a server that somebody else runs; such a row has no command.
    """

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
    unannounced: bool = False
    slow: bool = False
    connections: int | None = None
    warmup: float = 0.0
    front: str = ""
    again: str = ""
    beside: str = ""
    on_request: bool = False
    base: str = ""
    varied: dict[str, int] = field(default_factory=dict)
    target: str = ""
    here: Path = Path()

    @classmethod
    def elsewhere(cls, name: str, address: str) -> Gateway:
        """Return the row of a server that somebody else runs: it is asked, and not started."""
        return cls(name, name, (), re.compile(""), about=f"at {address}", target=address)

    @property
    def starts_programs(self) -> bool:
        """Whether its command asks for the folder with CGI programs."""
        return any("{work}" in word for word in self.command)

    @property
    def tells_status(self) -> bool:
        """Whether its command asks for the socket of the scoreboard."""
        return any("{status}" in word for word in self.command)

    def argv(self, python: str, places: Places | None = None) -> list[str]:
        """Return the command with its places filled in."""
        filled = {
            "python": python,
            "workers": str(self.workers),
            "threads": str(self.threads),
            "here": str(self.here),
            **{name: str(value) for name, value in asdict(places or Places()).items()},
        }
        return [word.format(**filled) for word in self.command]

    def listens_at(self, places: Places | None = None) -> str:
        """Return the address that the ready line does not say, or ""."""
        places = places or Places()
        return self.address.format(host=places.host, port=places.port, socket=places.socket)

    def takes_part(self, scenario: str) -> bool:
        """Tell whether this row is one of a scenario."""
        return not self.scenarios or scenario in self.scenarios

    def shown(self) -> list[str]:
        """Return the command as the record shows it: without the paths of one machine."""
        python = "python" if self.environment == "own" else f"{self.environment}-python"
        return replace(self, here=Path("benchmarks")).argv(python)


def load_gateways(path: Path, only: list[str] | None = None) -> list[Gateway]:
    """Return the rows of a TOML file, in its order, or those named by `only`. Raises BenchError.

    Rows that take part on request are among the latter only.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BenchError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise BenchError(f"{path} is not TOML: {error}") from error
    rows: list[Gateway] = []
    written: dict[str, dict[str, Any]] = {}
    for row in table.get("gateway", []):
        whole = _filled(row, written, path)
        rows += _varied(_gateway(whole, path), whole, path)
        written[whole["name"]] = whole
    known = list(dict.fromkeys(name for row in rows for name in (row.name, row.base) if name))
    for name in only or []:
        if name not in known:
            raise BenchError(f"there is no gateway {name!r} in {path.name}; it has {', '.join(known)}")
    if not only:
        return [row for row in rows if not row.on_request]
    return [row for row in rows if {row.name, row.base, row.again} & {*only}]


def _filled(row: dict[str, Any], written: dict[str, dict[str, Any]], path: Path) -> dict[str, Any]:
    """Return a row with what it takes from an earlier one that it is like, or is again."""
    shown = f"the row {row.get('name', '?')!r} of {path.name}"
    model = row.get("again", row.get("like"))
    if model is None:
        return row
    if model not in written:
        raise BenchError(f"{shown} is to be like {model!r}, and there is no row of that name above it")
    if "again" in row and not {*row} <= {*OF_ANOTHER}:
        strange = next(key for key in row if key not in OF_ANOTHER)
        raise BenchError(f"{shown} is {model!r} again: it may have {', '.join(OF_ANOTHER)}, and not {strange!r}")
    rest = {key: value for key, value in row.items() if key != "like"}
    return {key: value for key, value in written[model].items() if key != "again"} | rest


def _varied(gateway: Gateway, row: dict[str, Any], path: Path) -> list[Gateway]:
    """Return a row for each number that it is to have, or the row itself."""
    if "vary" not in row:
        return [gateway]
    vary: dict[str, Any] = row["vary"]
    if len(vary) != 1 or not {*vary} <= {*VARIABLE}:
        raise BenchError(f"the row {gateway.name!r} of {path.name} can vary one of {', '.join(VARIABLE)}")
    ((key, values),) = vary.items()
    if not isinstance(values, list) or not values or not all(type(value) is int and value > 0 for value in values):
        raise BenchError(f"the row {gateway.name!r} of {path.name} needs {key!r} to vary over whole numbers above 0")
    return [
        replace(
            gateway,
            name=f"{gateway.name}-{key}-{value}",
            label=f"{gateway.label}, {value} {key if value > 1 else key.removesuffix('s')}",
            base=gateway.name,
            varied={key: value},
            **{key: value},
        )
        for value in values
    ]


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
    fields = {key: value for key, value in row.items() if key != "vary"} | {"here": path.parent}
    for key in ("command", "scenarios", "programs"):
        fields[key] = tuple(map(str, row.get(key, ())))
    try:
        fields["ready"] = re.compile(row["ready"])
    except re.error as error:
        raise BenchError(f"{shown} has a 'ready' that is not a regular expression: {error}") from error
    gateway = Gateway(**fields)
    try:
        gateway.shown()
        gateway.listens_at()
    except (KeyError, IndexError, ValueError) as error:
        raise BenchError(f"{shown} has a place in its 'command' or 'address' that nobody fills: {error}") from error
    return gateway
