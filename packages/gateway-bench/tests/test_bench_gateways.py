"""Rows of data: addresses, the tables of gateways and peers, and whether a peer is there at all."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import psutil
import pytest

from gateway_bench.errors import BenchError, NotReady
from gateway_bench.load.address import Address, free_port, parse_address
from gateway_bench.load.scenarios import SCENARIOS
from gateway_bench.run.subject import check_answer
from gateway_bench.samples.spawns import SpawnListener
from gateway_bench.servers.gateways import Places, load_gateways
from gateway_bench.servers.presence import look_for
from gateway_bench.servers.service import server_environment, started

ROOT = Path(__file__).parents[3]
FIVE = ["cgi", "fastcgi", "scgi", "uwsgi", "wsgi"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://127.0.0.1:80", Address("http", "127.0.0.1", 80)),
        ("http://localhost:8000/", Address("http", "localhost", 8000)),
        ("fastcgi://[::1]:9000", Address("fastcgi", "::1", 9000)),
        ("uwsgi+unix:/run/app.sock", Address("uwsgi", path="/run/app.sock")),
        ("scgi+unix:///run/app.sock", Address("scgi", path="/run/app.sock")),
        ("fastcgi+unix:/run/a.sock?script=/srv/a.php", Address("fastcgi", path="/run/a.sock", script="/srv/a.php")),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize("text", ["", "http://", "http://host", "ftp://host:21", "http://host:80/x", "fastcgi+unix:x"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(BenchError, match="is not an address"):
        parse_address(text)


def test_the_tables_of_the_repository_can_be_read() -> None:
    own = load_gateways(ROOT / "benchmarks" / "gateways.toml")
    assert [gateway.name for gateway in own if not gateway.front] == [*FIVE, "fastcgi-again"]
    assert [gateway.name for gateway in own if gateway.front] == [f"{name}-behind" for name in FIVE]
    asked = load_gateways(ROOT / "benchmarks" / "gateways.toml", ["asgi", "wsgi"])
    assert [gateway.name for gateway in asked] == ["wsgi", "asgi"]  # which two differences lie between: see the table
    assert all(gateway.events and gateway.tells_status for gateway in own + asked)
    argv = own[1].argv("/usr/bin/python3", Places(host="192.0.2.1", events=Path("/tmp/events")))
    assert argv[:4] == ["/usr/bin/python3", "-m", "fastcgi_server", "demo_app:app"]
    assert argv[argv.index("--events") + 1] == "/tmp/events"
    assert argv[argv.index("--bind") + 1] == "192.0.2.1:0"
    peers = load_gateways(ROOT / "benchmarks" / "peers.toml", ["waitress", "gatelab"])
    assert [gateway.name for gateway in peers] == ["gatelab", "gatelab-again", "waitress"]
    everybody = own + load_gateways(ROOT / "benchmarks" / "peers.toml")
    assert all(not word.startswith("/") for gateway in everybody for word in gateway.shown())
    for gateway in everybody:
        assert set(gateway.scenarios) <= set(SCENARIOS), gateway.name
        needs_port = any("{port}" in word for word in gateway.command)
        assert needs_port == ("{port}" in gateway.address), gateway.name  # where we choose the port, we say it


def test_the_rows_behind_nginx_listen_at_a_unix_socket(tmp_path: Path) -> None:
    rows = load_gateways(ROOT / "benchmarks" / "backends.toml")
    assert {row.name.partition("-")[0] for row in rows} == {"fastcgi", "scgi", "uwsgi", "http"}
    for row in rows:
        assert (row.workers, row.threads) == (1, 1)
        assert any("{socket}" in word for word in row.command), row.name
        places = Places(socket=tmp_path / "s")
        assert any(str(tmp_path / "s") in word for word in row.argv("python", places))
        if row.address:
            assert parse_address(row.listens_at(places)).path == str(tmp_path / "s")
        assert row.keep_alive is ("kept" in row.label)  # SCGI and uwsgi cannot, uWSGI does not


def test_a_row_on_request_takes_part_only_when_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "g.toml"
    path.write_text(f"{ROW}\n[[gateway]]\nname='b'\nlike='a'\non_request=true\n")
    assert [row.name for row in load_gateways(path)] == ["a"]
    assert [row.name for row in load_gateways(path, ["b"])] == ["b"]


def test_a_peer_that_is_a_library_is_started_by_a_script(tmp_path: Path) -> None:
    (gateway,) = load_gateways(ROOT / "benchmarks" / "peers.toml", ["wsgiref"])
    argv = gateway.argv(sys.executable)
    with started(argv, gateway.ready, server_environment(tmp_path / "db"), ROOT) as (_, address):
        check_answer(address)


def test_a_server_that_does_not_say_where_it_listens() -> None:
    port = free_port()
    argv = [sys.executable, str(Path(__file__).parent / "data" / "mute_server.py"), str(port)]
    listens_at = f"http://127.0.0.1:{port}"
    with started(argv, re.compile("up, more or less"), dict(os.environ), ROOT, listens_at=listens_at) as (_, address):
        assert str(address) == listens_at
        check_answer(address, patience=10.0)  # it listens a little after its line
    with pytest.raises(NotReady, match="connect"):
        check_answer(address)


def births(listener: SpawnListener, expected: int) -> int:
    """Return the births so far, having waited for those expected."""
    deadline = time.monotonic() + 5
    while listener.count().spawned < expected and time.monotonic() < deadline:
        time.sleep(0.002)
    return listener.count().spawned


@pytest.mark.parametrize("name", [*FIVE, "asgi"])
def test_each_gateway_answers_every_scenario_in_its_own_protocol(name: str, tmp_path: Path) -> None:
    gateway = next(row for row in load_gateways(ROOT / "benchmarks" / "gateways.toml", [name]) if row.name == name)
    listener = SpawnListener(tmp_path / "events")
    environment = server_environment(tmp_path / "guestbook.sqlite3")
    argv = gateway.argv(sys.executable, Places(events=listener.path, status=tmp_path / "status"))
    with listener.listening(), started(argv, gateway.ready, environment, ROOT) as (_, address):
        assert address.scheme == ("http" if name in ("asgi", "cgi", "wsgi") else name)
        workers = births(listener, gateway.workers)
        for scenario in filter(gateway.takes_part, ("hello", "page", "guestbook")):
            check_answer(address, scenario)  # 1 + 1 + 2 requests
        expected = workers + (4 if name == "cgi" else 0)
        assert births(listener, expected) == expected
    assert listener.count().lost == listener.rubbish == 0


ROW = "[[gateway]]\nname='a'\nlabel='A'\ncommand=['x']\nready='x'"


def test_rows_like_others_and_rows_that_vary(tmp_path: Path) -> None:
    path = tmp_path / "g.toml"
    more = "[[gateway]]\nname='b'\nlike='a'\nfront='nginx'\n[[gateway]]\nname='c'\nlabel='C'\nagain='b'\n"
    path.write_text(f"{ROW}\n{more}[[gateway]]\nname='d'\nlabel='D'\nlike='a'\nvary={{workers=[1, 2]}}\n")
    rows = {row.name: row for row in load_gateways(path)}
    assert list(rows) == ["a", "b", "c", "d-workers-1", "d-workers-2"]
    assert {row.command for row in rows.values()} == {("x",)}
    assert [row.front for row in rows.values()] == ["", "nginx", "nginx", "", ""]
    assert [row.again for row in rows.values()] == ["", "", "b", "", ""]
    two = rows["d-workers-2"]
    assert (two.label, two.base, two.varied, two.workers) == ("D, 2 workers", "d", {"workers": 2}, 2)
    assert rows["d-workers-1"].label == "D, 1 worker"
    assert [row.name for row in load_gateways(path, ["b"])] == ["b", "c"]  # with the row that shows what chance is
    assert [row.name for row in load_gateways(path, ["d"])] == ["d-workers-1", "d-workers-2"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[gateway", "is not TOML"),
        ("[[gateway]]\nname = 'a'", "the row 'a' of g.toml needs 'label'"),
        ("[[gateway]]\nname='a'\nlabel='A'\ncommand=['x']\nready='('", "not a regular expression"),
        ("[[gateway]]\nname='a'\nlabel='A'\ncommand=['x']\nready='x'\nspeed=9", "unknown key 'speed'"),
        ("[[gateway]]\nname='a'\nlabel='A'\ncommand=['x']\nready='x'\nworkers='2'", "'workers' to be of type int"),
        ("[[gateway]]\nname='a'\nlabel='A'\ncommand=['x']\nready='x'\nenvironment='moon'", "'environment'"),
        (
            "[[gateway]]\nname='a'\nlabel='A'\ncommand=['{y}']\nready='x'",
            "or 'address' that nobody fills",
        ),
        (ROW, "no gateway 'nobody' in g.toml; it has a"),
        (f"{ROW}\nlike='b'", "the row 'a' of g.toml is to be like 'b', and there is no row of that name above it"),
        (f"{ROW}\n[[gateway]]\nname='b'\nagain='a'\nworkers=2", "the row 'b' of g.toml is 'a' again: it may have name"),
        (f"{ROW}\nvary={{speed=[1]}}", "the row 'a' of g.toml can vary one of workers, threads, connections"),
        (f"{ROW}\nvary={{workers=[0]}}", "needs 'workers' to vary over whole numbers above 0"),
    ],
)
def test_a_table_with_a_fault_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "g.toml"
    path.write_text(text)
    with pytest.raises(BenchError, match=sentence):
        load_gateways(path, ["nobody"])


def test_presence(tmp_path: Path) -> None:
    assert look_for("psutil", sys.executable, tmp_path).version == psutil.__version__
    assert look_for("", sys.executable, tmp_path).version.startswith("Python 3.")
    absent = look_for("no-such-distribution", sys.executable, tmp_path)
    assert absent.reason == "no-such-distribution is not installed"
    assert absent.install.endswith("install no-such-distribution") or "--python" in absent.install
    assert "is not there" in look_for("psutil", str(tmp_path / "bin" / "python"), tmp_path).reason
    assert "does not run" in look_for("psutil", "/usr/bin/env", tmp_path).reason


def test_the_sources_are_not_the_compiled_build(tmp_path: Path) -> None:
    assert look_for("wsgi-server", sys.executable, tmp_path, compiled=False).reason == ""
    assert "not its compiled build" in look_for("wsgi-server", sys.executable, tmp_path, compiled=True).reason
