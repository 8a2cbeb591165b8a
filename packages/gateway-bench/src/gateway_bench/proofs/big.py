"""One GiB up, and one GiB down in two ways: how much does the server's memory grow?

The content of a request waits in a temporary file, so what is counted is memory that is the process's own; the page
cache belongs to the system, which takes it back when it wants it. Linux keeps the high-water mark of a process's
resident memory, exactly; elsewhere it is sampled.
"""

from __future__ import annotations

import re
import shutil
import socket
import tempfile
import zlib

from gateway_bench import interrupts
from gateway_bench.errors import ProofFailed
from gateway_bench.load.address import Address
from gateway_bench.proofs.ground import Findings, Ground
from gateway_bench.samples.processes import HighWater

__all__ = ["BLOCK", "MIB", "TIME_LIMIT", "prove", "transfer"]

MIB = 1 << 20
BLOCK = bytes(range(256)) * 256
"""64 KiB that are not all the same."""
TIME_LIMIT = 60.0
HEAD_MAX = 65_536

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


def prove(ground: Ground) -> Findings:
    """Return `growth`, the largest of the three, and each of them."""
    found = Findings()
    mib = 16 if ground.quick else 1024
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < 2 * mib * MIB:
        raise ProofFailed(f"{tempfile.gettempdir()} has {free // MIB} MiB free: {2 * mib} are needed")
    growths = {}
    with ground.server(app="proof_app:app") as running:
        for way, size in (("up", mib), ("streamed", mib), ("file", mib)):
            transfer(running.address, way, 1)  # whatever is made once is made now
            ground.doing(f"big: {size} MiB {way}")
            with HighWater(running.tree).watching() as mark:
                transfer(running.address, way, size)
            growths[way] = mark.growth
            found.readings.append({"way": way, "mib": size, "before": mark.before, "peak": mark.before + mark.growth})
    for way, about in (("up", "while it goes up"), ("streamed", "while it is streamed down"),
                       ("file", "while it comes down from wsgi.file_wrapper")):  # fmt: skip
        found.add(f"growth-{way}", growths[way], "bytes", f"growth of memory {about}, {mib} MiB")
    found.add("growth", max(growths.values()), "bytes", f"the largest of them, {mib} MiB")
    return found


def transfer(address: Address, way: str, mib: int) -> None:
    """Send that much ("up"), or receive it ("streamed", "file"), over HTTP. Raises ProofFailed."""
    with address.connect(TIME_LIMIT) as connection:
        if way == "up":
            _send(connection, mib * MIB)
        else:
            path = "give" if way == "streamed" else "file"
            connection.sendall(f"GET /{path}?mib={mib} HTTP/1.1\r\nHost: big\r\nConnection: close\r\n\r\n".encode())
            _receive(connection, mib * MIB)


def _send(connection: socket.socket, size: int) -> None:
    """Send that much, and see that it has come as it was."""
    crc = 0
    connection.sendall(
        f"POST /take HTTP/1.1\r\nHost: big\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n".encode()
    )
    for _ in range(size // len(BLOCK)):
        interrupts.check()
        connection.sendall(BLOCK)
        crc = zlib.crc32(BLOCK, crc)
    answer = b""
    while block := connection.recv(65_536):
        answer += block
    expected = f"{size} {crc:08x}\n".encode()
    if not answer.endswith(b"\r\n\r\n" + expected):
        raise ProofFailed(f"of {size} bytes the server says {answer[-60:]!r}, not {expected!r}")


def _receive(connection: socket.socket, size: int) -> None:
    """Receive that many zeros, and nothing else."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < HEAD_MAX:
        interrupts.check()
        head += connection.recv(4096)
    head, _, content = head.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if not head.startswith(b"HTTP/1.1 200 ") or length is None or int(length[1]) != size:
        raise ProofFailed(f"no answer of {size} bytes: {head[:200]!r}")
    received, zeros = len(content), content.count(0)
    buffer = bytearray(1 << 20)
    while count := connection.recv_into(buffer):
        interrupts.check()
        received += count
        zeros += buffer.count(0, 0, count)
    if not received == zeros == size:
        raise ProofFailed(f"{received} bytes came, {zeros} of them zeros, and not {size}")
