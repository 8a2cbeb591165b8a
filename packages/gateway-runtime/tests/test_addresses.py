"""Where servers listen and clients connect."""

from __future__ import annotations

import os
import re
import socket
import stat
from pathlib import Path

import pytest

from gateway_runtime.addresses import Address, connect, inherit, listen, parse, parse_url, take
from gateway_runtime.errors import StartupError


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory, so that paths of sockets are short enough wherever temporary files lie."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def open_files():
    """Return how many descriptors this process holds."""
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - a list is what can be counted


@pytest.fixture(autouse=True)
def nothing_leaks():
    before = open_files()
    yield
    assert open_files() == before


# -- text -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address", "written"),
    [
        ("127.0.0.1:8000", Address(host="127.0.0.1", port=8000), "127.0.0.1:8000"),
        ("localhost:0", Address(host="localhost", port=0), "localhost:0"),
        ("example.org:65535", Address(host="example.org", port=65535), "example.org:65535"),
        (":80", Address(host="0.0.0.0", port=80), "0.0.0.0:80"),
        ("[::1]:9000", Address(host="::1", port=9000), "[::1]:9000"),
        ("[::]:9000", Address(host="::", port=9000), "[::]:9000"),
        ("[::ffff:127.0.0.1]:1", Address(host="::ffff:127.0.0.1", port=1), "[::ffff:127.0.0.1]:1"),
        ("unix:/run/x.sock", Address(path="/run/x.sock"), "unix:/run/x.sock"),
        ("unix:x", Address(path="x"), "unix:x"),
        ("unix:a:1", Address(path="a:1"), "unix:a:1"),
        ("fd:0", Address(fd=0), "fd:0"),
        ("fd:17", Address(fd=17), "fd:17"),
    ],
)
def test_addresses_are_read_and_written(text, address, written):
    assert parse(text) == address
    assert str(address) == written
    assert parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "8000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1: 1",
        "127.0.0.1:1 ", "127.0.0.1:1\n", "127.0.0.1:http", "127.0.0.1:0x10", "127.0.0.1:\u0661", "::1:9000", "[::1]",
        "[::1]9000", "[]:9000", "[::1:9000", "[x]:1", "unix:", "fd:", "fd:-1", "fd:x", "fd:1 ", "http://127.0.0.1:80",
        "127.0.0.1:80/", "127.0.0.1:123456",
    ],
)  # fmt: skip
def test_what_is_no_address(text):
    with pytest.raises(StartupError, match="is not an address") as caught:
        parse(text)
    assert repr(text) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "scheme", "address"),
    [
        ("http://127.0.0.1:8000", "http", Address(host="127.0.0.1", port=8000)),
        ("fastcgi://[::1]:9000", "fastcgi", Address(host="::1", port=9000)),
        ("scgi+unix:/run/x.sock", "scgi", Address(path="/run/x.sock")),
        ("uwsgi+unix:x", "uwsgi", Address(path="x")),
    ],
)
def test_urls_are_read_and_written(url, scheme, address):
    assert parse_url(url) == (scheme, address)
    assert address.url(scheme) == url


def test_a_url_may_end_with_a_slash():
    assert parse_url("http://127.0.0.1:8000/") == ("http", Address(host="127.0.0.1", port=8000))


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:80", "http:127.0.0.1:80", "http://", "http+unix:", "http://127.0.0.1", "HTTP://x:1", "x://fd:3"],
)
def test_what_is_no_url(url):
    with pytest.raises(StartupError) as caught:
        parse_url(url)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("127.0.0.1:1", False), ("127.8.9.1:1", False), ("localhost:1", False), ("[::1]:1", False), ("unix:x", False),
        ("0.0.0.0:1", True), (":1", True), ("[::]:1", True), ("192.168.1.1:1", True), ("10.0.0.1:1", True),
        ("example.org:1", True),
    ],
)  # fmt: skip
def test_what_other_machines_can_reach(text, public):
    assert parse(text).public is public


# -- TCP --------------------------------------------------------------------------------------------------------------


def exchange(listener):
    """Send a byte through a new connection."""
    channel = connect(listener.address, 5)
    listener.sock.setblocking(True)
    listener.sock.settimeout(5)
    accepted, _ = listener.sock.accept()
    with accepted:
        channel.sendall(b"x")
        assert accepted.recv(1) == b"x"
    channel.close()


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")),
    ],
)
def test_port_0_becomes_a_port(host):
    listener = listen(Address(host=host, port=0))
    assert listener.address.port > 0
    assert not listener.sock.getblocking()
    assert not listener.sock.get_inheritable()
    assert parse(str(listener.address)) == listener.address
    exchange(listener)
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        connect(listener.address, 5)


