"""One GiB each way over every protocol, straight to its server and through our front: how much does memory grow?

::

    our client half --FastCGI, SCGI, uwsgi--> server                         (HTTP alone: `big`)
    HTTP client --> http_front --FastCGI, SCGI, uwsgi, HTTP--> server

What is counted is as in `big`: the high-water mark of the resident memory of every process on the way but the client.
Sizes and checksums are compared at the far end.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import zlib
from collections.abc import Iterator

from gateway_bench import interrupts
from gateway_bench.errors import ProofFailed
from gateway_bench.load.address import Address
from gateway_bench.load.visitor import codec_of
from gateway_bench.proofs.big import BLOCK, MIB, TIME_LIMIT, transfer
from gateway_bench.proofs.ground import Findings, Ground
from gateway_bench.samples.processes import HighWater
from gateway_core.errors import BackendError
from gateway_core.events import Variables
from gateway_core.exchange import Exchange
from gateway_runtime import addresses
from gateway_runtime.channel import Patience

__all__ = ["prove"]

SERVERS = {"fastcgi": "fastcgi_server", "scgi": "scgi_server", "uwsgi": "uwsgi_gateway", "http": "wsgi_server"}
"""By protocol."""
WAYS = ("up", "down")
COPIES = 3
"""Of a content that goes up: what the front has read, what the server has read, and room for what else happens."""


def prove(ground: Ground) -> Findings:
    """Return `growth`, the largest, and that of each protocol and way, direct and through the front."""
    found = Findings()
    mib = 16 if ground.quick else 1024
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < COPIES * mib * MIB:
        raise ProofFailed(f"{tempfile.gettempdir()} has {free // MIB} MiB free: {COPIES * mib} are needed")
    for protocol, server in SERVERS.items():
        with ground.server(app="proof_app:app", module=server) as backend:
            if protocol != "http":
                for way in WAYS:
                    _direct(backend.address, way, 1)  # whatever is made once is made now
                    ground.doing(f"bodies: {mib} MiB {way} over {protocol}")
                    with HighWater(backend.tree).watching() as mark:
                        _direct(backend.address, way, mib)
                    _note(found, protocol, way, "server", mib, mark)
            with ground.server("--to", str(backend.address), app="", module="http_front") as front:
                for way in WAYS:
                    named = {"up": "up", "down": "streamed"}[way]
                    transfer(front.address, named, 1)
                    ground.doing(f"bodies: {mib} MiB {way} through the front and {protocol}")
                    with HighWater(backend.tree).watching() as behind, HighWater(front.tree).watching() as mark:
                        transfer(front.address, named, mib)
                    _note(found, protocol, way, "front", mib, mark)
                    _note(found, protocol, way, "behind", mib, behind)
    found.add("growth", max(figure["value"] for figure in found.figures), "bytes", f"the largest of them, {mib} MiB")
    return found


PLACES = {"server": "the server's", "front": "the front's, before it", "behind": "the server's, behind the front"}


def _note(found: Findings, protocol: str, way: str, where: str, mib: int, mark: HighWater) -> None:
    found.add(
        f"growth-{protocol}-{way}-{where}", mark.growth, "bytes", f"{protocol}, {way}: {PLACES[where]}, {mib} MiB"
    )
    found.readings.append({"protocol": protocol, "way": way, "of": where, "mib": mib, "before": mark.before,
                           "peak": mark.before + mark.growth})  # fmt: skip


def _direct(address: Address, way: str, mib: int) -> None:
    """Send or receive that much by our client half of the protocol. Raises ProofFailed."""
    place = addresses.Address(address.host, address.port)
    channel = addresses.connect(place, Patience(connect=TIME_LIMIT, send=TIME_LIMIT, silence=TIME_LIMIT))
    try:
        exchange = Exchange(codec_of(address.scheme)(keep_alive=False, head=False), channel)
        if way == "up":
            _up(exchange, mib * MIB)
        else:
            _down(exchange, mib)
    except BackendError as error:
        raise ProofFailed(str(error)) from error
    finally:
        channel.close()


def _up(exchange: Exchange, size: int) -> None:
    crc = 0

    def pieces() -> Iterator[bytes]:
        nonlocal crc
        for block in itertools.repeat(BLOCK, size // len(BLOCK)):
            interrupts.check()
            crc = zlib.crc32(block, crc)
            yield block

    exchange.send(_variables("POST", "/take", "", size), pieces())
    exchange.head()
    answer, expected = b"".join(exchange.content()), f"{size} {crc:08x}\n".encode()
    if answer != expected:
        raise ProofFailed(f"of {size} bytes the server says {answer[-60:]!r}, not {expected!r}")


def _down(exchange: Exchange, mib: int) -> None:
    exchange.send(_variables("GET", "/give", f"mib={mib}", 0), iter(()))
    exchange.head()
    received = zeros = 0
    for piece in exchange.content():
        interrupts.check()
        received += len(piece)
        zeros += piece.count(0)
    if not received == zeros == mib * MIB:
        raise ProofFailed(f"{received} bytes came, {zeros} of them zeros, and not {mib * MIB}")


def _variables(method: str, path: str, query: str, length: int) -> Variables:
    return [
        ("CONTENT_LENGTH", str(length)),
        ("REQUEST_METHOD", method),
        ("SCRIPT_NAME", ""),
        ("PATH_INFO", path),
        ("QUERY_STRING", query),
        ("REQUEST_URI", f"{path}?{query}"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_NAME", "bodies"),
        ("SERVER_PORT", "80"),
        ("REMOTE_ADDR", "127.0.0.1"),
    ]
