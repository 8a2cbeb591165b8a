"""Fronts: what each is told, and each real one at work, over each protocol, with connections kept and not."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

from fastcgi_server.records import PARAMS, RecordReader, decode_pairs
from gateway_bench.errors import NotReady
from gateway_bench.load.address import Address
from gateway_bench.servers.fronts import FRONTS, Front, Place, apache, caddy, haproxy, lighttpd, nginx, ours
from gateway_runtime.testing import Server

PATH, TCP = "/run/a", ("::1", 4000)

Written = Callable[[Place], str]
WRITTEN: dict[str, Written] = {
    "nginx": nginx.configuration,
    "apache": apache.configuration,
    "lighttpd": lighttpd.configuration,
    "haproxy": haproxy.configuration,
    "caddy": caddy.configuration,
    "ours": lambda place: " ".join(ours.arguments(place)),
}


def place(backend: Address, kept: int = 0, host: str = "127.0.0.1") -> Place:
    return Place("/usr/sbin/front", backend, kept, host, 8081, Path("/tmp/folder"))


LISTENS = {
    "nginx": "listen 127.0.0.1:8081;", "apache": "Listen 127.0.0.1:8081", "lighttpd": "server.port = 8081",
    "haproxy": "bind 127.0.0.1:8081", "caddy": "http://:8081 {\n    bind 127.0.0.1", "ours": "--bind 127.0.0.1:8081",
}  # fmt: skip

UNIX_ROWS: list[tuple[str, str, int, list[str], list[str]]] = [
    ("nginx", "http", 8, ["proxy_pass http://backend;", "proxy_http_version 1.1;", "keepalive 8;",
                          "server unix:/run/a;"], ["_param"]),
    ("nginx", "http", 0, ["proxy_pass http://backend;"], ["proxy_http_version", "keepalive 8"]),
    ("nginx", "fastcgi", 8, ["fastcgi_pass backend;", "fastcgi_keep_conn on;", "keepalive 8;",
                             "fastcgi_param PATH_INFO $document_uri;",
                             "fastcgi_param CONTENT_LENGTH $content_length;"], ["proxy_pass"]),
    ("nginx", "fastcgi", 0, ["fastcgi_pass backend;"], ["keep_conn", "keepalive 8"]),
    ("nginx", "scgi", 0, ["scgi_pass backend;", "scgi_param SCGI 1;"], ["CONTENT_LENGTH", "keep_conn"]),
    ("nginx", "uwsgi", 0, ["uwsgi_pass backend;", 'uwsgi_param SCRIPT_NAME "";'], ["SCGI", "keep_conn"]),
    ("apache", "http", 8, ['"unix:/run/a|http://backend/" enablereuse=on smax=8', "ProxyPreserveHost"], ["disable"]),
    ("apache", "http", 0, ['"unix:/run/a|http://backend/" disablereuse=on'], ["enablereuse"]),
    ("apache", "fastcgi", 8, ['"unix:/run/a|fcgi://backend/" enablereuse=on', "BackendType GENERIC"], ["Preserve"]),
    ("apache", "fastcgi", 0, ['"unix:/run/a|fcgi://backend/" disablereuse=on'], ["enablereuse"]),
    ("apache", "scgi", 0, ['"unix:/run/a|scgi://backend/"'], ["GENERIC"]),
    ("apache", "uwsgi", 0, ['"unix:/run/a|uwsgi://backend/"'], ["GENERIC"]),
    ("lighttpd", "http", 0, ['("mod_proxy")', 'proxy.server = ("" => (("host" => "/run/a")))'], ["check-local"]),
    ("lighttpd", "fastcgi", 0, ['("mod_fastcgi")', 'fastcgi.server = ("" => (("socket" => "/run/a", '], ["protocol"]),
    ("lighttpd", "scgi", 0, ['("mod_scgi")', 'scgi.server = ("" => (("socket" => "/run/a", '], ["protocol"]),
    ("lighttpd", "uwsgi", 0, ['("mod_scgi")', 'scgi.protocol = "uwsgi"\nscgi.server'], []),
    ("haproxy", "http", 8, ["http-reuse always", "server one unix@/run/a pool-max-conn 8"], ["fcgi", "server-close"]),
    ("haproxy", "http", 0, ["option http-server-close", "server one unix@/run/a\n"], ["fcgi", "reuse"]),
    ("haproxy", "fastcgi", 8, ["use-fcgi-app application", "    option keep-conn", "proto fcgi"], ["no option"]),
    ("haproxy", "fastcgi", 0, ["option http-server-close", "no option keep-conn"], ["reuse"]),
    ("caddy", "http", 8, ["unix//run/a {", "keepalive_idle_conns 8", "idle_conns_per_host 8"], ["keepalive off"]),
    ("caddy", "http", 0, ["reverse_proxy unix//run/a {", "keepalive off"], ["keepalive_idle"]),
    ("caddy", "fastcgi", 0, ["reverse_proxy unix//run/a {", "transport fastcgi"], ["keepalive"]),
    ("ours", "http", 8, ["--to http+unix:/run/a", "--keep 8", "--workers 1"], []),
    ("ours", "fastcgi", 0, ["--to fastcgi+unix:/run/a", "--keep 0"], []),
    ("ours", "scgi", 0, ["--to scgi+unix:/run/a"], []),
    ("ours", "uwsgi", 0, ["--to uwsgi+unix:/run/a"], []),
]  # fmt: skip
"""Front, protocol, connections kept, what its configuration says, what it does not say."""

TCP_ROWS = {
    "nginx": "server [::1]:4000;",
    "apache": 'ProxyPass "/" "fcgi://[::1]:4000/"',
    "lighttpd": '"host" => "::1", "port" => 4000',
    "haproxy": "server one [::1]:4000 proto fcgi",
    "caddy": "reverse_proxy [::1]:4000 {",
    "ours": "--to fastcgi://[::1]:4000",
}


@pytest.mark.parametrize(("name", "scheme", "kept", "there", "absent"), UNIX_ROWS)
def test_what_each_is_told(name: str, scheme: str, kept: int, there: list[str], absent: list[str]) -> None:
    text = WRITTEN[name](place(Address(scheme, path=PATH), kept))
    assert LISTENS[name] in text
    assert [words for words in there if words not in text] == []
    assert [words for words in absent if words in text] == []


@pytest.mark.parametrize(("name", "there"), TCP_ROWS.items())
def test_a_backend_may_listen_at_a_port(name: str, there: str) -> None:
    text = WRITTEN[name](place(Address("fastcgi", *TCP)))
    assert there in text
    assert PATH not in text


@pytest.mark.parametrize("name", FRONTS)
def test_it_may_listen_where_visitors_from_elsewhere_come(name: str) -> None:
    text = WRITTEN[name](place(Address("fastcgi", *TCP), host="192.0.2.7"))
    assert LISTENS[name].replace("127.0.0.1", "192.0.2.7") in text
    assert "127.0.0.1" not in text


def test_each_protocol_of_each_front_has_a_row() -> None:
    assert {(name, scheme) for name, scheme, *_ in UNIX_ROWS} == {
        (name, scheme) for name, front in FRONTS.items() for scheme in front.speaks
    }
    for front in FRONTS.values():
        assert {*front.keeps} <= {*front.speaks} - {"scgi", "uwsgi"}


def test_nginx_sends_the_same_variables_in_the_same_order_whatever_carries_them() -> None:
    found = {}
    for scheme in ("fastcgi", "uwsgi", "scgi"):
        text = nginx.configuration(place(Address(scheme, path=PATH)))
        found[scheme] = re.findall(rf"{scheme}_param (\w+) ", text)
    assert found["fastcgi"] == found["uwsgi"] == list(nginx.PARAMS)
    assert [*found["scgi"], "CONTENT_LENGTH"] != found["scgi"]
    assert found["scgi"] == [name for name in nginx.PARAMS if name != "CONTENT_LENGTH"] + ["SCGI"]


# -- what is missing, and what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize("front", FRONTS.values(), ids=FRONTS)
def test_one_that_is_missing_says_which_command_installs_it(front: Front, tmp_path: Path) -> None:
    missing = replace(front, programs=("no-such-program|nor-such-program", *front.programs[1:]))
    presence = missing.presence()
    assert (presence.version, presence.reason) == ("", "no-such-program is not installed")
    assert presence.install == front.install
    with (
        pytest.raises(NotReady, match=re.escape(front.install)),
        missing.before(Address("http", path=PATH), 0, tmp_path / "front"),
    ):
        pass
    assert not (tmp_path / "front").exists()


def test_one_that_does_not_say_its_version_is_not_taken_for_present() -> None:
    silent = replace(FRONTS["ours"], asks=("-c", ""))
    assert silent.presence().reason == "http_front (ours) does not say its version"


@pytest.mark.parametrize(("name", "scheme"), [("haproxy", "scgi"), ("caddy", "uwsgi")])
def test_a_protocol_that_it_does_not_speak(name: str, scheme: str, tmp_path: Path) -> None:
    front = FRONTS[name]
    with (
        pytest.raises(NotReady, match=f"{front.label} does not speak {scheme}; it speaks http, fastcgi"),
        front.before(Address(scheme, path=PATH), 0, tmp_path / "front"),
    ):
        pass


def test_two_are_told_which_file_of_a_backend_answers(tmp_path: Path) -> None:
    backend = Address("fastcgi", path=PATH, script="/srv/page.php")
    assert "fastcgi_param SCRIPT_FILENAME /srv/page.php;" in nginx.configuration(place(backend))
    assert ours.arguments(place(backend))[:4] == [
        "--to", "fastcgi+unix:/run/a", "--environ", "SCRIPT_FILENAME=/srv/page.php",
    ]  # fmt: skip
    for name in {*FRONTS} - {"nginx", "ours"}:
        with pytest.raises(NotReady, match="not set up"), FRONTS[name].before(backend, 0, tmp_path / name):
            pass


def test_one_that_dies_shows_its_last_lines(tmp_path: Path) -> None:
    broken = replace(
        FRONTS["ours"], argv=lambda place: [place.program, "-c", "print('no such module'); raise SystemExit(3)"]
    )
    with (
        pytest.raises(NotReady, match="exit code 3") as raised,
        broken.before(Address("http", path=PATH), 0, tmp_path / "a"),
    ):
        pass
    assert raised.value.output == "no such module"


def test_it_is_not_disturbed_by_what_the_bench_was_started_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONTRACEMALLOC", "1")
    telling = replace(
        FRONTS["ours"],
        argv=lambda place: [place.program, "-c", "import os; print(sorted(os.environ))"],
        environment=lambda place: {"AT": place.at},
    )
    with pytest.raises(NotReady) as raised, telling.before(Address("http", path=PATH), 0, tmp_path / "a"):
        pass
    assert "'AT'" in raised.value.output
    assert "PYTHONTRACEMALLOC" not in raised.value.output


def test_one_that_says_nothing_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    silent = replace(FRONTS["ours"], argv=lambda place: [place.program, "-c", "import signal; signal.pause()"])
    with (
        pytest.raises(NotReady, match="not ready within"),
        silent.before(Address("http", path=PATH), 0, tmp_path / "a", limit=0.2),
    ):
        pass
    assert psutil.Process().children() == []


# -- real ones ---------------------------------------------------------------------------------------------------------

PROGRAMS = {"http": "wsgi_server", "fastcgi": "fastcgi_server", "scgi": "scgi_server", "uwsgi": "uwsgi_gateway"}
REAL = [
    pytest.param(name, scheme, marks=[] if name == "ours" else pytest.mark.real(front.programs[0].partition("|")[0]))
    for name, front in FRONTS.items()
    for scheme in front.speaks
]
VISITORS, REQUESTS = 2, 3


def over(scheme: str) -> list[Any]:
    """Return the fronts that speak a protocol, for `pytest.mark.parametrize`."""
    return [pytest.param(row.values[0], marks=row.marks) for row in REAL if row.values[1] == scheme]


class Doorway:
    """Counts who comes in, and notes what they ask. It stands at a unix socket and passes all on to another."""

    def __init__(self, path: str, backend: str) -> None:
        self.path, self.count, self._backend = path, 0, backend
        self.asked = bytearray()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listener = self._open()
        self._listener.bind(self.path)
        self._listener.listen()
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes who waits for it
        for thread in self._threads:
            thread.join()
        for sock in self._sockets:
            sock.close()

    def _open(self) -> socket.socket:
        self._sockets.append(socket.socket(socket.AF_UNIX))
        return self._sockets[-1]

    def _start(self, target: Callable[..., None], *arguments: socket.socket) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments))
        self._threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                front, _ = self._listener.accept()
                self._sockets.append(front)
                self.count += 1
                backend = self._open()
                backend.connect(self._backend)
                self._start(self._copy, front, backend)
                self._start(self._copy, backend, front)

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if sink.getpeername() == self._backend:
                    self.asked += data
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """Each of our servers at a unix socket and at a port, started when it is first asked for."""
    folder = tmp_path_factory.mktemp("backends")

    class Backends(dict[str, Server]):
        def __missing__(self, scheme: str) -> Server:
            binds = ["--bind", f"unix:{folder}/{scheme}", "--bind", "127.0.0.1:0", "--mount", "/"]
            env = {"DEMO_APP_DB": f"{folder}/guests.sqlite3"}
            self[scheme] = exits.enter_context(Server(PROGRAMS[scheme], "demo_app:app", *binds, env=env))
            return self[scheme]

    with contextlib.ExitStack() as exits:
        yield Backends()


def visit(address: Address, requests: int) -> None:
    """Ask for hello so often, over one connection."""
    with contextlib.closing(HTTPConnection(address.host, address.port, timeout=20)) as connection:
        connection.connect()
        first = connection.sock
        for _ in range(requests):
            connection.request("GET", "/hello")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"Hello, world!\n")
            assert connection.sock is first, "the front has closed the visitor's connection"


def lives(process: psutil.Process) -> bool:
    """Tell whether a process runs; one that only waits for its parent (or init) to notice its end does not."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(("name", "scheme"), REAL)
