"""Several requests of one FastCGI connection in the application at the same time."""

from __future__ import annotations

import random
import signal

import pytest

from fastcgi_server import records
from fastcgi_server.records import RecordReader, decode_pairs, encode_pairs, encode_record
from gateway_runtime.testing import Server, wait_until

APPLICATION = """
import os
import threading
from collections import defaultdict

gates = defaultdict(threading.Event)
told = []


def pass_gate(name):
    while not gates[name].wait(0.02) and not os.path.exists(name):
        pass


def app(environ, start_response):
    _, what, *rest = environ["PATH_INFO"].split("/")
    name = rest[0] if rest else ""
    if what == "wait":
        pass_gate(name)
    elif what == "go":
        gates[name].set()
    elif what == "told":
        start_response("200 OK", [])
        return [" ".join(told).encode()]
    elif what == "pieces":
        return pieces(name, start_response)
    elif what == "write":
        write = start_response("200 OK", [])
        write(b"first ")
        pass_gate(name)
        try:
            environ["wsgi.input"].read(1)
        except ValueError:
            told.append("input-" + name)
        try:
            write(b"second")
        except ConnectionError:
            told.append("write-" + name)
            raise
        return []
    elif what == "big":
        start_response("200 OK", [])
        return iter([b"x" * 65536] * 64)
    elif what == "half":
        start_response("200 OK", [])
        return half(name)
    elif what == "finish":
        start_response("200 OK", [])(b"all ")
        environ["gatelab.finish_response"]()
        pass_gate(name)
        told.append("worked-on-" + name)
        return [b"dropped"]
    elif what == "say":
        print("said", name, file=environ["wsgi.errors"])
        environ["wsgi.errors"].write("without an end")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [what.encode() + b" " + name.encode() + b" " + environ["wsgi.input"].read()]


def pieces(name, start_response):
    start_response("200 OK", [])
    try:
        yield b"first "
        pass_gate(name)
        yield b"second"
    finally:
        told.append("closed-" + name)


def half(name):
    yield b"half "
    pass_gate(name)
    raise RuntimeError("on purpose")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("multiplexed")
    (folder / "gates.py").write_text(APPLICATION)
    with Server(
        "fastcgi_server", "gates:app", "--bind", f"unix:{folder}/s", "--threads", "110",
        "--max-requests-per-connection", "110", cwd=folder,
    ) as running:  # fmt: skip
        yield running


class Front:
    """A web server's side with several requests on its one connection."""

    def __init__(self, server):
        self.sock = server.connect()
        self.reader = RecordReader()
        self.output = {}  # id -> what came on STDOUT
        self.errors = {}
        self.ended = []  # (id, app status), in the order in which they came

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def begin(self, request_id, path, content=b"", keep=True):
        self.sock.sendall(start(request_id, path, content, keep) + encode_record(records.STDIN, request_id))

    def abort(self, request_id):
        self.sock.sendall(encode_record(records.ABORT_REQUEST, request_id))

    def read(self):
        """Take the next record; False at end of file."""
        while (record := self.reader.next()) is None:
            data = self.sock.recv(65536)
            if not data:
                return False
            self.reader.receive(data)
        request_id = record.request_id
        assert request_id not in [ended for ended, _ in self.ended], f"{record} comes after the end of its request"
        if record.type == records.STDOUT:
            self.output[request_id] = self.output.get(request_id, b"") + record.content
        elif record.type == records.STDERR:
            self.errors.setdefault(request_id, []).append(record.content)
        else:
            assert record.type == records.END_REQUEST, record
            app_status, protocol_status = records.decode_end(record.content)
            assert protocol_status == records.REQUEST_COMPLETE
            self.ended.append((request_id, app_status))
        return True

    def wait_for_end(self, request_id):
        """Read until a request has ended; return its app status and its content."""
        while request_id not in dict(self.ended):
            assert self.read(), "the connection has ended"
        return dict(self.ended)[request_id], self.output.get(request_id, b"").partition(b"\r\n\r\n")[2]

    def forget(self):
        """The ids are used again."""
        self.output.clear()
        self.ended.clear()

    def ask(self, request_id, path):
        self.begin(request_id, path)
        return self.wait_for_end(request_id)[1]


