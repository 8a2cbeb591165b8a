"""The suite against each of our gateways: one server process for all cases of a gateway."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from gateway_conformance import CASES, Verdict, run_case
from gateway_runtime.testing import Server

APP = "gateway_conformance.app:app"
ANY_PORT = "127.0.0.1:0"  # TCP, since a unix socket cannot be reset: there a cut SCGI response looks complete

GATEWAYS = {
    "asgi": ("asgi_server", "gateway_conformance.asgi_app:app"),
    "cgi": ("cgi_runner", "--app", APP),
    "fastcgi": ("fastcgi_server", APP),
    "http": ("wsgi_server", APP),
    "scgi": ("scgi_server", APP),
    "uwsgi": ("uwsgi_gateway", APP),
}


@contextmanager
def gateway(name):
    """Run a gateway on a port of its own; "front" is an HTTP front with a FastCGI server behind it."""
    if name != "front":
        with Server(*GATEWAYS[name], "--bind", ANY_PORT) as server:
            yield server, name
    else:
        with (
            gateway("fastcgi") as (backend, _),
            Server("http_front", "--to", backend.url, "--bind", ANY_PORT) as server,
        ):
            yield server, "http"


@pytest.fixture(scope="module", params=[*GATEWAYS, "front"])
def outcomes(request):
    """All outcomes of a gateway, by name. The cases run side by side here, and are looked at one by one below."""
    with gateway(request.param) as (server, scheme), ThreadPoolExecutor(4) as pool:
        workers = server.workers()
        found = list(pool.map(lambda case: run_case(server.address, scheme, case), CASES))
        # Whatever the application did, no worker ended of it. `Server` sees that nothing stays behind.
        assert server.workers() == workers
    return {outcome.case.name: outcome for outcome in found}


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_case(outcomes, name):
    outcome = outcomes[name]
    if outcome.verdict is Verdict.LEFT_OUT:
        pytest.skip(outcome.why)
    assert outcome.verdict is Verdict.PASS, outcome.why
