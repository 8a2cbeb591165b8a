"""Visitors who ask, all at the same time, and wait for what comes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from gateway_bench import interrupts
from gateway_bench.load.address import Address

__all__ = ["asking"]


@contextmanager
def asking(address: Address, path: str, number: int, limit: float) -> Iterator[list[socket.socket]]:
    """Ask for `path` that many times; close all at the end. `limit`: seconds for anything that a visitor waits for."""
    asked: list[socket.socket] = []
    try:
        for _ in range(number):
            interrupts.check()
            asked.append(address.connect(limit))
            asked[-1].sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
        yield asked
    finally:
        for visitor in asked:
            visitor.close()
