"""`gatelab record` and `gatelab show` as commands, between real clients and our servers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from gatelab.__main__ import main
from gatelab.recording import BadRecording, Connection, Recording, Segment
from gatelab_record_samples import read_all
from gateway_runtime.testing import Server, wait_until

GET = b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def server():
    with Server("wsgi_server", "demo_app:app", "--bind", "127.0.0.1:0") as running:
        yield running


def relay(server, *options, listen="127.0.0.1:0", **known):
    return Server("gatelab", "record", "--listen", listen, "--to", str(server.address), *options, **known)


def ask(running, request=GET):
    with running.connect() as sock:
        sock.sendall(request)
        return read_all(sock)


@pytest.fixture
def gatelab(capfd, monkeypatch):
    """Run the command in this process; return exit code, output and standard error."""

    def run(*arguments):
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["gatelab", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return (ended.value.code or 0, *capfd.readouterr())

    return run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_passes_is_saved_whatever_ends_it(server, tmp_path, number):
    options = ["--json", f"{tmp_path}/a.json", "--pcapng", f"{tmp_path}/a.pcapng"]
    known = ["--front", "a test", "--backend", "wsgi_server", "--note", "one GET"]
    with relay(server, *options, *known, listen=f"unix:{tmp_path}/s") as running:
        answer = ask(running)
        with running.connect() as still_open:
            still_open.sendall(b"GET /half")
            wait_until(lambda: (tmp_path / "a.pcapng").read_bytes().count(b"GET /half") == 1)
            running.signal(number)
            assert running.wait() == 0
    assert not (tmp_path / "s").exists()
    found = Recording.load(tmp_path / "a.json")
    assert (found.protocol, found.front, found.backend, found.note) == ("HTTP", "a test", "wsgi_server", "one GET")
    assert (found.listen, found.to) == (f"unix:{tmp_path}/s", str(server.address))
    first, second = found.connections
    assert first.bytes_from("front") == GET
    assert first.bytes_from("backend") == answer
    assert second.bytes_from("front") == b"GET /half"
    assert found.beginnings()[1] > found.beginnings()[0]


LINES = (
    "request head, GET /hello",
    "Host: x.  Host",
    "response head, 200 OK",
    "> end of file",
    "< end of file",
)


def test_show_prints_what_record_has_saved(gatelab, server, tmp_path):
    with relay(server, "--quiet", "--json", f"{tmp_path}/a.json") as running:
        ask(running)
    code, out, err = gatelab("show", tmp_path / "a.json")
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    assert all(line.startswith(("#1 ", "  ")) for line in out.splitlines())
    for words in LINES:
        assert words in out
    assert "47 45 54 20" in out
    assert "47 45 54 20" not in gatelab("show", "--no-hex", tmp_path / "a.json")[1]


@pytest.mark.parametrize("options", [["--protocol", "http"], ["--no-hex"]])
def test_record_prints_live(server, options):
    command = [sys.executable, "-W", "error", "-m", "gatelab", "record", "--listen", "127.0.0.1:0", "--to"]
    with subprocess.Popen(
        [*command, str(server.address), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        host, port = process.stderr.readline().removeprefix("ready tcp://").strip().split(":")
        with socket.create_connection((host, int(port)), 20) as sock:
            sock.sendall(GET)
            read_all(sock)
        lines = []
        while "closed" not in (line := process.stdout.readline()):  # before it ends: it is live
            assert line
            lines.append(line)
        process.terminate()
        rest, err = process.communicate(timeout=20)
    assert (process.returncode, rest, err) == (0, "", "")
    out = "".join(lines)
    for words in LINES[:1] + LINES[2:]:
        assert words in out
    assert ("47 45 54 20" in out) is ("--no-hex" not in options)


def test_large_content_is_counted_and_not_shown(gatelab, server, tmp_path):
    content = bytes(2_000_000)
    with relay(server, "--quiet", "--json", f"{tmp_path}/a.json") as running:
        head = b"POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2000000\r\n\r\n"
        assert ask(running, head + content).endswith(content)
    code, out, _ = gatelab("show", tmp_path / "a.json")
    assert code == 0
    assert out.count("more like it, ") == 2
    assert out.count("\n") < 200


def test_rubbish_passes_and_is_called_that(gatelab, server, tmp_path):
    with relay(server, "--json", f"{tmp_path}/a.json") as running:
        answer = ask(running, b"\xff\x00rubbish\x1b[2J\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
    code, out, _ = gatelab("show", tmp_path / "a.json")
    assert code == 0
    assert "! these bytes begin no protocol that is known here" in out
    assert "\x1b" not in out


def test_a_backend_that_is_killed_in_the_middle(tmp_path):
    with Server("wsgi_server", "demo_app:app", "--bind", "127.0.0.1:0") as victim:  # noqa: SIM117 - it ends after it
        with relay(victim, "--quiet", "--json", f"{tmp_path}/a.json") as running, running.connect() as sock:
            sock.sendall(b"GET /drip?n=100&ms=100 HTTP/1.1\r\nHost: x\r\n\r\n")
            sock.recv(1)
            for pid in victim.alive():
                os.kill(pid, signal.SIGKILL)
            try:
                read_all(sock)
            except ConnectionResetError:
                pass
            assert running.alive()
            wait_until(lambda: not victim.alive())
            with pytest.raises(ConnectionResetError), running.connect() as another:
                another.recv(1)
            running.wait_for_line("connection 2: .* cannot be reached: Connection refused")
    found = Recording.load(tmp_path / "a.json")
    assert len(found.connections) == 2
    assert any(not segment.data and segment.sender == "backend" for segment in found.connections[0].segments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--listen", "0.0.0.0:0", "--to", "127.0.0.1:1"], "can be reached from other machines"),
        (["--listen", "127.0.0.1:1", "--to", "127.0.0.1:1"], "--listen and --to are both 127.0.0.1:1"),
        (["--listen", "nowhere", "--to", "127.0.0.1:1"], "'nowhere' is not an address"),
        (["--listen", "127.0.0.1:0", "--to", "fd:3"], "a descriptor is nothing to connect to"),
        (["--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--protocol", "x"], "'x' is no protocol"),
        (["--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--allow-from", "x"], "'x' is not a network"),
        (["--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--json", "/no/a.json"], "cannot write /no/a.json: "),
        (["--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--pcapng", "/no/a"], "cannot write /no/a: no such file"),
    ],
)
def test_what_cannot_be_is_told_before_it_starts(gatelab, arguments, said):
    code, out, err = gatelab("record", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("gatelab: ")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no disk that is always full")  # noqa: PTH110
def test_a_full_disk_does_not_stop_what_passes(gatelab, server):
    with relay(server, "--quiet", "--json", "/dev/full") as running:
        assert ask(running).startswith(b"HTTP/1.1 200 ")
        running.signal(signal.SIGTERM)
        assert running.wait() == 1
        running.wait_for_line("cannot write /dev/full: No space left on device")
    code, _, err = gatelab("record", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:1", "--pcapng", "/dev/full")
    assert (code, err) == (2, "gatelab: cannot write /dev/full: no space left on device\n")


def test_whom_allow_from_names(server):
    with relay(server, "-q", "--allow-from", "10.0.0.0/8", listen="0.0.0.0:0") as running:  # noqa: SIM117 - the first one's address
        with socket.create_connection(("127.0.0.1", running.address.port), 20) as sock:  # this machine always may
            sock.sendall(GET)
            assert read_all(sock).startswith(b"HTTP/1.1 200 ")


# -- show --------------------------------------------------------------------------------------------------------------

MADE = "2026-11-26T00:30:00Z"
CGI = Connection(
    [
        Segment(0, "front", b"REQUEST_METHOD=GET\0PATH_INFO=/hello\0"),
        Segment(0, "front", b""),
        Segment(0.1, "backend", b"Status: 200 OK\n\nHello"),
        Segment(0.1, "backend", b""),
    ]
)
HTTP = Connection(
    [
        Segment(0, "front", GET),
        Segment(0.1, "backend", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello"),
        Segment(0.2, "front", b"GET /second HTTP/1.1\r\nHost: x\r\n\r\n"),
    ],
    client="127.0.0.1:7",
)


@pytest.fixture
def files(tmp_path):
    for name, protocol, connection in (("cgi", "CGI", CGI), ("http", None, HTTP)):
        Recording(made=MADE, protocol=protocol, connections=[connection]).save(tmp_path / f"{name}.json")
    return tmp_path


def test_columns_of_one_request_and_a_program_among_them(gatelab, files):
    code, out, err = gatelab("show", "--columns", files / "http.json", files / "cgi.json")
    assert (code, err) == (0, "")
    assert out.split()[:2] == ["HTTP", "CGI"]
    assert "GET" in out
    assert "PATH_INFO" in out
    assert "second" not in out


def test_a_page_stands_alone(gatelab, files):
    for arguments in (["--columns", files / "http.json", files / "cgi.json"], [files / "http.json"]):
        code, page, err = gatelab("show", *arguments, "--html", "-")
        assert (code, err) == (0, "")
        assert page.startswith("<!doctype html>")
        assert page.rstrip().endswith("</html>")
        assert not any(word in page for word in ("<script", "src=", "http://", "https://", "@import"))
    assert "connection 1, 127.0.0.1:7" in page


def test_one_connection_of_several(gatelab, files):
    Recording(made=MADE, connections=[HTTP, HTTP]).save(files / "two.json")
    assert "#1 " not in gatelab("show", "--connection", 2, files / "two.json")[1]
    assert gatelab("show", "--connection", 3, files / "two.json")[2] == (
        f"gatelab: {files}/two.json has no connection 3: 2 were recorded\n"
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no disk that is always full")  # noqa: PTH110
def test_what_cannot_be_shown_is_told(files):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "gatelab", "show", f"{files}/http.json"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=30, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "gatelab: cannot write what there is to show: no space left on device\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cgi.json", "http.json"], "one file at a time"),
        (["--html", "-", "--pcapng", "-", "cgi.json"], "choose one of --html and --pcapng"),
        (["--columns", "--pcapng", "-", "cgi.json"], "--pcapng writes one recording"),
        (["--html", "/no/a", "cgi.json"], "cannot write /no/a: no such file or directory"),
        (["none.json"], "none.json: no such file or directory"),
    ],
)
def test_what_show_refuses(gatelab, files, monkeypatch, arguments, said):
    monkeypatch.chdir(files)
    code, out, err = gatelab("show", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


# -- files -------------------------------------------------------------------------------------------------------------

GOOD = {"format": 1, "made": MADE, "connections": []}
SEGMENT = {"t": 0, "from": "front", "data": ""}


def of(*segments):
    return {**GOOD, "connections": [{"segments": list(segments)}]}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "Expected `object`"),
        ({}, "missing required field `made`"),
        ({**GOOD, "format": 2}, "it has format 2, and this version reads 1"),
        ({**GOOD, "made": "yesterday"}, "made 'yesterday', which is not a time"),
        ({**GOOD, "made": "2026-11-26T00:30:00"}, "which is not a time"),
        ({**GOOD, "protocol": "Gopher"}, "protocol is 'Gopher', which is not one of FastCGI"),
        (of({**SEGMENT, "t": -1}), "Expected `float` >= 0"),
        (of({**SEGMENT, "from": "middle"}), "Invalid enum value 'middle'"),
        (of({**SEGMENT, "data": "?"}), "Invalid base64"),
        (of(SEGMENT, {**SEGMENT, "data": "AAAA"}), "connection 1 has bytes of the front behind its end"),
        (of({**SEGMENT, "data": "AAAA", "reset": True}), "connection 1 has bytes of the front behind its end"),
    ],
)
def test_what_is_no_recording_is_told_in_one_sentence(tmp_path, document, said):
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(BadRecording, match="is no recording: ") as caught:
        Recording.load(tmp_path / "a.json")
    assert said in str(caught.value)


def test_a_recording_comes_back_as_it_was(tmp_path):
    broken = Connection([Segment(0.5, "front", bytes(range(256))), Segment(1, "front", b"", reset=True)], 0.25, "x:1")
    whole = Recording(made=MADE, protocol="SCGI", front="f", to="unix:/b", connections=[broken, HTTP], more=3)
    whole.save(tmp_path / "a.json")
    assert Recording.load(tmp_path / "a.json") == whole
    assert '"format": 1' in (tmp_path / "a.json").read_text()
    assert whole.beginnings() == [0.25, 1.25]
