"""Who can reach what, when servers and visitors are on several machines.

A server that listens on the loopback interface or on a unix socket can be asked only by who is on the same machine,
and in the same network namespace (containers have their own). Under that address a worker elsewhere would find
nothing, or, worse, another server. So each worker says its *place*, and is not given what it cannot reach.

The other way round, a server that is to be asked from elsewhere must listen at an address of this machine that others
see. FastCGI, SCGI and uwsgi servers believe whoever connects, and so ours want to be told who may: the *neighbours*,
those in the network of that address.
"""

from __future__ import annotations

import ipaddress
import socket
from functools import cache
from pathlib import Path

import psutil

from gateway_bench.errors import BenchError
from gateway_bench.load.address import Address

__all__ = ["neighbours", "place", "within_reach"]


def within_reach(address: Address, place: str, home: str) -> bool:
    """Can somebody at `place` connect to an address that is good at `home`?"""
    return place == home or not (address.path or _is_loopback(address.host))


@cache
def place() -> str:
    """Return what those have in common who share a loopback interface; without /proc the machine is all we know."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/net').readlink()}"
    except OSError:
        return socket.gethostname()


def neighbours(host: str) -> str:
    """Return the network of an address of this machine, as `--allow-from` of a server takes it ("10.0.0.0/24").

    Raises BenchError for what is no such address, as also 0.0.0.0, which nobody can connect to from elsewhere.
    """
    ours = _networks()
    if host not in ours:
        raise BenchError(f"servers cannot listen at {host} for others; the addresses of this machine are {_few(ours)}")
    return ours[host]


def _networks() -> dict[str, str]:
    """Return the addresses of this machine, with the network of each."""
    found = {}
    for addresses in psutil.net_if_addrs().values():
        for each in addresses:
            if each.family in (socket.AF_INET, socket.AF_INET6) and each.netmask and "%" not in each.address:
                bits = int(ipaddress.ip_address(each.netmask)).bit_count()
                found[each.address] = str(ipaddress.ip_network(f"{each.address}/{bits}", strict=False))
    return found


def _few(addresses: dict[str, str]) -> str:
    return ", ".join(sorted(addresses)) or "none"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761 section 6.3