def test_hello_through_the_front(
    name: str, scheme: str, backends: dict[str, Server], tmp_path_factory: pytest.TempPathFactory
) -> None:
    front, folder = FRONTS[name], tmp_path_factory.mktemp("f")
    counts = {}
    for kept in (0, 4):
        with (
            Doorway(f"{folder}/{kept}", backends[scheme].addresses[0].path) as doorway,
            front.before(Address(scheme, path=doorway.path), kept, folder / f"front{kept}") as (service, address),
        ):
            for _ in range(VISITORS):
                visit(address, REQUESTS)
            counts[kept] = doorway.count
            tree = [psutil.Process(service.pid), *psutil.Process(service.pid).children(recursive=True)]
        assert [process for process in tree if lives(process)] == []
    assert counts == {0: VISITORS * REQUESTS, 4: 1 if scheme in front.keeps else VISITORS * REQUESTS}


SAID = {
    ("apache", "2.4.71"): 20,
    ("lighttpd", "1.4.69"): 17,
    ("haproxy", "2.6.12"): 13,
    ("caddy", "2.6.2"): 23,
    ("ours", FRONTS["ours"].presence().version): 14,
}
"""How many variables the head of a module says there are, besides the fields of the visitor, in which version."""


@pytest.mark.parametrize("name", over("fastcgi"))
def test_each_sends_the_variables_that_its_module_says(name: str, backends: dict[str, Server], tmp_path: Path) -> None:
    with (
        Doorway(f"{tmp_path}/door", backends["fastcgi"].addresses[0].path) as doorway,
        FRONTS[name].before(Address("fastcgi", path=doorway.path), 0, tmp_path / "front") as (_, address),
    ):
        visit(address, 1)
    reader, params = RecordReader(), b""
    reader.receive(bytes(doorway.asked))
    while record := reader.next():
        params += record.content if record.type == PARAMS else b""
    names = [variable for variable, _ in decode_pairs(params) if not variable.startswith("HTTP_")]
    if name == "nginx":
        assert names == list(nginx.PARAMS)
    assert "REQUEST_METHOD" in names
    version = FRONTS[name].presence().version
    assert len(names) == SAID.get((name, version), len(names))


