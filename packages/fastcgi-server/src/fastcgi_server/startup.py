"""What a FastCGI application finds when a web server or a process manager starts it (section 2 of the specification).

::

    descriptor 0            the LISTENING socket: no other way to find it is needed (2.2)
    descriptors 1 and 2     may be closed: then the next file or socket would get the number, and a stray print() would
                            be written to a client (2.2)
    FCGI_WEB_SERVER_ADDRS   if set, the IPv4 addresses that may connect, comma-separated (2.3, 3.2)

Actually nothing starts programs in this way any more but mod_fcgid, spawn-fcgi and their like; whoever runs
`python -m fastcgi_server` by hand names an address instead.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import stat
import sys

from gateway_runtime.errors import StartupError

from .records import LISTENSOCK_FILENO

__all__ = ["LISTENSOCK_FILENO", "check", "hold_standard_descriptors", "is_listening", "web_server_addresses"]


def is_listening(fd: int) -> bool:
    """Is this descriptor a socket without a peer (2.2)? A CGI program would find a pipe, or a connected socket."""
    try:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            return False
        with socket.socket(fileno=os.dup(fd)) as sock:
            sock.getpeername()
    except OSError as error:
        return error.errno == errno.ENOTCONN
    return False


def hold_standard_descriptors() -> None:
    """Open /dev/null on descriptors 1 and 2 if they are closed."""
    for fd in (1, 2):
        try:
            os.fstat(fd)
        except OSError:
            null = os.open(os.devnull, os.O_WRONLY)
            if null != fd:
                os.dup2(null, fd)
                os.close(null)
    # Python has no such streams when it finds the descriptors closed; these are for the rest of the process.
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def web_server_addresses() -> frozenset[str] | None:
    """Return what FCGI_WEB_SERVER_ADDRS lists, None if it is not set. Raises StartupError (section 7)."""
    text = os.environ.get("FCGI_WEB_SERVER_ADDRS")
    if text is None:
        return None
    try:
        return frozenset(str(ipaddress.IPv4Address(part)) for part in text.split(","))
    except ValueError:
        raise StartupError(f"FCGI_WEB_SERVER_ADDRS is {text[:200]!r}, not IPv4 addresses with commas between") from None


def check() -> None:
    """Look at what concerns security before anything listens. Raises StartupError."""
    web_server_addresses()
