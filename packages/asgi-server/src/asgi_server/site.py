"""What all connections to one address share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway_core.access import Access
from gateway_core.http1 import Limits
from gateway_runtime.addresses import Address

from .lifespan import Lifespan

__all__ = ["Site"]


@dataclass(frozen=True, slots=True)
class Site:
    """An application at an address. `root` is its mount point, "" or "/app"; `trusted(ip)`: is this a front of ours?"""

    lifespan: Lifespan
    address: Address
    limits: Limits
    root: str = ""
    access: Access | None = None
    trusted: Callable[[str], bool] | None = None
    allow_missing_host: bool = False