@pytest.mark.parametrize("name", over("fastcgi"))
def test_a_backend_at_a_port(name: str, backends: dict[str, Server], tmp_path: Path) -> None:
    port = backends["fastcgi"].addresses[1].port
    with FRONTS[name].before(Address("fastcgi", "127.0.0.1", port), 4, tmp_path / "front") as (_, address):
        visit(address, 1)
    assert FRONTS[name].presence().reason == ""
    assert FRONTS[name].presence().version


NOBODY = 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can be somebody else; who is not root is that in every test")
@pytest.mark.real("setpriv")
@pytest.mark.parametrize("name", over("http"))
def test_a_user_may_run_it(name: str, backends: dict[str, Server], monkeypatch: pytest.MonkeyPatch) -> None:
    front, home = FRONTS[name], Path(tempfile.mkdtemp(prefix="gatelab-test-"))
    home.chmod(0o755)

    def as_nobody(place: Place) -> list[str]:
        words = front.argv(place)
        for path in (place.folder, *place.folder.iterdir()):
            os.chown(path, NOBODY, NOBODY)
        his_own = f'chown {NOBODY} /dev/stderr && exec "$@"'  # Apache opens it again
        setpriv = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        return ["sh", "-c", his_own, "sh", *setpriv, *words]

    monkeypatch.setattr("os.geteuid", lambda: NOBODY)
    backend = Address("http", "127.0.0.1", backends["http"].addresses[1].port)  # root's socket is not for him
    try:
        with replace(front, argv=as_nobody).before(backend, 4, home / "front") as (service, address):
            visit(address, 2)
            tree = [psutil.Process(service.pid), *psutil.Process(service.pid).children(recursive=True)]
            assert {process.uids().effective for process in tree} == {NOBODY}
    finally:
        shutil.rmtree(home)
