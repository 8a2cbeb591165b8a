"""The guestbook's file: SQLite, written by many threads of many processes at once.

What makes that safe, each of the four for its own reason:

- WAL mode: readers never wait for the writer, nor the writer for them.
- A busy timeout: two writers take turns, and the second waits instead of failing.
- A connection serves one call at a time and then goes back to a pool, so it is never shared by two
  threads that run at once, and a server that starts a thread a request opens no connection for each.
- A forked child forgets the pool. A connection that crossed a fork must not be used, and closing it
  in the child could drop the parent's locks (sqlite.org, "How To Corrupt An SQLite Database", 2.6).

The file is ``DEMO_APP_DB``, or ``demo-app/guestbook.sqlite3`` in the user's state directory. A CGI
process may have no HOME at all; the password database still knows it.
"""

import atexit
import os
import sqlite3
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Seconds that a writer waits for its turn before the visitor is told to come back.
BUSY_TIMEOUT = 10.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY,
    signed INTEGER NOT NULL,  -- seconds since 1970, UTC
    name TEXT NOT NULL,
    message TEXT NOT NULL
)
"""


class NoStoreError(Exception):
    """The guestbook cannot be read or written now; the text says why, in one sentence."""


@dataclass(frozen=True)
class Entry:
    """One entry of the guestbook; ``signed`` counts seconds since 1970, UTC."""

    signed: int
    name: str
    message: str


_idle: dict[Path, deque[sqlite3.Connection]] = {}
_inherited: list[sqlite3.Connection] = []


def _forget_idle() -> None:
    """In a forked child: keep the parent's connections out of use, and alive so that none is closed."""
    for connections in _idle.values():
        _inherited.extend(connections)
    _idle.clear()


def close_idle() -> None:
    """Close the connections that no call is using now."""
    for connections in list(_idle.values()):
        while connections:
            connections.pop().close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_idle)
atexit.register(close_idle)


def place() -> Path:
    """Return the path of the guestbook's file. Raises `NoStoreError` if nothing says where."""
    told = os.environ.get("DEMO_APP_DB")
    if told:
        return Path(told)
    try:
        state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    except RuntimeError:
        raise NoStoreError("This user has no home directory; set DEMO_APP_DB to a file.") from None
    return Path(state) / "demo-app" / "guestbook.sqlite3"


def _open(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # One thread at a time uses a connection, though not always the same one.
    connection = sqlite3.connect(file, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError:
        # Somebody is switching the file to WAL at this moment, and SQLite does not wait for that.
        # The mode is written in the file, so this connection finds it at its next transaction.
        pass
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(SCHEMA)


@contextmanager
def _connection() -> Iterator[sqlite3.Connection]:
    """Lend a connection for one call. Raises `NoStoreError` for whatever SQLite reports."""
    file = place()
    idle = _idle.setdefault(file, deque())
    try:
        try:
            connection = idle.pop()
        except IndexError:
            connection = _open(file)
        try:
            yield connection
        except sqlite3.Error:
            connection.close()
            raise
        idle.append(connection)
    except (sqlite3.Error, OSError) as error:
        raise NoStoreError(f"The guestbook's file cannot be used: {error}.") from error


def sign(name: str, message: str) -> None:
    """Write one entry. Raises `NoStoreError`."""
    with _connection() as connection:
        connection.execute(
            "INSERT INTO entries (signed, name, message) VALUES (?, ?, ?)", (int(time.time()), name, message)
        )


def count() -> int:
    """Return the number of entries. Raises `NoStoreError`."""
    with _connection() as connection:
        return int(connection.execute("SELECT count(*) FROM entries").fetchone()[0])


def newest(limit: int, offset: int) -> list[Entry]:
    """Return entries, the newest first. Raises `NoStoreError`."""
    with _connection() as connection:
        rows = connection.execute(
            "SELECT signed, name, message FROM entries ORDER BY id DESC LIMIT ? OFFSET ?", (limit, offset)
        )
        return [Entry(*row) for row in rows]
