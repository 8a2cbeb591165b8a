"""The sockets of a server: bound here, passed by systemd, or left by the program in whose place we are.

::

    serving    --bind, else what systemd has passed, else the gateway's default     the workers accept
    status     --status                                                             the master answers
    control    --control: only its owner may connect                                the master answers, and acts

An upgrade hands all of them on, in this order.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from . import addresses, systemd
from .addresses import Address, Listener
from .errors import StartupError
from .settings import Gateway, Settings
from .upgrade import Inheritance

__all__ = ["Sockets", "open_sockets"]

_OWNER_ONLY = 0o600
"""Mode of the control socket's file: whoever can connect can end the server."""


@dataclass(slots=True)
class Sockets:
    """All listening sockets of a server."""

    serving: list[Listener] = field(default_factory=list)
    status: Listener | None = None
    control: Listener | None = None

    def __iter__(self) -> Iterator[Listener]:
        return iter([*self.serving, *(one for one in (self.status, self.control) if one is not None)])

    def close(self) -> None:
        """Close them, and remove the files that are ours."""
        for listener in self:
            listener.close()


def open_sockets(gateway: Gateway, settings: Settings, inheritance: Inheritance | None) -> Sockets:
    """Bind what is to be bound. Raises StartupError, and leaves nothing then.

    Also where the protocol trusts its peers and just anybody could be one.
    """
    sockets = Sockets()
    try:
        if inheritance is not None:
            _inherit(sockets, settings, inheritance)
        else:
            _open(sockets, gateway, settings)
        for listener in sockets.serving:  # a descriptor or a host name tells only now where it leads
            if gateway.guarded and listener.address.public and not settings.allow_from:
                raise StartupError(
                    f"{listener.address} can be reached from other machines, and {gateway.protocol} trusts whoever "
                    "connects: say who may, with --allow-from CIDR"
                )
    except StartupError:
        sockets.close()
        raise
    return sockets


def _open(sockets: Sockets, gateway: Gateway, settings: Settings) -> None:
    passed = [] if settings.bind else systemd.listen_fds(os.environ)
    for fd, name in passed:
        sockets.serving.append(addresses.take(fd, name))
    if not passed:
        for address in settings.bind or (addresses.parse(gateway.default_bind),):
            sockets.serving.append(addresses.listen(address, settings.backlog))
    if settings.status:
        sockets.status = addresses.listen(Address(path=settings.status))
    if settings.control:
        sockets.control = addresses.listen(Address(path=settings.control), mode=_OWNER_ONLY)


def _inherit(sockets: Sockets, settings: Settings, inheritance: Inheritance) -> None:
    """Take the sockets over from a process with the same command line."""
    fds = list(inheritance.sockets)
    if settings.control:
        sockets.control = addresses.inherit(fds.pop(), with_file=True)
    if settings.status:
        sockets.status = addresses.inherit(fds.pop(), with_file=True)
    for index, fd in enumerate(fds):
        bound_by_us = index < len(settings.bind) and settings.bind[index].fd < 0
        sockets.serving.append(addresses.inherit(fd, with_file=bound_by_us))
