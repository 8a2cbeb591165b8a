"""Many clients, rude clients, and a worker that has one thread for all of them."""

from __future__ import annotations

import select
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from asgi_peer import bridged, probed

import test_http_crowds as crowds  # isort: skip
from http_peer import CHUNKED, CLOSE, answers, ask, read_all, request, talk  # isort: skip
from gateway_runtime.lifetime import resident
from gateway_runtime.testing import Server, wait_until

BIND = ("--bind", "127.0.0.1:0")


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tests of the WSGI server start this one."""

    def start(_program: str, _application: str, *options: str, cwd: Path) -> Server:
        return Server("asgi_server", "bridge:app", *[one for one in options if one not in ("--threads", "1")], cwd=cwd)

    monkeypatch.setattr(crowds, "Server", start)
    monkeypatch.setattr(crowds, "application", bridged)


pytestmark = pytest.mark.usefixtures("ours")

test_kept_connections = crowds.test_more_kept_connections_than_threads_all_get_their_turn
test_greedy_pipelining = crowds.test_whoever_pipelines_without_reading_holds_up_nobody
test_slow_readers = crowds.test_slow_readers_cost_no_thread
test_one_byte_chunks = crowds.test_one_byte_chunks_arrive
test_connections_beyond_the_limit = crowds.test_connections_beyond_the_limit_wait
test_one_worker_wakes = crowds.test_one_connection_does_not_wake_every_worker


def test_slow_senders(tmp_path: Path) -> None:  # HTTP-109
    crowds.test_two_hundred_slow_senders_do_not_hold_up_a_good_client(tmp_path, "1")


def test_resets_at_any_moment(tmp_path: Path) -> None:  # HTTP-112, ASGI-15
    crowds.test_peers_that_reset_at_any_moment_leave_nothing(tmp_path, "1")


def test_pipelining_without_reading_fills_no_memory(tmp_path: Path) -> None:  # HTTP-95, ASGI-16
    """The answers to what has come would take a hundred megabytes: the next one waits until the last one is taken."""
    with Server("asgi_server", "probe:app", *BIND, cwd=probed(tmp_path)) as server, server.connect() as greedy:
        (worker,) = server.workers()
        assert ask(server, "/large").status == 200
        before = resident(worker)
        greedy.sendall(request("/large") * 1000)
        for _ in range(20):
            assert ask(server, "/unread").status == 200
        assert resident(worker) - before < 30 << 20


def test_pipelining_and_reading_fills_no_memory(tmp_path: Path) -> None:  # HTTP-95, ASGI-16
    """However many are answered, what has come behind them is bounded."""
    with Server("asgi_server", "probe:app", *BIND, cwd=probed(tmp_path)) as server, server.connect() as fast:
        stream = request("/unread") * 1000
        sent, answered = 0, 0
        while answered < 500:
            fast.setblocking(False)
            try:
                while True:
                    sent += fast.send(stream[sent % len(stream) :])
                    assert sent < 24 << 20
            except BlockingIOError:
                pass
            fast.settimeout(20)
            answered += fast.recv(2000).count(b"HTTP/1.1 200 ")


LIMITED = """
import resource, sys
from gateway_runtime.cli import main
from asgi_server.server import GATEWAY

resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
sys.exit(main(GATEWAY))
"""


def test_when_descriptors_run_out_others_wait_and_are_served(tmp_path: Path) -> None:  # HTTP-113
    (probed(tmp_path) / "limited.py").write_text(LIMITED)
    with Server("limited", "probe:app", *BIND, cwd=tmp_path) as server, ExitStack() as open_sockets:
        socks = [open_sockets.enter_context(server.connect()) for _ in range(60)]
        server.wait_for_line("cannot accept connections: Too many open files")
        for sock in socks:
            sock.sendall(request("/unread"))
        for sock in socks:
            assert sock.recv(65536).endswith(b"\r\n\r\nunread")
            sock.close()
        assert ask(server, "/unread").body == b"unread"
        assert "Traceback" not in server.stderr


POLLED = """
import selectors, sys
from gateway_runtime.cli import main
from asgi_server.server import GATEWAY

selectors.DefaultSelector = selectors.PollSelector
sys.exit(main(GATEWAY))
"""


def test_where_there_is_no_epoll(tmp_path: Path) -> None:
    """Listeners are watched as any other descriptor: more workers wake, and no connection is lost."""
    (probed(tmp_path) / "polled.py").write_text(POLLED)
    with Server("polled", "probe:app", *BIND, "--workers", "2", cwd=tmp_path) as server:
        for _ in range(20):
            assert ask(server, "/unread").body == b"unread"


GONE = """
import asyncio.selector_events, sys
from gateway_runtime.cli import main
from asgi_server.server import GATEWAY

