"""Fuzz the HTTP codec by coverage: bytes that reach new code are kept and changed further.

::

    pip install atheris                                        # Linux, CPython; it brings libFuzzer
    python fuzz/http1_atheris.py -max_total_time=60 /tmp/corpus

An input is two bytes that choose limits, end of file and how the rest is cut, and then a stream of requests. Whole,
byte by byte and at those cuts it must come to the same, and to nothing but requests that every other reader takes for
the same. The corpus begins with the tables of the tests. All options are libFuzzer's; on a failure it writes the input
to a file, which it runs again when given as an argument.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import atheris

TESTS = Path(__file__).resolve().parent.parent / "packages" / "gateway-core" / "tests"
sys.path.insert(0, str(TESTS))

with atheris.instrument_imports(include=["gateway_core"]):
    from gateway_core.http1 import Limits
    from http1_reading import cut, outcome
    from test_http1_fuzz import SMALL, SNIPPETS, is_sane
    from test_http1_requests import BAD, CHUNKS, GOOD, LIMITS

HEADER = 2
"""Bytes of an input that are not fed."""


def check(data: bytes) -> None:
    """Read an input in three ways. Raises AssertionError if it matters which."""
    if len(data) < HEADER:
        return
    choice, stream = data[0], data[HEADER:]
    hostless = bool(choice & 4)
    options = {"limits": SMALL if choice & 1 else Limits(), "eof": bool(choice & 2), "allow_missing_host": hostless}
    source = random.Random(data[1])  # noqa: S311 - it must be the same the next time
    whole = outcome([stream] if stream else [], **options)
    for cuts in (range(len(stream)), source.sample(range(len(stream) + 1), min(len(stream), 4))):
        assert outcome(filter(None, cut(stream, cuts)), **options) == whole
    for request in whole.requests:
        is_sane(*request, hostless)


def make_corpus(folder: Path) -> None:
    """Write one file for each row of the tests' tables."""
    folder.mkdir(parents=True, exist_ok=True)
    streams = [row[1] for row in (*GOOD, *BAD)] + [row[0] for row in LIMITS] + [b"".join(SNIPPETS[:20])]
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    streams += [head + row[1] for row in CHUNKS]
    for number, stream in enumerate(streams):
        if len(stream) < 500:
            (folder / f"seed-{number:03}").write_bytes(bytes([number % 8, 0]) + stream)


def main() -> None:
    """Run libFuzzer; the first argument that is no option is the corpus, begun if there is none yet."""
    folders = [Path(argument) for argument in sys.argv[1:] if not argument.startswith("-")]
    if folders and not any(folders[0].glob("*")):
        make_corpus(folders[0])
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
