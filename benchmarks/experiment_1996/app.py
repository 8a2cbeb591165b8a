"""The application with which FastCGI was measured in 1996, built again from its description, three times over.

M. R. Brown, "Understanding FastCGI Application Performance", Open Market, 10 June 1996, section 5: a visitor asks for a
file of 3,000 bytes, and gets it with variables replaced by what the user database knows of him, about 100 bytes. For
each request it

    1. checks his password                 a query
    2. looks up his attributes             another one
    3. reads the file and fills it in      from the disk, each time

What an application *keeps* from one request to the next is the whole difference between the three:

    nothing        opens the database for each request, and closes it
    connection     opens it once
    cache          opens it once, and remembers the attributes of the visitors it has seen last

    GET /content/7?user=1234&password=secret-1234      the page of that visitor; 403 if it is not his password
    GET /hello                                         14 bytes: what a request takes without any of this

The database is SQLite: a file, with no server to connect to and nobody to log in to. So opening it costs less than it
did in 1996, and what is found here of keeping a connection is the least that there is to say for it.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["FILES", "FILE_BYTES", "REMEMBERED", "USERS", "Application", "cache", "connection", "furnish", "nothing"]

USERS = 8_000
FILES = 10
FILE_BYTES = 3_000
REMEMBERED = 1_000
"""Users in the cache: several times as many as come in turn, far fewer than there are."""

SCHEMA = """
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    password TEXT NOT NULL,
    name TEXT NOT NULL,
    town TEXT NOT NULL,
    topic TEXT NOT NULL,
    advert TEXT NOT NULL
)
"""
CHECK = "SELECT password FROM users WHERE id = ?"
LOOK_UP = "SELECT name, town, topic, advert FROM users WHERE id = ?"
NAMES = ("name", "town", "topic", "advert")
TOWNS = ("Cambridge", "Waltham", "Geneva", "Urbana", "Palo Alto", "Southampton", "Darmstadt")
TOPICS = ("sailing", "gardens", "chess", "old radios", "mountains")
ADVERTS = ("A modem of 28.8 kilobits for the price of 14.4!", "Your own home page, five megabytes, this week only.")

PAGE = """<html><head><title>Page {number} for ${{name}}</title></head><body>
<h1>Good day, ${{name}}</h1>
<p>This is page {number} as you have asked for it, with news of ${{topic}} from ${{town}} and around.</p>
<blockquote>${{advert}}</blockquote>
{news}<p>You are ${{name}} of ${{town}}, are you not? <a href="/hello">No.</a></p>
</body></html>
"""
NEWS = "<p>Nothing has happened that would interest anybody who has ever been interested in ${topic}.</p>\n"

_VARIABLE = re.compile(r"\$\{([a-z]+)\}")
_PATH = re.compile(r"/content/([0-9]{1,2})")
_QUERY = re.compile(r"user=([0-9]{1,6})&password=([a-z0-9-]{1,40})")

Record = tuple[str, dict[str, str]]
"""A user's password, and his attributes."""
Keep = Callable[["Store"], Any]