def gone(sock, left=[3]):
    left[0] -= 1
    if left[0] >= 0:
        raise OSError("the client has gone")

asyncio.selector_events.base_events._set_nodelay = gone
sys.exit(main(GATEWAY))
"""


def test_a_connection_that_is_lost_before_it_began_leaves_nothing(tmp_path: Path) -> None:
    """Where the system lets nobody set an option of a socket whose peer has gone, that is an error in asyncio."""
    (probed(tmp_path) / "gone.py").write_text(GONE)
    with Server("gone", "probe:app", *BIND, "--max-connections", "2", cwd=tmp_path) as server:
        for _ in range(3):
            with server.connect() as sock:
                assert sock.recv(1) == b""
        assert ask(server, "/unread").body == b"unread"  # none of them counts as open
        assert server.stderr.count("a connection was lost before it began: the client has gone") == 3


LATE = [
    # half a request
    b"G",
    request("/unread")[:-1],
    request("/cut", "Content-Length: 2", body=b"a"),
    request("/cut", CHUNKED, body=b"5\r\na"),
    request("/cut", CHUNKED, body=b"0\r\n"),
]


def test_who_is_late_is_told_so_and_who_is_idle_is_not(tmp_path: Path) -> None:  # HTTP-99, HTTP-100, HTTP-109
    limits = ("--idle-timeout", "0.5", "--head-timeout", "0.5", "--body-timeout", "0.5")
    with (
        Server("asgi_server", "probe:app", *BIND, *limits, cwd=probed(tmp_path)) as server,
        ExitStack() as open_sockets,
    ):
        waiting = open_sockets.enter_context(server.connect())
        waiting.sendall(request("/leaving"))
        halves = [(sent, open_sockets.enter_context(server.connect())) for sent in (*LATE, b"")]
        for sent, sock in halves:
            sock.sendall(sent)
        for sent, sock in halves:
            found = read_all(sock)
            assert [answer.status for answer in answers(found)] == [408] if sent else found == b""
        assert talk(server, request("/unread")).count(b"HTTP/1.1 ") == 1  # and then it is closed without a word
        server.wait_for_line("did not arrive within the time limit")
        server.wait_for_line("told .*disconnect")
        waiting.setblocking(False)
        with pytest.raises(BlockingIOError):  # the application may take its time
            waiting.recv(1)


IDLE = 300


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads in /proc")
def test_hundreds_wait_and_one_thread_serves_them(tmp_path: Path) -> None:
    """Long polls, all woken at once; meanwhile others are served."""
    with Server("asgi_server", "demo_app.asgi:app", *BIND, cwd=tmp_path) as server, ExitStack() as open_sockets:
        (worker,) = server.workers()
        polls = [open_sockets.enter_context(server.connect()) for _ in range(IDLE)]
        for sock in polls:
            sock.sendall(request("/wait?ms=60000", CLOSE))
        assert ask(server, "/hello").body == b"Hello, world!\n"
        assert len(list(Path(f"/proc/{worker}/task").iterdir())) == 1

        def all_woken() -> bool:
            assert ask(server, "/wait?wake=1").body == b"rung\n"
            return len(select.select(polls, [], [], 0)[0]) == IDLE

        wait_until(all_woken)
        assert [answers(read_all(sock))[0].body for sock in polls] == [b"woken\n"] * IDLE


def test_clients_that_leave_a_long_poll_or_a_stream_of_events_free_it(tmp_path: Path) -> None:  # ASGI-7, ASGI-8
    events = tmp_path / "events"
    with ExitStack() as stack:
        watcher = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        watcher.bind(str(events))
        watcher.settimeout(20)
        options = (*BIND, "--events", str(events), "--event-kinds", "end")
        server = stack.enter_context(Server("asgi_server", "demo_app.asgi:app", *options, cwd=tmp_path))
        for target in ("/wait?ms=60000", "/ticks?ms=10"):
            with server.connect() as sock:
                sock.sendall(request(target))
                if target.startswith("/ticks"):
                    assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
            assert target.partition("?")[0].encode() in watcher.recv(1000)
        assert "Traceback" not in server.stderr


def test_balance(tmp_path: Path) -> None:  # HTTP-118
    """Connections that stay are dealt out to the workers."""
    if not hasattr(select, "EPOLLEXCLUSIVE"):
        pytest.skip("who accepts is the kernel's choice")
    with (
        Server("asgi_server", "probe:app", *BIND, "--workers", "2", cwd=probed(tmp_path)) as server,
        ExitStack() as open_sockets,
    ):
        for _ in range(20):
            sock = open_sockets.enter_context(server.connect())
            sock.sendall(request("/unread"))
            assert sock.recv(65536).endswith(b"unread")
        held = [crowds.descriptors(pid) or 0 for pid in server.workers()]
        assert max(held) - min(held) < 15
