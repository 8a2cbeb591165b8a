"""What only shows over time behind a real front: streams, kept and shared connections, killed workers, clients that go.

A recorder stands between each front and each server, so that a test can count connections and read records. No test
looks at a clock: an application waits at a FIFO until the test has seen what it wanted to see.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import howto
from fronts import EACH_FRONT, GUARDED, Fronts, addresses, museum, running
from programs import Http, ask
from recorder import Connection, Recorder

from fastcgi_server.records import BEGIN_REQUEST, END_REQUEST, GET_VALUES, GET_VALUES_RESULT, RecordReader
from gateway_runtime.addresses import Address
from gateway_runtime.testing import Server, wait_until

SITES = Path(__file__).parent / "sites"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    with museum(tmp_path_factory.mktemp("museum"), "behind_fronts:app", cwd=SITES) as found:
        yield found


@pytest.fixture
def recorders(servers: dict[str, Server], tmp_path: Path) -> Iterator[dict[str, Recorder]]:
    """One for each server, by the name of its socket file on the how-to pages."""
    with contextlib.ExitStack() as exits:
        sockets = {page: real for page, real in addresses(servers).items() if page.startswith("/")}
        yield {
            page: exits.enter_context(Recorder(f"{tmp_path}/{number}.sock", real))
            for number, (page, real) in enumerate(sockets.items())
        }


@pytest.fixture
def fronts(recorders: dict[str, Recorder]) -> Iterator[Fronts]:
    """Fresh ones for each test: one that has worked has connections left over."""
    with contextlib.ExitStack() as exits:
        yield Fronts({page: recorder.path for page, recorder in recorders.items()}, exits)


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Path]:
    """What the application of /stepwise waits at."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    yield path
    opened(path)  # lets go whoever still waits after a failure


def opened(fifo: Path) -> bool:
    """Let go an application that waits at the FIFO, if one does."""
    try:
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:  # ENXIO: nobody reads
        return False
    return True


STARTED = {"apache/fcgid", "lighttpd/started"}
"""Sites whose server the front has started itself: it runs the museum, without the pages for these tests."""

STREAMS = re.compile(r".*-unbuffered|apache/(scgi|uwsgi|http)|haproxy/.*|caddy/http")
"""Sites that pass each piece on as it comes; the others may wait for more."""


def matching(front: str, fronts: Fronts, sites: re.Pattern[str]) -> Iterator[tuple[str, Address]]:
    """Yield the sites of a front that a pattern matches; at least one must."""
    found = {f"{front}/{site}": address for site, address in fronts[front, "unix"].sites.items()}
    chosen = [(site, address) for site, address in found.items() if sites.fullmatch(site) and site not in STARTED]
    assert chosen
    yield from chosen


@pytest.mark.parametrize("front", EACH_FRONT)
def test_a_stream_arrives_piece_by_piece(fronts: Fronts, front: str, fifo: Path) -> None:
    for site, address in matching(front, fronts, STREAMS):
        with contextlib.closing(Http(address)) as connection:
            connection.request("GET", f"/stepwise?fifo={fifo}")
            response = connection.getresponse()
            assert response.read1() == b"piece 1\n", site
            fifo.write_bytes(b"")  # the application makes the second piece only now
            assert response.read() == b"piece 2\n", site


@pytest.mark.parametrize("front", EACH_FRONT)
def test_a_client_that_goes_costs_its_own_request(fronts: Fronts, front: str, fifo: Path) -> None:
    closed = fifo.with_suffix(".closed")
    for site, address in matching(front, fronts, STREAMS):
        with contextlib.closing(Http(address)) as connection:
            connection.request("GET", f"/stepwise?fifo={fifo}")
            response = connection.getresponse()
            assert response.read1() == b"piece 1\n", site
            response.close()
        # Its server may have seen that the client has left, and not even ask for the second piece.
        wait_until(lambda: closed.exists() or (opened(fifo) and False), f"{site}: the response is closed")
        closed.unlink()
        assert ask(address, "GET", "/hello").body == b"Hello, world!\n", site


ONE_OF_EACH = re.compile(r".*/(fastcgi|scgi|uwsgi|http)")


@pytest.mark.parametrize("front", EACH_FRONT)
def test_a_killed_worker_costs_its_own_request(front: str, tmp_path: Path) -> None:
    # Servers of its own: a worker that dies again and again is replaced later and later.
    with contextlib.ExitStack() as exits:
        servers = exits.enter_context(museum(tmp_path, "behind_fronts:app", cwd=SITES))
        for site, address in matching(front, Fronts(addresses(servers), exits), ONE_OF_EACH):
            assert ask(address, "POST", "/die").status in (500, 502, 503), site
            assert ask(address, "GET", "/hello").body == b"Hello, world!\n", site


REQUESTS = 4
CONNECTIONS = {
    "nginx/fastcgi": 4, "nginx/fastcgi-kept": 1, "nginx/scgi": 4, "nginx/uwsgi": 4, "nginx/http": 1,
    "apache/fastcgi": 4, "apache/fastcgi-kept": 1, "apache/scgi": 4, "apache/uwsgi": 4, "apache/http": 1,
    "lighttpd/fastcgi": 4, "lighttpd/scgi": 4, "lighttpd/uwsgi": 4, "lighttpd/http": 4,
    "haproxy/fastcgi": 4, "haproxy/fastcgi-multiplexed": 1, "haproxy/http": 4,
    "caddy/fastcgi": 4, "caddy/http": 1,
}  # fmt: skip
"""How many connections a front opens to the server for that many requests, one after another."""