class Store:
    """The database and the files, in a folder. It counts how often it is opened, asked, and read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.opened = self.asked = self.read = 0

    def open(self) -> sqlite3.Connection:
        """Open the database, for any thread to use: a gateway gives one request after another to whom it likes."""
        self.opened += 1
        address = f"file:{self.folder / 'users.sqlite3'}?mode=ro"
        return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)

    def password(self, database: sqlite3.Connection, user: int) -> str | None:
        """Return the password of a user, None if there is no such user."""
        self.asked += 1
        found = database.execute(CHECK, (user,)).fetchone()
        return str(found[0]) if found else None

    def attributes(self, database: sqlite3.Connection, user: int) -> dict[str, str]:
        """Return the attributes of a user that there is."""
        self.asked += 1
        return dict(zip(NAMES, database.execute(LOOK_UP, (user,)).fetchone(), strict=True))

    def text(self, number: int) -> str:
        """Return a file as it is on the disk."""
        self.read += 1
        return (self.folder / f"{number}.html").read_text("ascii")


class Application:
    """A WSGI application that keeps a connection, and so many users' records (0: none), or neither."""

    def __init__(self, store: Store, keeps_connection: bool, remembers: int = 0) -> None:
        self.store = store
        self.hits = 0
        self._keeps = keeps_connection
        self._remembers = remembers
        self._open: sqlite3.Connection | None = None
        self._inherited: sqlite3.Connection | None = None
        self._users: OrderedDict[int, Record] = OrderedDict()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forget)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] == "/hello":
            return _answer(start_response, "200 OK", "text/plain", b"Hello, world!\n")
        path, query = _PATH.fullmatch(environ["PATH_INFO"]), _QUERY.fullmatch(environ.get("QUERY_STRING", ""))
        if not path or not query or int(path[1]) >= FILES:
            return _answer(start_response, "404 Not Found", "text/plain", b"There is no such page.\n")
        password, attributes = self._record(int(query[1]))
        if not password or query[2] != password:
            return _answer(start_response, "403 Forbidden", "text/plain", b"That is not your password.\n")
        page = _VARIABLE.sub(lambda found: attributes[found[1]], self.store.text(int(path[1])))
        return _answer(start_response, "200 OK", "text/html", page.encode("ascii"))

    def forget(self) -> None:
        """Keep nothing: a forked child must not use what its parent has opened, nor close it (sqlite.org says why)."""
        self._inherited, self._open = self._open, None
        self._users.clear()

    def close(self) -> None:
        """Close the database, if it is kept open."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _record(self, user: int) -> Record:
        """Return the record of a user, from the cache if it is there; no password means no such user."""
        known = self._users.get(user)
        if known:
            self.hits += 1
            self._users.move_to_end(user)
            return known
        with self._database() as database:
            password = self.store.password(database, user)
            record = (password, self.store.attributes(database, user)) if password else ("", {})
        if password and self._remembers:
            self._users[user] = record
            if len(self._users) > self._remembers:
                self._users.popitem(last=False)
        return record

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        database = self._open or self.store.open()
        if self._keeps:
            self._open = database
        try:
            yield database
        finally:
            if not self._keeps:
                database.close()


def furnish(folder: Path) -> Store:
    """Make the database and the files in `folder`, unless somebody has, and return them.

    Several processes may do so at once: each makes its own beside it, and the first to be ready gives it its name.
    """
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
        _fill(beside)
        try:
            beside.rename(folder)
        except OSError:  # another one was first
            shutil.rmtree(beside)
    return Store(folder)


def _fill(folder: Path) -> None:
    database = sqlite3.connect(folder / "users.sqlite3")
    with database:
        database.execute(SCHEMA)
        database.executemany("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)", map(_user, range(USERS)))
    database.close()
    for number in range(FILES):
        (folder / f"{number}.html").write_text(_file(number), "ascii")


def _user(number: int) -> tuple[int, str, str, str, str, str]:
    town, topic, advert = (words[number % len(words)] for words in (TOWNS, TOPICS, ADVERTS))
    return number, f"secret-{number}", f"Visitor {number}", town, topic, advert


def _file(number: int) -> str:
    """Return a file of just the right size: as much news as fits, and a comment."""
    bare = PAGE.format(number=number, news="")
    news = NEWS * ((FILE_BYTES - len(bare) - len("<!---->\n")) // len(NEWS))
    dots = FILE_BYTES - len(bare) - len(news) - len("<!---->\n")
    return PAGE.format(number=number, news=f"{news}<!--{'.' * dots}-->\n")


def _answer(start_response: Callable[..., Any], status: str, kind: str, content: bytes) -> list[bytes]:
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(content)))])
    return [content]


def _place() -> Path:
    """Return where the bench has a folder for this server, or one for whoever tries it by hand."""
    told = os.environ.get("DEMO_APP_DB")
    return Path(told).with_name("experiment-1996") if told else Path(tempfile.gettempdir(), "gatelab-experiment-1996")


_STORE = furnish(_place())
nothing = Application(_STORE, keeps_connection=False)
connection = Application(_STORE, keeps_connection=True)
cache = Application(_STORE, keeps_connection=True, remembers=REMEMBERED)
