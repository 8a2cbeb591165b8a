"""A load generator that does not notice when a server closes: what wrk was in 2015, made again for the autopsy.

    python benchmarks/deaf_client.py 127.0.0.1 9090 --connections 100 --seconds 2

It keeps its connections and sends the next request as soon as an answer is whole. A connection that is *reset* is made
anew, and counted; one that the server closes in an orderly way (`recv` returns b"") is left as it is, and waits for
ever for an answer to a request that nobody reads. So a server that closes after each answer, without a field that says
so, is good for one answer a connection, and for one more after each reset:

    answers = connections + resets             whatever the server can do, and however long it is asked

wrk read the end of a connection over and over and took it for no answer yet (github.com/wg/wrk, pull requests 167 of
October and 179 of November 2015); 4.1.0 treats it as an error and connects again. Taken out of 4.1.0, that one line
gives the same sum, with uWSGI 2.0.12, which is of 2015, and with 2.0.30 alike.
"""

from __future__ import annotations

import argparse
import re
import selectors
import socket
import time
from dataclasses import dataclass

__all__ = ["Count", "ask"]

RECEIVE = 65_536
LOOK = 0.05
"""Seconds between two looks at the clock."""

_LENGTH = re.compile(rb"\r\ncontent-length: ([0-9]{1,9})\r\n", re.IGNORECASE)


@dataclass
class Count:
    """What came of it: whole answers, connections reset by the server, and those that it closed unnoticed."""

    answers: int = 0
    resets: int = 0
    deaf: int = 0


class Connection:
    """One connection, and what has come of the answer under way."""

    def __init__(self, address: tuple[str, int], request: bytes) -> None:
        self.sock = socket.create_connection(address, 5.0)
        self.pending = b""
        self.sock.send(request)

    def whole(self, data: bytes) -> bool:
        """Take bytes of an answer; tell whether it is whole."""
        self.pending += data
        head, end, content = self.pending.partition(b"\r\n\r\n")
        found = _LENGTH.search(head + b"\r\n")
        if not end or not found or len(content) < int(found[1]):
            return False
        self.pending = b""
        return True


def ask(address: tuple[str, int], connections: int, seconds: float, path: str = "/") -> Count:
    """Ask over so many connections for so long, or until every one of them waits for nothing."""
    request = f"GET {path} HTTP/1.1\r\nHost: {address[0]}\r\n\r\n".encode("ascii")
    count, deadline = Count(), time.monotonic() + seconds
    opened: list[Connection] = []
    with selectors.DefaultSelector() as selector:

        def connect() -> None:
            opened.append(Connection(address, request))
            selector.register(opened[-1].sock, selectors.EVENT_READ, opened[-1])

        for _ in range(connections):
            connect()
        while count.deaf < connections and time.monotonic() < deadline:
            for key, _ in selector.select(LOOK):
                connection: Connection = key.data
                try:
                    data = connection.sock.recv(RECEIVE)
                    if data and connection.whole(data):
                        count.answers += 1
                        connection.sock.send(request)
                except OSError:
                    count.resets += 1
                    selector.unregister(connection.sock)
                    opened.remove(connection)
                    connection.sock.close()
                    connect()
                    continue
                if not data:  # here wrk reads again, and again; to look away comes to the same
                    count.deaf += 1
                    selector.unregister(connection.sock)
    for connection in opened:
        connection.sock.close()
    return count


def main() -> None:
    """Ask a server and print what came back."""
    parser = argparse.ArgumentParser(description="Ask over kept connections, and do not notice when they are closed.")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--path", default="/")
    chosen = parser.parse_args()
    count = ask((chosen.host, chosen.port), chosen.connections, chosen.seconds, chosen.path)
    rate = count.answers / chosen.seconds
    print(
        f"{count.answers} answers in {chosen.seconds:g} s, {rate:.2f} a second, over {chosen.connections} connections"
    )
    print(f"{count.resets} connections were reset and made anew, {count.deaf} were closed and nobody noticed")


if __name__ == "__main__":
    main()
