"""No way out: while lessons are tried, they and their servers reach this machine alone.

The folder of this file stands first on the PYTHONPATH of a kernel, so every Python that the kernel starts imports it
before anything else. Connecting, sending, binding and asking for addresses are refused unless it is loopback, a Unix
socket or netlink (which asks the system itself). A refusal that the program swallows is still found in the file that
`LESSON_KIT_REFUSALS` names.

A lesson may measure how long Python takes to start, so nothing is imported here before a socket is used.
"""

import os
import sys

REFUSALS = "LESSON_KIT_REFUSALS"
ADDRESSED = {"socket.bind", "socket.connect", "socket.sendmsg", "socket.sendto"}
"""Audit events whose arguments are a socket and an address."""
NAMED = {"socket.getaddrinfo", "socket.gethostbyaddr", "socket.gethostbyname"}
"""Those whose first argument is a host."""
LOCAL = ("AF_UNIX", "AF_NETLINK", "AF_ROUTE", "AF_SYSTEM")
"""Families that never leave the machine, whatever the address; which of them there are depends on the system."""


def guard(event: str, arguments: tuple[object, ...]) -> None:
    """Refuse what would leave the machine; an audit hook. Raises PermissionError."""
    if event in ADDRESSED:
        place, address = arguments[:2]
        if is_near(getattr(place, "family", None), address):
            return
    elif event not in NAMED or is_loopback(arguments[0]):
        return
    else:
        address = arguments[0]
    sentence = f"A lesson stays on this machine: {event} with {address!r} is refused."
    if path := os.environ.get(REFUSALS):
        with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123  # see above: no pathlib
            file.write(f"{sentence}\n")
    import errno

    raise PermissionError(errno.EPERM, sentence)


def is_near(family: object, address: object) -> bool:
    """Tell whether an address stays on the machine. None is the one that a socket has been connected to."""
    import _socket  # it is there already: this is one of its events

    if address is None or family in {getattr(_socket, name, None) for name in LOCAL}:
        return True
    return family in (_socket.AF_INET, _socket.AF_INET6) and isinstance(address, tuple) and is_loopback(address[0])


def is_loopback(host: object) -> bool:
    """Tell whether a host is this one: by its loopback address, as localhost, or (None) because none was named."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else host
    if name is None or name in {"localhost", "::1"}:
        return True
    plain = str(name).removeprefix("::ffff:")  # IPv4 in IPv6 (RFC 4291, section 2.5.5.2)
    return plain.startswith("127.") and not plain.strip("0123456789.")


sys.addaudithook(guard)