@pytest.mark.parametrize("front", EACH_FRONT)
def test_connections_are_kept_where_the_page_says_so(
    fronts: Fronts, recorders: dict[str, Recorder], front: str
) -> None:
    def opened() -> int:
        return sum(len(recorder.connections) for recorder in recorders.values())

    found = {}
    for site, address in matching(front, fronts, re.compile("|".join(CONNECTIONS))):
        before = opened()
        for _ in range(REQUESTS):
            ask(address, "GET", "/hello")
        found[site] = opened() - before
    assert found == {site: count for site, count in CONNECTIONS.items() if site.startswith(f"{front}/")}


SIDE_BY_SIDE = 6
"""Requests at a time on one connection; the server has two threads more."""


def seen(data: bytes) -> list[tuple[int, int]]:
    """Return type and request id of the records so far."""
    reader, found = RecordReader(), []
    reader.receive(data)
    while record := reader.next():
        found.append((record.type, record.request_id))
    return found


def begun(connection: Connection) -> list[int]:
    """Return the ids of the requests that are under way on a connection, in the order in which they began."""
    ended = {id_ for type_, id_ in seen(connection.backend) if type_ == END_REQUEST}
    return [id_ for type_, id_ in seen(connection.front) if type_ == BEGIN_REQUEST and id_ not in ended]


@pytest.mark.real("haproxy")
def test_requests_share_one_connection(fronts: Fronts, recorders: dict[str, Recorder], tmp_path: Path) -> None:
    recorder = recorders["/run/museum/fastcgi.sock"]
    address = fronts["haproxy", "unix"].sites["fastcgi-multiplexed"]
    with contextlib.ExitStack() as exits:
        streams = []
        for number in range(SIDE_BY_SIDE):
            fifo = tmp_path / f"fifo-{number}"
            os.mkfifo(fifo)
            exits.callback(opened, fifo)
            connection = exits.enter_context(contextlib.closing(Http(address)))
            connection.request("GET", f"/stepwise?fifo={fifo}")
            stream = connection.getresponse()
            assert stream.read1() == b"piece 1\n"
            streams.append((fifo, stream))
        (shared,) = recorder.connections
        ids = begun(shared)
        assert len(ids) == SIDE_BY_SIDE
        # One that comes later is quicker than all.
        assert ask(address, "GET", "/hello").body == b"Hello, world!\n"
        assert begun(shared) == ids
        # One is given up, and the others end in the order in which their work does: the last comes first.
        fifo, stream = streams.pop(1)
        stream.close()
        left = ids.pop(1)
        wait_until(lambda: fifo.with_suffix(".closed").exists() or (opened(fifo) and False), "the one that was left")
        for fifo, stream in reversed(streams):
            fifo.write_bytes(b"")
            assert stream.read() == b"piece 2\n"
            wait_until(lambda: ids[-1] not in begun(shared), "its end")
            ids.pop()
            assert [id_ for id_ in begun(shared) if id_ != left] == ids
        assert recorder.connections == [shared]
    assert seen(shared.front)[0] == (GET_VALUES, 0)
    assert seen(shared.backend)[0] == (GET_VALUES_RESULT, 0)


ERRORS = {
    "nginx": r'FastCGI sent in stderr: "the lamp in room 3 is broken"',
    "apache": r"AH01071: Got error 'the lamp in room 3 is broken",
    "lighttpd": r"FastCGI-stderr:the lamp in room 3 is broken",
    "haproxy": r"the lamp in room 3 is broken",
}
"""How a front logs what the application writes to wsgi.errors. Caddy does not."""


@pytest.mark.parametrize("front", [each for each in EACH_FRONT if each.values[0] in ERRORS])
def test_errors_of_the_application_are_in_the_log_of_the_front(fronts: Fronts, front: str) -> None:
    found = fronts[front, "unix"]
    asked: list[str] = []

    def logged() -> bool:
        return len(re.findall(ERRORS[front], found.log)) == len(asked)

    for site in found.sites:
        if site.startswith("fastcgi"):
            asked.append(site)
            assert ask(found.sites[site], "GET", "/errors").body == b"said\n"
            wait_until(logged, f"{front} logs for each of {asked}")


@pytest.mark.real("lighttpd")
def test_an_authorizer_lets_pass_or_does_not(servers: dict[str, Server], tmp_path: Path) -> None:
    ((_python, _m, program, *arguments),) = howto.commands("authorizer")
    (tmp_path / "guard.py").write_text(howto.files("authorizer")["/srv/museum/guard.py"])
    words = [howto.replace(word, {"/run/museum": str(tmp_path)}) for word in arguments]
    with Server(program, *words, cwd=tmp_path) as guard:
        backends = addresses(servers) | {"/run/museum/guard.sock": guard.address.path}
        with running(GUARDED, backends) as front:
            (site,) = front.sites.values()
            refused = ask(site, "GET", "/environ")
            assert (refused.status, refused.body) == (401, b"Who are you?\n")
            assert ("www-authenticate", 'Basic realm="museum"') in refused.fields
            passed = ask(site, "GET", "/environ?a", None, {"Authorization": "Basic YWRhOmxvdmVsYWNl", "Visitor": "eve"})
            assert passed.status == 200
            assert b"\nVISITOR = 'ada'\n" in passed.body
            assert b"\nHTTP_VISITOR = 'eve'\n" in passed.body
            echoed = ask(site, "POST", "/echo", b"x" * 100_000, {"Authorization": "Basic YWRhOmxvdmVsYWNl"})
            assert echoed.body == b"x" * 100_000
