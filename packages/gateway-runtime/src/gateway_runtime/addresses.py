"""Where servers listen and clients connect: `HOST:PORT`, `unix:PATH`, `fd:N`."""

from __future__ import annotations

import errno
import ipaddress
import os
import re
import socket
import stat
from dataclasses import dataclass, replace

from .channel import Channel, Patience
from .errors import StartupError

__all__ = ["Address", "Channel", "Listener", "connect", "inherit", "listen", "parse", "parse_url", "take"]

_HOST_PORT = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]/]*)):(?P<port>[0-9]{1,5})")
_FD = re.compile(r"fd:[0-9]{1,5}")
_URL = re.compile(r"(?P<scheme>[a-z]+)(?P<unix>\+unix:|://)(?P<rest>.+)")

BACKLOG = 2048
"""Connections that the kernel queues until a worker accepts them. It caps this at net.core.somaxconn."""

UNIX_MODE = 0o660
"""Mode of a socket file: its owner and group may connect, others may not."""


@dataclass(frozen=True, slots=True)
class Address:
    """One of: a TCP host and port, a socket file's path, a descriptor that is already listening (with its path)."""

    host: str = ""
    port: int = 0
    path: str = ""
    fd: int = -1

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        if self.fd >= 0:
            return f"fd:{self.fd}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def url(self, scheme: str) -> str:
        """Return what the ready line and `--to` say: `fastcgi://127.0.0.1:9000`, `fastcgi+unix:/path`."""
        return f"{scheme}+{self}" if self.path else f"{scheme}://{self}"

    @property
    def public(self) -> bool:
        """Can other machines reach it?"""
        if self.path or self.fd >= 0 or self.host == "localhost":
            return False
        try:
            return not ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return True


def parse(text: str) -> Address:
    """Read `HOST:PORT`, `[IPv6]:PORT`, `unix:PATH` or `fd:N`. Raises StartupError."""
    if text.startswith("unix:") and len(text) > len("unix:"):
        return Address(path=text[len("unix:") :])
    if _FD.fullmatch(text):
        return Address(fd=int(text[3:]))
    match = _HOST_PORT.fullmatch(text)
    if not match or int(match["port"]) > 65535:
        raise StartupError(f"{text!r} is not an address: write HOST:PORT, [IPV6]:PORT, unix:PATH or fd:N")
    return Address(host=match["six"] or match["host"] or "0.0.0.0", port=int(match["port"]))  # noqa: S104 - as asked


def parse_url(text: str) -> tuple[str, Address]:
    """Read `SCHEME://HOST:PORT` or `SCHEME+unix:PATH`; return scheme and address. Raises StartupError."""
    match = _URL.fullmatch(text)
    if not match:
        raise StartupError(f"{text!r} is not a backend: write SCHEME://HOST:PORT or SCHEME+unix:PATH")
    if match["unix"] == "+unix:":
        return match["scheme"], Address(path=match["rest"])
    address = parse(match["rest"].rstrip("/"))
    if not address.host:
        raise StartupError(f"{text!r} has no host")
    return match["scheme"], address


class Listener:
    """A listening socket. `address` is where it really listens: port 0 has become a port.

    A socket file belongs to the process that has bound it, which removes it at the end; or to nobody here, if whoever
    started us has bound it.
    """

    def __init__(self, sock: socket.socket, address: Address) -> None:
        self.sock = sock
        self.address = address
        self._owner = os.getpid()

    @property
    def file(self) -> str:
        """The path of the socket file that is this process's to remove, or ""."""
        ours = self.address.fd < 0 and self._owner == os.getpid()
        return self.address.path if ours else ""

    def take_file(self) -> None:
        """Be the one to remove the file: whoever has bound it leaves it to us."""
        self._owner = os.getpid()

    def leave_file(self) -> None:
        """Let another process remove the file."""
        self._owner = 0

    def close(self) -> None:
        """Close; the process that the socket file belongs to also removes it, once."""
        self.sock.close()
        path = self.file
        self.leave_file()
        if path:
            try:
                os.unlink(path)  # noqa: PTH108 - a string all along
            except OSError:  # it has gone, or its folder is root's, which we are no longer; the next start replaces it
                pass


