"""Fuzz the HTTP codec by coverage: bytes that reach new code are kept and changed further.

::

    pip install atheris                                        # Linux, CPython; it brings libFuzzer
    python fuzz/http1_atheris.py -max_total_time=60 /tmp/corpus

`reading` says how an input is laid out: here bit 0 of its first byte chooses the smaller of two limits, bit 1 an end of
file, bit 2 that a request may be without Host. A stream must come to nothing but requests that every other reader takes
for the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "packages" / "gateway-core" / "tests")]

with atheris.instrument_imports(include=["gateway_core"]):
    from reading import HEADER, run, thrice

    from gateway_core.http1 import Limits
    from http1_reading import outcome
    from test_http1_fuzz import SMALL, SNIPPETS, is_sane
    from test_http1_requests import BAD, CHUNKS, GOOD, LIMITS

LARGEST = 500
"""Bytes of a seed: small ones are changed faster."""


def check(data: bytes) -> None:
    """Read an input in three ways. Raises AssertionError if it matters which."""
    choice = data[0]
    hostless = bool(choice & 4)
    options = {"limits": SMALL if choice & 1 else Limits(), "eof": bool(choice & 2), "allow_missing_host": hostless}
    for request in thrice(data, lambda pieces: outcome(pieces, **options)).requests:
        is_sane(*request, hostless)


def main() -> None:
    """Run libFuzzer. The corpus begins with the tables of the tests."""
    streams = [row[1] for row in (*GOOD, *BAD)] + [row[0] for row in LIMITS] + [b"".join(SNIPPETS[:20])]
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    streams += [head + row[1] for row in CHUNKS]
    small = [stream for stream in streams if len(stream) < LARGEST]
    run(check, [bytes([number % 8]) + bytes(HEADER - 1) + stream for number, stream in enumerate(small)])


if __name__ == "__main__":
    main()
