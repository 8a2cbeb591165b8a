"""What `python -m fastcgi_server` can be told besides what all servers can, and what it comes to for a connection."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from gateway_runtime.arguments import count, size
from gateway_runtime.settings import Settings

from .protocol import MAX_ACTIVE, MAX_PAIRS, MAX_PARAMS, ServerConnection
from .records import RESPONDER, ROLES

__all__ = ["Options", "add_arguments"]

_PAIRS_MOST = 100_000
"""What --max-pairs may be: variables beyond that are an attack, or a mistake."""

_NUMBERS = {name: number for number, name in ROLES.items()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what FastCGI has and other protocols have not."""
    group = parser.add_argument_group("FastCGI")
    group.add_argument(
        "--role", action="append", choices=list(_NUMBERS), dest="roles",
        help="what the application is written for, environ['fastcgi.role'] says what it is asked for; "
        "repeatable (responder)",
    )  # fmt: skip
    group.add_argument(
        "--max-params", type=size, default=MAX_PARAMS, metavar="SIZE", help="of a request's variables (128K)"
    )
    group.add_argument(
        "--max-pairs", type=count(1, _PAIRS_MOST), default=MAX_PAIRS, metavar="N",
        help=f"variables of a request ({MAX_PAIRS})",
    )  # fmt: skip
    group.add_argument(
        "--max-requests-per-connection", type=count(1, 65_535), default=MAX_ACTIVE, metavar="N", dest="max_active",
        help=f"at a time, on one connection; beyond: OVERLOADED ({MAX_ACTIVE})",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """How the codecs of a server's connections are made."""

    max_conns: int = 1
    """What a web server is told that asks for FCGI_MAX_CONNS."""
    max_active: int = MAX_ACTIVE
    """Also FCGI_MAX_REQS. Actually the specification means all connections by it (section 4.1); web servers that ask,
    such as HAProxy, take it for what one connection may carry, and a true answer to that keeps us from OVERLOADED."""
    max_params: int = MAX_PARAMS
    max_pairs: int = MAX_PAIRS
    roles: tuple[int, ...] = (RESPONDER,)

    @classmethod
    def of(cls, settings: Settings) -> Options:
        """Return what the command line says."""
        given = settings.arguments
        roles = tuple(_NUMBERS[name] for name in given.roles or ("responder",))
        max_conns = settings.limits.connections * settings.workers
        return cls(max_conns, given.max_active, given.max_params, given.max_pairs, roles)

    def codec(self, multiplexed: bool) -> ServerConnection:
        """Return the codec of a new connection. `multiplexed`: its requests are served at a time."""
        return ServerConnection(
            max_conns=self.max_conns,
            max_reqs=self.max_active if multiplexed else 1,
            max_active=self.max_active,
            multiplexed=multiplexed,
            max_params=self.max_params,
            max_pairs=self.max_pairs,
            roles=self.roles,
        )
