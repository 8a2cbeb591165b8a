"""Where the master answers questions and takes orders: the status socket and the control socket, side by side."""

from __future__ import annotations

import functools
import selectors
from math import inf

from .admin_socket import AdminSocket
from .control import Controls, control_routes
from .sockets import Sockets
from .status_page import Report, status_routes

__all__ = ["Desk"]


class Desk:
    """Answers on those of the two sockets that there are, from `open` to `close`, whenever `selector` says so."""

    def __init__(self, sockets: Sockets, selector: selectors.BaseSelector, report: Report, controls: Controls) -> None:
        self._sockets = sockets
        self._selector = selector
        self._report = report
        self._controls = controls
        self._open: list[AdminSocket] = []

    def open(self) -> None:
        """Begin to answer."""
        for listener, routes in (
            (self._sockets.status, status_routes(self._report)),
            (self._sockets.control, control_routes(self._report, self._controls)),
        ):
            if listener is not None:
                admin = AdminSocket(listener, routes)
                self._selector.register(admin, selectors.EVENT_READ, functools.partial(self._turn, admin))
                self._open.append(admin)

    def _turn(self, admin: AdminSocket) -> None:
        if admin in self._open:  # else it was closed since the selector has said so
            admin.turn()

    @property
    def deadline(self) -> float:
        """When there is something to do in any case."""
        return min((moment for one in self._open if (moment := one.deadline()) is not None), default=inf)

    def close(self) -> None:
        """Answer no more."""
        for admin in self._open:
            self._selector.unregister(admin)
        self.forget()

    def forget(self) -> None:
        """Close, in a new worker, what is the master's."""
        for admin in self._open:
            admin.close()
        for listener in (self._sockets.status, self._sockets.control):
            if listener is not None:
                listener.close()
        self._open.clear()
