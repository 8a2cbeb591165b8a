"""Say what each front makes of the same requests: this prints the table of docs/how-to/fronts.md.

It is read from the captures in this folder, so it says what these fronts have sent, and of their versions only.
"""

from __future__ import annotations

from pathlib import Path

from fastcgi_server.records import BEGIN_REQUEST, PARAMS, Record, decode_begin, decode_pairs, read_records
from gatelab.recording import Recording

HERE = Path(__file__).resolve().parent
FRONTS = ("nginx", "apache", "lighttpd", "haproxy", "caddy")
GET, CHUNKED = 0, 2
"""Connections of a capture, by what was asked on them first."""

ROWS = [
    ("`Cookie: a=1`, `Cookie: b=2`", "HTTP_COOKIE", GET),
    ("`X-Tag: one`, `X-Tag: two`", "HTTP_X_TAG", GET),
    ("`X-Empty:`", "HTTP_X_EMPTY", GET),
    ("`X_Under: score`", "HTTP_X_UNDER", GET),
    ("`Proxy: http://evil.test`", "HTTP_PROXY", GET),
    ("the path `/cookies`", "SCRIPT_NAME", GET),
    ("", "PATH_INFO", GET),
    ("no content", "CONTENT_LENGTH", GET),
    ("5 bytes, chunked", "CONTENT_LENGTH", CHUNKED),
    ("", "HTTP_TRANSFER_ENCODING", CHUNKED),
]
"""What the client has sent, and the variable that tells of it."""


def capture(front: str) -> Recording:
    """Return the capture of a front with FastCGI."""
    return Recording.load(HERE / f"{front}-fastcgi.json")


def first_request(front: str, number: int) -> list[Record]:
    """Return the records of the first request on a connection."""
    records = list(read_records(capture(front).connections[number].bytes_from("front")))
    begins = [at for at, record in enumerate(records) if record.type == BEGIN_REQUEST]
    return records[begins[0] : begins[1] if begins[1:] else None]


def values(front: str, name: str, number: int) -> str:
    """Return what a variable holds, each of its values in backquotes; a dash if it is not there."""
    params = b"".join(record.content for record in first_request(front, number) if record.type == PARAMS)
    found = [value for variable, value in decode_pairs(params) if variable == name]
    return " ".join(f"`{value}`" if value else "empty" for value in found) or "-"


def keeps(front: str) -> str:
    """Say whether the front asks to keep the connection, by itself."""
    _role, keep = decode_begin(first_request(front, GET)[0].content)
    return "yes" if keep else "no"


def padded(front: str) -> str:
    """Say whether the front fills records up to a multiple of eight bytes."""
    return "yes" if any(record.padding for record in first_request(front, GET)) else "no"


def table() -> str:
    """Return the table, in Markdown."""
    said = [capture(front).front for front in FRONTS]
    rows = [["sent", "variable", *said], ["---"] * (2 + len(FRONTS))]
    rows += [[sent, f"`{name}`", *(values(front, name, number) for front in FRONTS)] for sent, name, number in ROWS]
    rows.append(["", "asks to keep the connection", *map(keeps, FRONTS)])
    rows.append(["", "pads its records", *map(padded, FRONTS)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    print(table(), end="")
