"""The relay between nginx and our servers: the site is the same, and the recording is what both have said."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fronts import FRONTS, addresses, museum, running
from programs import ask

from gatelab.capture import write
from gatelab.keeper import Keeper
from gatelab.relay import Relay
from gateway_runtime.addresses import parse

BACKENDS = {"fastcgi": "127.0.0.1:9000", "scgi": "127.0.0.1:4000", "uwsgi": "127.0.0.1:3031", "http": "127.0.0.1:8000"}
PROTOCOLS = {"fastcgi": "FastCGI", "scgi": "SCGI", "uwsgi": "uwsgi", "http": "HTTP"}


@pytest.mark.real("nginx")
def test_nginx_does_not_know_that_it_is_recorded(tmp_path: Path) -> None:
    with contextlib.ExitStack() as exits:
        found = addresses(exits.enter_context(museum(tmp_path)))
        keepers = {}
        for site, backend in BACKENDS.items():
            keepers[site] = Keeper()
            relay = exits.enter_context(Relay(parse("127.0.0.1:0"), parse(found[backend]), keepers[site]))
            found[backend] = str(relay.address)
        sites = exits.enter_context(running(FRONTS["nginx"], found, tcp=True)).sites
        for site in BACKENDS:
            assert ask(sites[site], "GET", "/hello").body == b"Hello, world!\n"
    for site, keeper in keepers.items():
        recording = keeper.recording
        assert recording.spoken == PROTOCOLS[site]
        messages = [message for connection in recording.messages() for message in connection]
        assert not [message.fault for message in messages if message.fault]
        assert any(b"/hello" in message.data for message in messages if message.sender == "front")
        assert any(b"Hello, world!" in message.data for message in messages if message.sender == "backend")
        write(recording, packets := io.BytesIO())
        assert b"Hello, world!" in packets.getvalue()