def start(request_id, path, content=b"", keep=True):
    """Encode a request without the end of its STDIN."""
    pairs = encode_pairs([("REQUEST_METHOD", "POST" if content else "GET"), ("PATH_INFO", path)])
    data = records.encode_begin(request_id, records.RESPONDER, keep)
    data += encode_record(records.PARAMS, request_id, pairs[:7]) + encode_record(records.PARAMS, request_id, pairs[7:])
    return data + encode_record(records.PARAMS, request_id) + records.encode_stream(records.STDIN, request_id, content)


def test_100_interleaved_requests_end_in_the_order_of_their_work_and_one_aborted_leaves_the_rest_alone(server):
    ids = list(range(1, 101))
    cut = [list(records.read_records(start(one, f"/wait/{one}", b"%d" % one))) for one in ids]
    rounds = [[record for record in turn if record] for turn in zip(*cut, strict=True)]
    order = ids.copy()
    random.Random(7).shuffle(order)
    aborted = order[30]
    with Front(server) as front:
        for turn in rounds:  # first all BEGIN_REQUEST, then the first piece of all PARAMS, and so on
            front.sock.sendall(b"".join(encode_record(*record[:3]) for record in turn))
        front.sock.sendall(b"".join(encode_record(records.STDIN, one) for one in ids))
        for one in order:
            if one == aborted:
                front.abort(one)
            assert front.ask(1000 + one, f"/go/{one}").startswith(b"go ")
            expected = (1, b"") if one == aborted else (0, b"wait %d %d" % (one, one))
            assert front.wait_for_end(one) == expected
        assert [one for one, _ in front.ended if one < 1000] == order


def test_the_connection_is_read_while_a_request_is_in_the_application(server):
    with Front(server) as front:
        front.begin(1, "/wait/a")
        front.sock.sendall(start(2, "/echo", b"x" * 70_000))
        front.sock.sendall(encode_record(records.GET_VALUES, 0, encode_pairs([("FCGI_MPXS_CONNS", "")])))
        while (record := front.reader.next()) is None:
            front.reader.receive(front.sock.recv(65536))
        assert record.type == records.GET_VALUES_RESULT
        assert decode_pairs(record.content) == [("FCGI_MPXS_CONNS", "1")]
        front.sock.sendall(encode_record(records.STDIN, 2, b"y") + encode_record(records.STDIN, 2))
        assert front.wait_for_end(2) == (0, b"echo  " + b"x" * 70_000 + b"y")
        assert front.ask(3, "/go/a") == b"go a "
        assert front.wait_for_end(1)[1] == b"wait a "


@pytest.mark.parametrize("what", ["pieces", "write"])
def test_an_aborted_application_is_told(server, what):
    with Front(server) as front:
        front.begin(1, f"/{what}/{what}")
        while b"first" not in front.output.get(1, b""):
            assert front.read()
        front.abort(1)
        front.ask(2, f"/go/{what}")
        assert front.wait_for_end(1) == (1, b"first ")
        told = front.ask(3, "/told").decode().split()
        assert {"pieces": {"closed-pieces"}, "write": {"input-write", "write-write"}}[what] <= set(told)
        front.forget()
        assert front.ask(1, "/hello") == b"hello  "  # the id is free again


def test_abort_before_the_content_is_complete(server):
    with Front(server) as front:
        front.begin(9, "/hello")
        front.wait_for_end(9)
        front.sock.sendall(start(1, "/wait/never", b"half"))
        front.abort(1)
        assert front.wait_for_end(1) == (1, b"")
        front.sock.sendall(records.encode_begin(2, 1, True) + encode_record(records.ABORT_REQUEST, 2))
        assert front.wait_for_end(2) == (1, b"")


def test_a_peer_that_closes_aborts_all(server):
    with Front(server) as front:
        front.begin(1, "/pieces/left")
        while b"first" not in front.output.get(1, b""):
            assert front.read()
    with Front(server) as front:
        front.ask(1, "/go/left")
        numbers = iter(range(2, 60_000))
        wait_until(lambda: b"closed-left" in front.ask(next(numbers), "/told"), "the iterable is closed")


def test_a_full_socket_blocks_nobody_else(server):
    with Front(server) as slow, Front(server) as quick:
        for request_id in range(1, 9):
            slow.begin(request_id, "/big")  # 4 MiB each, and nobody reads
        assert slow.read()
        assert quick.ask(1, "/hello") == b"hello  "
        for request_id in range(1, 9):
            assert slow.wait_for_end(request_id) == (0, b"x" * 4 * 1024 * 1024)


