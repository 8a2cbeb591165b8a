"""The kernel's messages about ended threads, byte by byte; and what it refuses."""

from __future__ import annotations

import re
import socket
import struct

import psutil
import pytest

from gateway_bench.samples import ended
from gateway_bench.samples.ended import Exit, parse_exit, subscribe


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def stats(version: int = 13, flags: int = 0, process: int = 7) -> bytes:
    struct_taskstats = bytearray(400)
    for offset, form, value in (
        (0, "=H", version), (8, "=B", flags), (80, "=32s", b"sh"), (168, "=Q", 11), (176, "=Q", 1), (272, "=Q", 5),
        (280, "=Q", 3), (368, "=I", process),
    ):  # fmt: skip
        struct.pack_into(form, struct_taskstats, offset, value)
    return bytes(struct_taskstats)


def message(*aggregates: tuple[int, bytes]) -> bytes:
    attributes = b"".join(
        attribute(kind, attribute(kind - 3, struct.pack("=I", 7)) + attribute(3, told)) for kind, told in aggregates
    )
    return bytes(16) + bytes(4) + attributes


THREAD, PROCESS, LAST = 4, 5, 0x20
ENDED = Exit(7, False, 11, 1, 5, 3)


@pytest.mark.parametrize(
    ("datagram", "expected"),
    [
        (message((THREAD, stats())), ENDED),
        (message((THREAD, stats(flags=LAST))), ENDED._replace(last=True)),
        (message((THREAD, stats(flags=LAST)), (PROCESS, stats(process=0))), ENDED._replace(last=True)),
        (message((THREAD, stats(version=16) + bytes(160))), ENDED),  # a newer kernel has more
        (message((THREAD, stats(version=11))), None),  # an older one does not say whose thread it was
        (message((THREAD, stats()[:360])), None),
        (message((PROCESS, stats())), None),
        (message(), None),
        (b"", None),
        (bytes(20) + b"\xff\xff\x04\x00", None),  # longer than what there is
        (bytes(20) + b"\x00\x00\x04\x00" * 3, None),  # shorter than its own head
    ],
)  # fmt: skip
def test_a_message_is_read(datagram: bytes, expected: Exit | None) -> None:
    assert parse_exit(datagram) == expected


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="only Linux has netlink")
@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("NETLINK_GENERIC", 31, "tells nobody"),
        ("CTRL_CMD_GETFAMILY", 99, "does not tell us"),
        ("SINCE_VERSION", 99, "tells too little|not permitted"),
    ],
)
def test_a_kernel_that_refuses(name: str, value: int, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    descriptors = psutil.Process().num_fds()
    monkeypatch.setattr(ended, name, value)
    found = subscribe()
    assert isinstance(found, str)
    assert re.search(reason, found)
    assert psutil.Process().num_fds() == descriptors
