"""The contest: one application, three ways to keep something, three who carry its requests.

::

                    new                 fastcgi                        server
    who carries     the CGI runner      our front and FastCGI          a server that has the application inside
    process         one a request       one that stays                 one that stays, and is the server's own
    wire            the environment     FastCGI, over a kept one       none: a call

Nine rows, and one of them twice ("again"): what lies between it and its twin is chance. A *round* measures each row
once, in a new random order, for one visitor who asks again as soon as he is answered.

The cost of a request is the processor time of all processes that serve it, the front's too: whoever else is busy on
this machine adds little to it. Linux alone tells the time of ended processes, without which a CGI program would cost
nothing; elsewhere the cost is the time that the visitor waits. Of processes that stay Linux tells it to the nanosecond
(/proc/PID/task/*/schedstat), of ended ones in hundredths of a second, which is fine enough for what they take.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from gateway_bench.samples.processes import Tree
from gateway_bench.samples.procfs import LINUX
from gateway_lab.errors import LabError
from gateway_lab.servers import Server, serve
from lesson_kit.visitors import Visitors

__all__ = ["AGAIN", "MEASURE", "ROWS", "SIX", "Contest"]

PROGRAMS = Path(__file__).with_name("programs")
APP = "personal:app"
USERS = 1_000
PAGE_BYTES = 3_000
"""As in the measurement of 1996."""
REQUESTS_A_SECOND = 20
"""Of a stretch, at least, whatever time they take: CGI would not come to enough of them otherwise."""
LEAST = 4
WARM_SECONDS = 0.05
CARRIERS = ("new", "fastcgi", "server")
KEEPINGS = ("nothing", "connection", "cache")
ROWS: Final = tuple(f"{carrier}/{keeping}" for carrier in CARRIERS for keeping in KEEPINGS)
SIX: Final = ROWS[:6]
"""Those that the learner ranks."""
AGAIN: Final = "fastcgi/cache again"
MEASURE: Final = "processor time" if LINUX else "time that a visitor waits"


class Contest:
    """The servers, with a database of their own, for the length of a block."""

    def __init__(self, login: int = 0, dice: random.Random | None = None) -> None:
        self._login = login
        self._dice = dice or random.Random()  # noqa: S311  # an order, no secret
        self._stack = ExitStack()
        self._urls: dict[str, str] = {}
        self._trees: dict[str, list[Tree]] = {}

    def __enter__(self) -> Self:
        """Start everybody, and let everybody answer once, unmeasured."""
        try:
            self._start()
            self._visitors = self._stack.enter_context(Visitors())
            for row in ROWS:
                if not row.startswith("new"):  # a process that ends cannot be warmed up
                    self._cost(row, WARM_SECONDS, LEAST)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everybody."""
        self._stack.close()

    def round(self, seconds: float) -> dict[str, float]:
        """Return milliseconds for a request of each row, each measured for so many seconds. Raises LabError."""
        order, least = [*ROWS, AGAIN], max(LEAST, round(REQUESTS_A_SECOND * seconds))
        self._dice.shuffle(order)
        return {row: self._cost(row.removesuffix(" again"), seconds, least) for row in order}

    def _start(self) -> None:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lesson-")))
        furnish(folder)
        variables = {"PERSONAL_FOLDER": str(folder), "PERSONAL_LOGIN": str(self._login)}
        passed = [word for name in variables for word in ("--env", name)]
        new = self._serve("cgi", variables, *passed)
        fastcgi = self._serve("fastcgi", variables)
        front = Server([sys.executable, "-m", "http_front", "--to", fastcgi.url, "--bind", "127.0.0.1:0"])
        self._stack.enter_context(front)
        server = self._serve("wsgi", variables)
        self._urls = {"new": new.url, "fastcgi": front.url, "server": server.url}
        serving = {"new": [new], "fastcgi": [front, fastcgi], "server": [server]}
        self._trees = {name: [Tree(one.pid) for one in servers] for name, servers in serving.items()}

    def _serve(self, kind: str, variables: dict[str, str], *options: str) -> Server:
        return self._stack.enter_context(serve(kind, APP, options=options, environment=variables, folder=PROGRAMS))

    def _cost(self, row: str, seconds: float, least: int) -> float:
        carrier, _, keeping = row.partition("/")
        used: list[float] = []

        def read() -> None:
            used.append(sum(seconds_of(tree, staying=carrier != "new") for tree in self._trees[carrier]))

        target = f"/{keeping}?user={{n}}"
        told = self._visitors.ask(self._urls[carrier], target, seconds=seconds, least=least, before=read)
        read()
        taken = used[1] - used[0] if LINUX else told["seconds"]
        if taken < 0:
            raise LabError("A server has ended meanwhile: run the cell again.")
        return round(1e3 * taken / told["requests"], 5)


def seconds_of(tree: Tree, *, staying: bool) -> float:
    """Return the processor time of a tree so far: that of its threads, if all of them stay, else of ended ones too."""
    if LINUX and staying:
        try:
            return sum(_ran(pid) for pid in tree.pids())
        except (OSError, IndexError, ValueError):  # a kernel without these accounts
            pass
    return tree.cpu_seconds()


def _ran(pid: int) -> float:
    return (
        sum(int(thread.read_text("ascii").split()[0]) for thread in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
    )


def furnish(folder: Path) -> None:
    """Make the database and the page."""
    database = sqlite3.connect(folder / "users.sqlite3")
    with database:
        database.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, password TEXT, name TEXT, town TEXT)")
        rows = [(number, f"secret-{number}", f"Visitor {number}", "Cambridge") for number in range(USERS)]
        database.executemany("INSERT INTO users VALUES (?, ?, ?, ?)", rows)
    database.close()
    page = "<title>For NAME</title><p>Good day, NAME of TOWN. This is what is new in TOWN:</p>"
    (folder / "page.html").write_text(page.ljust(PAGE_BYTES, "."), "ascii")
