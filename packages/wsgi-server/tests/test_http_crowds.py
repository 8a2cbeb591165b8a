"""Many peers, slow peers and peers that leave: the others are served, and nothing is left behind. Over real sockets."""

from __future__ import annotations

import re
import select
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gateway_runtime.testing import Server, wait_until
from http_peer import CHUNKED, CLOSE, answers, application, ask, descriptors, read_all, request, reset, talk

HEAD = request("/slow", *[f"X-{number}: {'y' * 8}" for number in range(4)], CLOSE)


@pytest.mark.parametrize("threads", ["1", "2"])
def test_two_hundred_slow_senders_do_not_hold_up_a_good_client(tmp_path: Path, threads: str) -> None:  # HTTP-109
    """Between any two bytes of theirs it has an answer; and they are served too, once they have asked."""
    options = ("--bind", "127.0.0.1:0", "--threads", threads)
    with Server("wsgi_server", "told:app", *options, cwd=application(tmp_path)) as server, ExitStack() as open_sockets:
        slow = [open_sockets.enter_context(server.connect()) for _ in range(200)]
        sent = 0
        with server.connect() as good:
            for step in range(50):
                for sock in slow:
                    sock.sendall(HEAD[sent : sent + 1])
                sent += 1
                good.sendall(request(f"/{step}"))
                assert good.recv(65536).endswith(f"\r\n\r\n/{step}".encode())
        for sock in slow:
            sock.sendall(HEAD[sent:])
        for sock in slow:
            assert read_all(sock).endswith(b"\r\n\r\n/slow")


def test_more_kept_connections_than_threads_all_get_their_turn(tmp_path: Path) -> None:  # HTTP-110
    with (
        Server("wsgi_server", "told:app", "--bind", "127.0.0.1:0", cwd=application(tmp_path)) as server,
        ExitStack() as open_sockets,
    ):
        kept = [open_sockets.enter_context(server.connect()) for _ in range(20)]
        for turn in range(3):
            for number, sock in enumerate(kept):
                sock.sendall(request(f"/{turn}/{number}"))
            for number, sock in enumerate(kept):
                assert sock.recv(65536).endswith(f"\r\n\r\n/{turn}/{number}".encode())


def test_whoever_pipelines_without_reading_holds_up_nobody(tmp_path: Path) -> None:  # HTTP-110
    with (
        Server("wsgi_server", "told:app", "--bind", "127.0.0.1:0", cwd=application(tmp_path)) as server,
        server.connect() as greedy,
    ):
        greedy.setblocking(False)
        stream = request("/environ") * 1000
        total = 0
        try:
            while total < 1 << 26:
                total += greedy.send(stream)
        except BlockingIOError:
            pass  # neither side takes any more: the server rests, and does not collect answers
        assert ask(server, "/good").body == b"/good"


def test_slow_readers_cost_no_thread(tmp_path: Path) -> None:  # HTTP-109
    with (
        Server("wsgi_server", "told:app", "--bind", "127.0.0.1:0", cwd=application(tmp_path)) as server,
        ExitStack() as open_sockets,
    ):
        for _ in range(20):
            sock = open_sockets.enter_context(server.connect())
            sock.sendall(request("/endless"))
            assert sock.recv(100).startswith(b"HTTP/1.1 200 ")
        assert ask(server, "/good").body == b"/good"


def test_who_does_not_read_at_all_is_cut(tmp_path: Path) -> None:  # HTTP-109
    options = ("--bind", "127.0.0.1:0", "--send-timeout", "0.1")
    with Server("wsgi_server", "told:app", *options, cwd=application(tmp_path)) as server:
        with server.connect() as sock:
            sock.sendall(request("/endless"))
            server.wait_for_line("the peer does not take")
            with pytest.raises(ConnectionResetError):  # not an end: it must be able to tell
                read_all(sock)
        assert ask(server, "/good").body == b"/good"


PLACES = [0, 1, 5, 30, len(HEAD) - 1, len(HEAD)]


