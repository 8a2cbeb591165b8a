"""All of `gatelab record` together: check what was asked, open the files, relay until a signal comes, save."""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from gateway_runtime import log
from gateway_runtime.addresses import parse
from gateway_runtime.arguments import network
from gateway_runtime.errors import StartupError
from wire_inspector import PROTOCOLS

from .errors import BadAddress
from .keeper import Keeper
from .record_display import Display, new_console
from .record_files import Packets, Several, open_file, write_json
from .recording import Recording
from .relay import Relay

__all__ = ["Wanted", "perform", "protocol_named"]

FAILED = 1
"""Exit code: a file could not be written."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends the relay in order: Ctrl-C, a manager, the terminal that is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The options, as they were typed."""

    listen: str
    to: str
    protocol: str | None
    json: str | None
    pcapng: str | None
    allow_from: Sequence[str]
    quiet: bool
    hex: bool
    front: str
    backend: str
    note: str


def perform(wanted: Wanted) -> int:
    """Relay until a signal ends it; return the exit code. Raises BadAddress."""
    log.complete_streams()
    protocol = protocol_named(wanted.protocol)
    try:
        allowed = [network(text) for text in wanted.allow_from]
        listen, to = parse(wanted.listen), parse(wanted.to)
        if listen == to:
            raise StartupError(f"--listen and --to are both {to}: the relay would call itself")
        watch = Several()
        relay = Relay(listen, to, watch, partial(_may_connect, allowed) if allowed else None)
    except (StartupError, argparse.ArgumentTypeError) as error:
        raise BadAddress(str(error)) from None
    with contextlib.closing(relay):
        if relay.address.public and not allowed:
            raise BadAddress(
                f"{relay.address} can be reached from other machines, and the backend trusts whoever connects: "
                "say who may, with --allow-from CIDR"
            )
        return _relay(wanted, relay, watch, protocol)


def _relay(wanted: Wanted, relay: Relay, watch: Several, protocol: str | None) -> int:
    """Open the files, run the relay, and write what is to be written."""
    with contextlib.ExitStack() as exits:
        keeper = packets = file = None
        if wanted.json:
            file = exits.enter_context(open_file(wanted.json))
            keeper = Keeper()
            watch.add(keeper)
        if wanted.pcapng:
            names = (("front", wanted.front), ("backend", wanted.backend), ("note", wanted.note))
            comment = "; ".join(f"{name}: {text}" for name, text in names if text)
            packets = Packets(wanted.pcapng, open_file(wanted.pcapng), wanted.to, protocol, comment)
            watch.add(packets)
        if not wanted.quiet:
            watch.add(Display(new_console(stderr=wanted.pcapng == "-"), protocol, hex=wanted.hex))
        log.set_name("gatelab")
        for number in SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup wants it to stay
                signal.signal(number, lambda *_: relay.stop())
        log.announce(f"ready {relay.address.url('tcp')}\n")
        relay.run()
        written = [packets.close()] if packets else []
        if keeper and file and wanted.json:
            written.append(write_json(wanted.json, file, _described(wanted, relay, keeper.recording)))
    return 0 if all(written) else FAILED


def _described(wanted: Wanted, relay: Relay, recording: Recording) -> Recording:
    """Say in a recording what is known of it."""
    recording.protocol = protocol_named(wanted.protocol)
    recording.protocol = recording.spoken
    recording.front, recording.backend, recording.note = wanted.front, wanted.backend, wanted.note
    recording.listen, recording.to = str(relay.address), wanted.to
    return recording


def _may_connect(allowed: Sequence[Network], ip: str) -> bool:
    """Everybody on this machine may, and whoever --allow-from names."""
    address = ipaddress.ip_address(ip)
    return address.is_loopback or any(address in one for one in allowed)


def protocol_named(name: str | None) -> str | None:
    """Return a protocol's name as it is written. Raises BadAddress."""
    if name is None:
        return None
    for protocol in PROTOCOLS:
        if protocol.lower() == name.lower():
            return protocol
    raise BadAddress(f"{name!r} is no protocol that is known here: use one of {', '.join(PROTOCOLS)}")
