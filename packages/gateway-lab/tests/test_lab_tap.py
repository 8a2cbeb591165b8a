"""The tap: it passes everything on, notes the beginning, and leaves nothing open."""

from __future__ import annotations

import socket
import threading

from gateway_lab.tap import KEPT, Tap


def everything(sock):
    return b"".join(iter(lambda: sock.recv(65536), b""))


def echo(listener):
    """Answer each connection with what it said, once it has said all."""
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        with sock:
            sock.sendall(everything(sock)[::-1])


def talk(port, words):
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.sendall(words)
        sock.shutdown(socket.SHUT_WR)
        return everything(sock)


def test_all_passes_and_its_beginning_is_kept():
    large = b"x" * 100_000 + b"y"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=echo, args=(listener,), daemon=True).start()
        with Tap("127.0.0.1", listener.getsockname()[1]) as tap:
            assert talk(tap.port, b"abc") == b"cba"
            assert talk(tap.port, large) == large[::-1]
            first, second = tap.passed
        listener.shutdown(socket.SHUT_RDWR)
    assert (bytes(first.sent), bytes(first.came)) == (b"abc", b"cba")
    assert bytes(second.came) == large[::-1][:KEPT]


def test_a_gateway_that_has_gone_and_a_visitor_who_stays_hold_nobody_up():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    before = threading.active_count()
    with Tap("127.0.0.1", port) as tap:
        assert talk(tap.port, b"") == b""
    with socket.create_server(("127.0.0.1", 0)) as silent, Tap("127.0.0.1", silent.getsockname()[1]) as tap:
        waiting = socket.create_connection(("127.0.0.1", tap.port), 5)
        waiting.sendall(b"a")
        peer, _ = silent.accept()
        assert peer.recv(1) == b"a"
    assert (waiting.recv(1), peer.recv(1)) == (b"", b"")
    waiting.close()
    peer.close()
    assert threading.active_count() <= before