@pytest.mark.parametrize("threads", ["1", "2"])
def test_peers_that_reset_at_any_moment_leave_nothing(tmp_path: Path, threads: str) -> None:  # HTTP-112
    options = ("--bind", "127.0.0.1:0", "--threads", threads)
    with Server("wsgi_server", "told:app", *options, cwd=application(tmp_path)) as server:
        (worker,) = server.workers()
        with server.connect() as only:  # once it is answered, the loop has all that it opens, and this connection
            only.sendall(request("/warm"))
            assert only.recv(65536).endswith(b"/warm")
            before = descriptors(worker)
        for place in PLACES:  # of a request, and perhaps before it is accepted
            for _ in range(5):
                sock = server.connect()
                sock.sendall(HEAD[:place])
                reset(sock)
        for target in ("/endless", "/pieces", "/breaks"):  # of a response
            for size in (0, 1, 200):
                sock = server.connect()
                sock.sendall(request(target))
                if size:
                    assert sock.recv(size)
                reset(sock)
        for content in (b"", b"5\r\nhe", b"5\r\nhello\r\n0\r\n\r\n" + request("/next")):  # of content, and pipelined
            sock = server.connect()
            sock.sendall(request("/echo", CHUNKED, method="POST", body=content))
            reset(sock)
        assert ask(server, "/good").body == b"/good"
        wait_until(lambda: before is None or descriptors(worker) == before - 1, "every descriptor is freed")
        assert server.workers() == [worker]
        assert all("in the middle" in part for part in server.stderr.split("Traceback")[1:])


LIMITED = """
import resource, sys
from gateway_runtime.cli import main
from wsgi_server.server import GATEWAY

resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
sys.exit(main(GATEWAY))
"""


def test_when_descriptors_run_out_others_wait_and_are_served(tmp_path: Path) -> None:  # HTTP-107, HTTP-113
    (application(tmp_path) / "limited.py").write_text(LIMITED)
    with Server("limited", "told:app", "--bind", "127.0.0.1:0", cwd=tmp_path) as server, ExitStack() as open_sockets:
        socks = [open_sockets.enter_context(server.connect()) for _ in range(60)]
        server.wait_for_line("cannot accept connections: Too many open files")
        for sock in socks:
            sock.sendall(request("/all"))
        # No descriptor is free for a file either: large content cannot be kept, which may pass.
        (answer,) = answers(large(socks[0]))
        assert (answer.status, answer.fields["connection"]) == (503, "close")
        assert int(answer.fields["retry-after"]) > 0
        for sock in socks[1:]:
            assert sock.recv(65536).endswith(b"\r\n\r\n/all")
            sock.close()
        assert ask(server, "/good").body == b"/good"
        assert "Traceback" not in server.stderr
        assert server.stderr.count("cannot accept") < 30  # it waits a while between two attempts


def large(sock: socket.socket) -> bytes:
    """Read the answer that is due; then send content that does not stay in memory, and return what is said to that."""
    assert sock.recv(65536).endswith(b"\r\n\r\n/all")
    sock.sendall(request("/echo", "Content-Length: 500000", method="POST", body=b"x" * 500_000))
    return read_all(sock)


@pytest.mark.skipif(not hasattr(select, "EPOLLEXCLUSIVE"), reason="who wakes is the kernel's choice")
def test_one_connection_does_not_wake_every_worker(tmp_path: Path) -> None:  # HTTP-118
    """Each time that a worker goes back to sleep is a voluntary switch: two are usual; were all woken, ten."""
    connections = 100
    options = ("--bind", "127.0.0.1:0", "--workers", "8")
    with Server("wsgi_server", "told:app", *options, cwd=application(tmp_path)) as server:
        before = switches(server.workers())
        for _ in range(connections):
            assert ask(server, "/").status == 200
        assert switches(server.workers()) - before < 6 * connections


def switches(pids: list[int]) -> int:
    """Return how often these processes have gone to sleep by themselves."""
    statuses = "".join(Path(f"/proc/{pid}/status").read_text() for pid in pids)
    return sum(map(int, re.findall(r"\nvoluntary_ctxt_switches:\t(\d+)", statuses)))


def test_connections_beyond_the_limit_wait(tmp_path: Path) -> None:  # HTTP-101
    options = ("--bind", "127.0.0.1:0", "--max-connections", "2")
    with Server("wsgi_server", "told:app", *options, cwd=application(tmp_path)) as server, ExitStack() as open_sockets:
        first, second, third = (open_sockets.enter_context(server.connect()) for _ in range(3))
        for sock in (first, second):
            sock.sendall(request("/in"))
            assert sock.recv(65536).endswith(b"/in")
        third.sendall(request("/waits", CLOSE))
        server.wait_for_line("2 connections are open, which is the limit")
        first.close()
        assert read_all(third).endswith(b"/waits")


def test_one_byte_chunks_arrive(tmp_path: Path) -> None:  # HTTP-63
    content = b"1\r\nx\r\n" * 30_000 + b"0\r\n\r\n"
    with Server("wsgi_server", "told:app", "--bind", "127.0.0.1:0", cwd=application(tmp_path)) as server:
        (answer,) = answers(talk(server, request("/echo", CHUNKED, CLOSE, method="POST", body=content)))
        assert answer.body == b"x" * 30_000