def listen(address: Address, backlog: int = BACKLOG, mode: int = UNIX_MODE) -> Listener:
    """Bind and listen; `mode` is for a socket file. Raises StartupError with one sentence."""
    try:
        if address.fd >= 0:
            return _adopt(address.fd)
        if address.path:
            return _listen_unix(address.path, backlog, mode)
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        sock = socket.create_server((address.host, address.port), family=family, backlog=backlog)
        sock.setblocking(False)
        host, port = sock.getsockname()[:2]
        return Listener(sock, Address(host=host, port=port))
    except UnicodeError:
        raise StartupError(f"cannot listen on {address}: that is no host name") from None
    except OSError as error:
        words = (error.strerror or str(error)).partition(" (while")[0]  # create_server says again what was tried
        reason = "it is in use already" if error.errno == errno.EADDRINUSE else words
        raise StartupError(f"cannot listen on {address}: {reason}") from None


def _adopt(fd: int) -> Listener:
    """Listen on a copy of what whoever started us has bound (a process manager, or a web server on descriptor 0)."""
    return _wrap(os.dup(fd), fd, f"descriptor {fd}")


def take(fd: int, name: str = "") -> Listener:
    """Listen on a descriptor that was passed to us, called `name`. Raises StartupError."""
    what = f"descriptor {fd} ({name})" if name else f"descriptor {fd}"
    try:
        return _wrap(fd, fd, what)
    except OSError as error:
        raise StartupError(f"cannot listen on {what}: {error.strerror}") from None


def inherit(fd: int, *, with_file: bool) -> Listener:
    """Listen on a descriptor that this program had before. `with_file`: its socket file comes with it, later."""
    listener = take(fd)
    if with_file:
        listener.address = replace(listener.address, fd=-1)
        listener.leave_file()
    return listener


def _wrap(own: int, fd: int, what: str) -> Listener:
    """Make a listener of a descriptor of ours, which was passed to us as `fd`."""
    try:
        sock = socket.socket(fileno=own)
    except OSError:
        os.close(own)
        raise
    if not sock.getsockopt(socket.SOL_SOCKET, getattr(socket, "SO_ACCEPTCONN", socket.SO_TYPE)):
        sock.close()
        raise StartupError(f"{what} is not a listening socket")
    sock.setblocking(False)
    if sock.family == socket.AF_UNIX:
        # Its file belongs to whoever bound it: an Address with a descriptor too, so that close() leaves it alone.
        return Listener(sock, Address(path=os.fsdecode(sock.getsockname()), fd=fd))
    host, port = sock.getsockname()[:2]
    return Listener(sock, Address(host=host, port=port))


def _listen_unix(path: str, backlog: int, mode: int) -> Listener:
    """Bind a socket file; one that a dead server left behind is replaced, a live one and any other file are not."""
    if os.path.exists(path):  # noqa: PTH110 - a string all along
        if not stat.S_ISSOCK(os.stat(path).st_mode):  # noqa: PTH116
            raise StartupError(f"cannot listen on unix:{path}: a file that is no socket is there")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)  # noqa: PTH108
            except BlockingIOError:  # so busy that its queue is full
                raise StartupError(f"cannot listen on unix:{path}: it is in use already") from None
            else:
                raise StartupError(f"cannot listen on unix:{path}: it is in use already")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
        os.chmod(path, mode)  # noqa: PTH101
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return Listener(sock, Address(path=path))


def connect(address: Address, timeout: float | Patience) -> Channel:
    """Open a channel. Raises OSError (TimeoutError if it takes too long). `timeout`: seconds for every operation."""
    patience = timeout if isinstance(timeout, Patience) else Patience(timeout, timeout, timeout)
    if address.path:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(patience.connect or None)
        try:
            sock.connect(address.path)
        except OSError:
            sock.close()
            raise
        return Channel(sock, patience)
    try:
        sock = socket.create_connection((address.host, address.port), patience.connect or None)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, f"{address.host!r} is no host name") from None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Channel(sock, patience)