def test_without_keep_conn_the_connection_ends_with_the_last_request(server):
    with Front(server) as front:
        front.begin(1, "/wait/last", keep=False)
        front.begin(2, "/hello")
        assert front.wait_for_end(2)[0] == 0
        with Front(server) as other:
            other.ask(1, "/go/last")
        assert front.wait_for_end(1) == (0, b"wait last ")
        assert not front.read()


def test_a_response_that_breaks_off_leaves_the_others(server):
    with Front(server) as front:
        front.begin(1, "/half/half")
        front.begin(2, "/wait/other")
        front.ask(3, "/go/half")
        assert front.wait_for_end(1) == (1, b"half ")
        assert any(b"on purpose" in text for text in front.errors[1])
        front.ask(4, "/go/other")
        assert front.wait_for_end(2) == (0, b"wait other ")
    with Front(server) as front:  # alone, it is cut: so a web server can tell
        front.begin(1, "/half/half")
        try:
            while front.read():
                pass
        except ConnectionResetError:
            pass
        assert front.ended == []
    server.wait_for_line("RuntimeError: on purpose")


def test_a_response_that_is_finished_while_the_application_works_on(server):
    with Front(server) as front:
        front.begin(1, "/finish/work")
        assert front.wait_for_end(1) == (0, b"all ")
        assert b"worked-on-work" not in front.ask(2, "/told")
        front.forget()
        assert front.ask(1, "/hello") == b"hello  "  # even its id is free
        front.ask(3, "/go/work")
        numbers = iter(range(4, 60_000))
        wait_until(lambda: b"worked-on-work" in front.ask(next(numbers), "/told"), "it has worked on")


def test_what_the_application_says_goes_to_its_own_request(server):
    with Front(server) as front:
        front.begin(1, "/say/one")
        front.begin(2, "/say/two")
        for request_id, name in ((1, b"one"), (2, b"two")):
            assert front.wait_for_end(request_id) == (0, b"say " + name + b" ")
            assert front.errors[request_id] == [b"said " + name + b"\n", b"without an end", b""]
    assert "said one" not in server.stderr


def test_the_server_waits_for_what_is_under_way(tmp_path):
    (tmp_path / "gates.py").write_text(APPLICATION)
    with Server(
        "fastcgi_server", "gates:app", "--bind", f"unix:{tmp_path}/s", "--threads", "4", cwd=tmp_path
    ) as server, Front(server) as front:  # fmt: skip
        front.begin(1, "/wait/a")
        front.begin(2, "/finish/b")
        assert front.wait_for_end(2) == (0, b"all ")
        server.signal(signal.SIGTERM)
        front.ask(3, "/go/b")
        front.ask(4, "/go/a")
        assert front.wait_for_end(1) == (0, b"wait a ")
        assert server.wait() == 0


def test_a_call_that_outlasts_the_grace_is_cut(tmp_path):
    (tmp_path / "gates.py").write_text(APPLICATION)
    with Server(
        "fastcgi_server", "gates:app", "--bind", f"unix:{tmp_path}/s", "--threads", "4", "--grace-timeout", "0.1",
        cwd=tmp_path,
    ) as server, Front(server) as front:  # fmt: skip
        front.begin(1, "/pieces/never")
        front.begin(2, "/wait/never")
        while b"first" not in front.output.get(1, b""):
            assert front.read()
        server.signal(signal.SIGTERM)
        assert not front.read()  # no END_REQUEST: the web server can tell
        assert server.wait() == 0


def test_with_all_threads_busy_it_still_reads_and_aborts(tmp_path):
    (tmp_path / "gates.py").write_text(APPLICATION)
    with Server(
        "fastcgi_server", "gates:app", "--bind", f"unix:{tmp_path}/s", "--threads", "2", cwd=tmp_path
    ) as server, Front(server) as front:  # fmt: skip
        front.begin(1, "/pieces/a")
        front.begin(2, "/pieces/b")
        while len(front.output) < 2:
            assert front.read()
        front.begin(3, "/hello")  # waits in line
        front.begin(4, "/hello")
        front.abort(3)
        assert front.wait_for_end(3) == (1, b"")
        front.abort(1)
        (tmp_path / "a").touch()
        assert front.wait_for_end(1) == (1, b"first ")
        assert front.wait_for_end(4) == (0, b"hello  ")
        (tmp_path / "b").touch()
        assert front.wait_for_end(2) == (0, b"first second")
