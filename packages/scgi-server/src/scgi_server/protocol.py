r"""SCGI (Neil Schemenauer, text of 23 June 2008), both roles, as bytes and events.

The whole protocol is one netstring in front of the content::

    front ->   70:                      decimal length of what stands between ":" and ","
               CONTENT_LENGTH \0 27 \0  always first
               SCGI \0 1 \0             always there
               REQUEST_METHOD \0 POST \0
               REQUEST_URI \0 /deepthought \0
               ,
               What is the answer to life?     27 bytes, directly after the comma
    front <-   Status: 200 OK CRLF
               Content-Type: text/plain CRLF
               CRLF
               42
               (close)

The netstring is counted, so a reader knows how much to read before it looks inside; NUL separates, since no variable of
a Unix environment can hold one. One request a connection (section 2): the close ends the response.

Two doors lead to the same grammar: the `ServerConnection` and `ClientConnection` for programs, and `decode_netstring`,
`decode_headers` (with their encoders) for whoever wants to look.
"""

from __future__ import annotations

import re

from gateway_core.errors import LocalProtocolError, RemoteProtocolError
from gateway_core.events import Variables
from gateway_core.heads import Heads
from gateway_core.oneshot import OneShotClient, OneShotServer

__all__ = [
    "MAX_HEAD",
    "MAX_HEADERS",
    "MAX_LENGTH_DIGITS",
    "ClientConnection",
    "ServerConnection",
    "decode_headers",
    "decode_netstring",
    "encode_headers",
    "encode_netstring",
]

MAX_HEAD = 64 * 1024
"""Bytes of the netstring's content. The text sets no limit; this is eight times what common web servers let in."""

MAX_HEADERS = 1000
"""Headers of a request. Real ones have some dozens; each costs an object."""

MAX_LENGTH_DIGITS = 7
"""Digits of the netstring's length: `99999999999999:` is refused before anything is allocated."""

# Section 4: length = "0" | nonzero digit *digit. No sign, no blank, no leading zero.
_LENGTH = re.compile(rb"0|[1-9][0-9]*")


def encode_netstring(string: bytes) -> bytes:
    """Encode a netstring (section 4)."""
    return b"%d:%s," % (len(string), string)


def decode_netstring(data: bytes | bytearray, limit: int = MAX_HEAD) -> tuple[bytes, int] | None:
    """Return the string and the size in bytes of the netstring that `data` begins with; None if it is not complete.

    Raises RemoteProtocolError: 400 if it is not a netstring, 431 if the string would be longer than `limit` bytes.
    """
    colon = data.find(b":", 0, MAX_LENGTH_DIGITS + 1)
    digits = bytes(data[:colon] if colon >= 0 else data[: MAX_LENGTH_DIGITS + 1])
    if not _LENGTH.fullmatch(digits) and (digits or colon == 0):
        prefixes = (digits[:size] for size in range(1, len(digits) + 1))
        first = next((prefix for prefix in prefixes if not _LENGTH.fullmatch(prefix)), b"")
        raise RemoteProtocolError(f"{first!r} is not the length of a netstring")
    if colon < 0:
        if len(digits) > MAX_LENGTH_DIGITS:
            raise RemoteProtocolError(f"the length of the netstring has more than {MAX_LENGTH_DIGITS} digits", 431)
        return None
    length = int(digits)
    if length > limit:
        raise RemoteProtocolError(f"the head has {length} bytes, the limit is {limit}", 431)
    end = colon + 1 + length
    if len(data) <= end:
        return None
    if data[end] != 0x2C:  # ","
        raise RemoteProtocolError("the netstring does not end with a comma where its length says")
    return bytes(data[colon + 1 : end]), end + 1


def encode_headers(variables: Variables) -> bytes:
    """Encode the string inside the netstring (section 3). Raises LocalProtocolError for what it cannot carry."""
    names = [name for name, _ in variables]
    if "" in names or len(set(names)) != len(names):
        raise LocalProtocolError("every SCGI header has a name, and none comes twice")
    strings = [string for pair in variables for string in pair]
    if any("\0" in string for string in strings):
        raise LocalProtocolError("a variable with NUL inside would become two")
    try:
        return "\0".join([*strings, ""]).encode("latin-1")
    except UnicodeEncodeError:
        raise LocalProtocolError("a variable has a character that is not latin-1") from None


def decode_headers(string: bytes) -> Variables:
    """Return the variables of the string inside a netstring (section 3). Raises RemoteProtocolError."""
    if not string.endswith(b"\0"):
        raise RemoteProtocolError("the SCGI headers do not end with NUL")
    if string.count(b"\0") > 2 * MAX_HEADERS:
        raise RemoteProtocolError(f"there are more than {MAX_HEADERS} SCGI headers", 431)
    strings = string[:-1].decode("latin-1").split("\0")
    names = strings[::2]
    if len(strings) % 2:
        raise RemoteProtocolError(f"the SCGI header {names[-1][:40]!r} has no value")
    if "" in names:
        raise RemoteProtocolError("an SCGI header has no name")
    variables = list(zip(names, strings[1::2], strict=True))
    if names[0] != "CONTENT_LENGTH" or not variables[0][1]:
        raise RemoteProtocolError("the first SCGI header must be CONTENT_LENGTH, with a number")
    if [value for name, value in variables if name == "SCGI"] != ["1"]:
        raise RemoteProtocolError("there must be one SCGI header, with the value 1")
    return variables


_REQUEST_HEADS = Heads(decode_headers)


class ServerConnection(OneShotServer):
    """The application's side of one connection. `max_head`: bytes of the netstring's content that are taken."""

    protocol = "SCGI"

    def __init__(self, *, max_head: int = MAX_HEAD) -> None:
        super().__init__(max_head)

    def _decode_head(self, buffer: bytes | bytearray) -> tuple[Variables, int] | None:
        if not 0x30 <= buffer[0] <= 0x39:  # not a digit: another protocol, or rubbish
            if self._undecided(buffer):
                return None
            self._check_peer(buffer)
        decoded = decode_netstring(buffer, self._max_head)
        if decoded is None:
            return None
        string, size = decoded
        return _REQUEST_HEADS[string], size


class ClientConnection(OneShotClient):
    """The web server's side of one connection. `head`: the request is a HEAD, so the response has no content."""

    def _encode_head(self, variables: Variables) -> bytes:
        others = [(name, value) for name, value in variables[1:] if name != "SCGI"]
        return encode_netstring(encode_headers([variables[0], ("SCGI", "1"), *others]))