def test_a_port_in_use():
    first = listen(Address(host="127.0.0.1", port=0))
    with pytest.raises(StartupError, match=rf"cannot listen on {first.address}: it is in use already"):
        listen(first.address)
    first.close()


def test_a_port_can_be_used_again_at_once():
    """Connections of the last server wait in TIME_WAIT."""
    first = listen(Address(host="127.0.0.1", port=0))
    exchange(first)
    first.close()
    second = listen(first.address)
    exchange(second)
    second.close()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "256.1.1.1", "a" * 70, "a..b", "192.0.2.1", "x y"])
def test_a_host_that_is_not_here(host):
    with pytest.raises(StartupError, match="cannot listen on") as caught:
        listen(Address(host=host, port=0))
    assert "\n" not in str(caught.value)


# -- unix sockets -----------------------------------------------------------------------------------------------------


def test_a_socket_file_comes_and_goes(here):
    listener = listen(Address(path="x.sock"))
    mode = Path("x.sock").stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o660
    assert not listener.sock.getblocking()
    exchange(listener)
    listener.close()
    assert not Path("x.sock").exists()
    listener.close()


def test_a_second_close_leaves_another_server_s_file_alone(here):
    first = listen(Address(path="x.sock"))
    first.close()
    second = listen(Address(path="x.sock"))
    first.close()
    exchange(second)
    second.close()


def test_who_removes_the_file_can_change(here):
    first = listen(Address(path="x.sock"))
    assert first.file == "x.sock"
    second = inherit(os.dup(first.sock.fileno()), with_file=True)
    assert second.address == first.address
    assert second.file == ""
    first.leave_file()
    second.take_file()
    first.close()
    exchange(second)
    second.close()
    assert not Path("x.sock").exists()


def test_what_is_inherited_without_its_file_leaves_it(here):
    first = listen(Address(path="x.sock"))
    second = inherit(os.dup(first.sock.fileno()), with_file=False)
    second.take_file()
    second.close()
    exchange(first)
    first.close()


def test_a_file_in_a_folder_that_is_no_longer_ours_stays(here, monkeypatch):
    def unlink(path):
        raise PermissionError

    listener = listen(Address(path="x.sock"))
    monkeypatch.setattr(os, "unlink", unlink)
    listener.close()
    assert Path("x.sock").exists()


def test_the_mode_of_a_file(here):
    listener = listen(Address(path="x.sock"), mode=0o600)
    assert stat.S_IMODE(Path("x.sock").stat().st_mode) == 0o600
    listener.close()


def test_a_socket_file_that_a_dead_server_left_is_replaced(here):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind("x.sock")
        dead.listen()
    assert Path("x.sock").exists()
    listener = listen(Address(path="x.sock"))
    exchange(listener)
    listener.close()


def test_a_socket_file_of_a_living_server_is_left_alone(here):
    first = listen(Address(path="x.sock"))
    inode = Path("x.sock").stat().st_ino
    with pytest.raises(StartupError, match=r"cannot listen on unix:x\.sock: it is in use already"):
        listen(first.address)
    assert Path("x.sock").stat().st_ino == inode
    exchange_after_probe(first)
    first.close()


def exchange_after_probe(listener):
    """The probe was a connection too."""
    listener.sock.setblocking(True)
    listener.sock.accept()[0].close()
    exchange(listener)


def test_a_living_server_that_is_too_busy_to_accept_is_left_alone(here):
    """A connection to a full queue would wait for ever."""
    first = listen(Address(path="x.sock"), backlog=1)
    waiting = []
    for _ in range(20):
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        waiting.append(sock)
        try:
            sock.connect("x.sock")
        except BlockingIOError:
            break
    with pytest.raises(StartupError, match="in use already"):
        listen(first.address)
    for sock in waiting:
        sock.close()
    assert Path("x.sock").exists()
    first.close()


@pytest.mark.parametrize("kind", ["file", "directory", "fifo"])
def test_what_is_no_socket_is_left_alone(here, kind):
    path = Path("x.sock")
    {"file": path.touch, "directory": path.mkdir, "fifo": lambda: os.mkfifo(path)}[kind]()
    with pytest.raises(StartupError, match="no socket is there"):
        listen(Address(path="x.sock"))
    assert path.exists()


def test_a_datagram_socket_is_left_alone(here):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind("x.sock")
        with pytest.raises(StartupError, match="cannot listen on unix:x"):
            listen(Address(path="x.sock"))
        assert Path("x.sock").exists()


@pytest.mark.parametrize("path", ["no/such/folder/x.sock", "x" * 200])
def test_a_path_that_cannot_be(here, path):
    with pytest.raises(StartupError, match="cannot listen on unix:") as caught:
        listen(Address(path=path))
    assert "\n" not in str(caught.value)


def test_a_forked_worker_does_not_remove_the_file(here):
    listener = listen(Address(path="x.sock"))
    pid = os.fork()
    if pid == 0:
        listener.close()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    exchange(listener)
    listener.close()
    assert not Path("x.sock").exists()


# -- descriptors ------------------------------------------------------------------------------------------------------


def test_a_tcp_socket_is_adopted():
    with socket.create_server(("127.0.0.1", 0)) as given:
        listener = listen(Address(fd=given.fileno()))
        assert listener.address == Address(host="127.0.0.1", port=given.getsockname()[1])
        assert not listener.sock.getblocking()
        exchange(listener)
        listener.close()


def test_a_unix_socket_is_adopted_and_its_file_stays(here):
    with socket.socket(socket.AF_UNIX) as given:
        given.bind("x.sock")
        given.listen()
        listener = listen(Address(fd=given.fileno()))
        assert listener.address.url("scgi") == "scgi+unix:x.sock"
        assert not listener.address.public
        exchange(listener)
        listener.close()
        assert Path("x.sock").exists()


def test_an_adopted_socket_that_everybody_can_reach_is_public():
    with socket.create_server(("0.0.0.0", 0)) as given:
        listener = listen(Address(fd=given.fileno()))
        assert listener.address.public
        listener.close()


@pytest.mark.parametrize("kind", ["closed", "file", "pipe", "not listening", "datagram"])
def test_what_cannot_be_adopted(kind, here):
    with socket.socket() as sock, socket.socket(type=socket.SOCK_DGRAM) as datagram, Path("file").open("w") as file:
        read, write = os.pipe()
        fd = {"closed": 9999, "file": file.fileno(), "pipe": read, "not listening": sock.fileno(),
              "datagram": datagram.fileno()}[kind]  # fmt: skip
        before = open_files()
        with pytest.raises(StartupError, match=rf"\b(fd:|descriptor ){fd}\b") as caught:
            listen(Address(fd=fd))
        assert "\n" not in str(caught.value)
        assert open_files() == before
        os.close(read)
        os.close(write)


def test_a_passed_socket_is_taken_itself_and_not_a_copy():
    given = socket.create_server(("127.0.0.1", 0))
    port, fd = given.getsockname()[1], given.detach()
    listener = take(fd, "web")
    assert listener.sock.fileno() == fd
    assert listener.address == Address(host="127.0.0.1", port=port)
    exchange(listener)
    listener.close()


@pytest.mark.parametrize(("name", "words"), [("", "descriptor FD is"), ("web", r"descriptor FD \(web\) is")])
def test_what_is_passed_and_does_not_listen(name, words):
    fd = socket.socket().detach()
    with pytest.raises(StartupError, match=words.replace("FD", str(fd)) + " not a listening socket"):
        take(fd, name)


# -- the client's side ------------------------------------------------------------------------------------------------


@pytest.fixture(params=["tcp", "unix"])
def pair(request, here):
    """A channel and the socket at its other end."""
    listener = listen(Address(host="127.0.0.1", port=0) if request.param == "tcp" else Address(path="x.sock"))
    channel = connect(listener.address, 5)
    listener.sock.setblocking(True)
    peer, _ = listener.sock.accept()
    yield channel, peer
    channel.close()
    peer.close()
    listener.close()


def test_a_channel_that_nobody_has_touched_is_not_stale(pair):
    channel, peer = pair
    for _ in range(2):
        assert not channel.stale()
        peer.sendall(b"x")
        assert channel.recv(1) == b"x"  # the time limit is as it was


def test_a_channel_is_stale_when_its_peer_has_closed(pair):
    channel, peer = pair
    peer.close()
    assert channel.stale()


def test_a_channel_is_stale_when_its_peer_says_something_unasked(pair):
    channel, peer = pair
    peer.sendall(b"x")
    assert channel.stale()
    assert channel.recv(1) == b"x"


def test_a_time_limit(here):
    listener = listen(Address(path="x.sock"))
    channel = connect(listener.address, 0.01)
    with pytest.raises(TimeoutError):
        channel.recv(1)
    with pytest.raises(TimeoutError):
        channel.sendall(b"x" * 10_000_000)
    channel.close()
    listener.close()


@pytest.mark.parametrize("address", [Address(path="no.sock"), Address(host="127.0.0.1", port=1)])
def test_nobody_listens(here, address):
    with pytest.raises(OSError, match=re.compile("no such file|refused", re.IGNORECASE)):
        connect(address, 5)
