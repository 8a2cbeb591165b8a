"""A connection with several requests in the application, without sockets and threads: any order, on purpose.

`Peer` is the loop: it takes requests from the line when a test says so, and lets them be away as long as it likes.
"""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcgi_peer import Wire, answer_of, hello, request
from fastcgi_server import records
from fastcgi_server.multiplexed import MultiplexedSession
from fastcgi_server.options import Options
from fastcgi_server.records import encode_begin, encode_pairs, encode_record
from gateway_core.environ import base_environ
from gateway_core.events import Phase
from gateway_core.session import Service

ABORT = records.ABORT_REQUEST


class Peer:
    def __init__(self, app=hello, **options):
        self.wire = Wire()
        self.wire.trunk = None
        self.log, self.errors = [], io.StringIO()
        base = base_environ(
            protocol="FastCGI", software="test", server_name="localhost", server_port="80", errors=self.errors,
            multithread=True, multiprocess=False,
        )  # fmt: skip
        self.session = MultiplexedSession(Service(app, base, self.log.append, **options), self.wire, Options(9))
        self.trunk = self.wire.trunk

    def feed(self, data):
        assert not self.session.receive(data)

    def leave(self):
        """Let the first in line go to a thread; return its branch."""
        branch = self.trunk.queue.popleft()
        branch.away = True
        return branch

    def come_back(self, branch):
        """The thread has come back; True if the response rests."""
        branch.away = False
        return branch.session.rest()

    def serve(self, branch):
        branch.session.serve()
        return self.come_back(branch)

    def serve_all(self):
        while self.trunk.queue:
            branch = self.leave()
            if branch.lost:
                branch.away = False
            else:
                assert not self.serve(branch)

    def ends(self):
        """Return the ends that were sent since the last call: id, app status, protocol status."""
        return [
            (owner, *records.decode_end(content))
            for type_, owner, content in self.wire.records()
            if type_ == records.END_REQUEST
        ]


def test_the_loop_reads_on_and_ends_come_in_any_order():
    peer = Peer()
    peer.feed(request(1, "/a") + request(2, "/b"))
    first, second = peer.leave(), peer.leave()
    assert peer.session.phase is Phase.BUSY
    assert not peer.serve(second)
    assert not peer.serve(first)
    assert peer.ends() == [(2, 0, 0), (1, 0, 0)]
    assert peer.session.phase is Phase.IDLE


def test_phases():
    peer = Peer()
    peer.feed(request(1))
    assert peer.session.phase is Phase.BUSY
    peer.feed(encode_begin(2, 1, True))
    assert peer.session.phase is Phase.HEAD
    peer.feed(request(3, content=b"x", end=False))
    assert peer.session.phase is Phase.BODY
    peer.feed(encode_record(ABORT, 3) + encode_record(ABORT, 2))
    assert peer.session.phase is Phase.BUSY
    peer.serve_all()
    assert peer.session.phase is Phase.IDLE
    peer.feed(b"\x01")
    assert peer.session.phase is Phase.HEAD


def test_time_limits_are_for_what_is_on_its_way_in():
    peer = Peer()
    peer.feed(request(1, "/a") + request(2, content=b"x", end=False) + encode_begin(3, 1, True))
    away = peer.leave()
    peer.session.expire()
    sent = peer.wire.records()
    assert answer_of(sent, 2)[0] == 408
    assert [(owner, content) for type_, owner, content in sent if owner == 3] == [
        (3, bytes([0, 0, 0, 0, records.OVERLOADED, 0, 0, 0]))
    ]
    assert peer.session.phase is Phase.BUSY
    peer.session.expire()  # a call has no limit here
    assert not peer.wire.closed
    assert not peer.serve(away)
    assert peer.ends() == [(1, 0, 0)]
    peer.session.expire()  # now nothing is left: the connection is idle
    assert peer.wire.closed


def test_abort_in_line():
    peer = Peer()
    peer.feed(request(1, "/a") + encode_record(ABORT, 1))
    assert peer.ends() == [(1, 1, 0)]
    peer.serve_all()
    assert peer.wire.records() == []


def test_abort_of_what_a_thread_is_at():
    peer = Peer()
    peer.feed(request(1, "/a"))
    branch = peer.leave()
    peer.feed(encode_record(ABORT, 1))
    assert peer.ends() == []  # it has not stopped yet
    branch.session.serve()
    assert peer.ends() == []
    assert not peer.come_back(branch)
    assert peer.ends() == [(1, 1, 0)]


def test_abort_in_the_moment_of_the_end():
    """The codec has given the end away, and the socket has not got it."""
    peer = Peer()
    peer.feed(request(1, "/a"))
    branch = peer.leave()
    whole = branch.session.encoder.whole

    def aborted(*response):
        data = whole(*response)
        branch.session.abort()
        return data

    branch.session.encoder.whole = aborted
    assert not peer.serve(branch)
    assert peer.ends() == [(1, 1, 0)]


def test_abort_that_comes_too_late():
    peer = Peer()
    peer.feed(request(1, "/a"))
    branch = peer.leave()
    branch.session.serve()
    assert peer.ends() == [(1, 0, 0)]
    peer.feed(encode_record(ABORT, 1))
    assert not peer.come_back(branch)
    assert peer.wire.records() == []


def test_the_id_may_be_used_again_before_the_thread_has_come_back():
    peer = Peer()
    peer.feed(request(1, "/a"))
    first = peer.leave()
    first.session.serve()
    assert peer.ends() == [(1, 0, 0)]
    peer.feed(request(1, "/b"))
    second = peer.leave()
    assert not peer.come_back(first)
    peer.feed(encode_record(ABORT, 1))
    assert second.lost
    assert not peer.serve(second)
    assert peer.ends() == [(1, 1, 0)]


def test_the_last_bytes_go_before_the_close():
    peer = Peer()
    peer.feed(request(1, "/a", keep=False))
    branch = peer.leave()
    branch.session.serve()
    peer.feed(encode_record(records.GET_VALUES, 0))  # the codec would close now, and the thread is not back
    assert not peer.wire.closed
    assert not peer.come_back(branch)
    assert peer.wire.closed


@pytest.mark.parametrize("alone", [True, False])
def test_a_response_that_breaks_off(alone):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "9")])
        return [b"half"]

    peer = Peer(app)
    peer.feed(request(1) if alone else request(1) + request(2))
    assert not peer.serve(peer.leave())
    assert peer.wire.lost is alone
    assert peer.ends() == ([] if alone else [(1, 1, 0)])


def test_a_connection_that_is_lost_frees_everything():
    closed = []

    class Pieces:
        def __iter__(self):
            return iter([b"x"] * 3)

        def close(self):
            closed.append(self)

    peer = Peer(lambda environ, start: start("200 OK", []) and Pieces())
    peer.wire.full = True
    peer.feed(request(1) + request(2) + request(3) + request(4, content=b"x", end=False))
    resting, away = peer.leave(), peer.leave()
    assert peer.serve(resting)  # it waits for the socket
    peer.wire.lost = True
    peer.session.abandon()
    assert len(closed) == 1
    away.session.serve()
    assert len(closed) == 2
    assert not peer.come_back(away)
    assert peer.trunk.queue.popleft().lost
    assert not peer.session._branches


def test_bytes_that_break_the_protocol_end_all():
    peer = Peer()
    peer.feed(request(1) + request(2))
    away = peer.leave()
    peer.feed(b"\x02" * 8)
    assert peer.wire.closed
    assert len(peer.log) == 1
    away.session.serve()
    assert not peer.come_back(away)
    assert not any(type_ == records.STDOUT for type_, _, _ in peer.wire.records())


IDS = st.integers(1, 3)
PAIRS = encode_pairs([("REQUEST_METHOD", "GET"), ("PATH_INFO", "/x")])
RECORDS = st.one_of(
    IDS.map(lambda one: request(one)),
    IDS.map(lambda one: request(one, content=b"abc")),
    IDS.map(lambda one: encode_begin(one, 1, True)),
    IDS.map(lambda one: encode_record(records.PARAMS, one, PAIRS)),
    IDS.map(lambda one: encode_record(records.PARAMS, one)),
    IDS.map(lambda one: encode_record(records.STDIN, one, b"abc")),
    IDS.map(lambda one: encode_record(records.STDIN, one)),
    IDS.map(lambda one: encode_record(ABORT, one)),
    st.just(encode_record(records.GET_VALUES, 0)),
)
STEPS = st.lists(st.one_of(RECORDS, st.sampled_from(["leave", "serve", "return"])), max_size=25)


@given(STEPS)
def test_whatever_comes_every_request_ends_once(steps):
    peer = Peer()
    away, served = [], []
    open_ids = set()

    def look():
        for one, _, _ in peer.ends():
            assert one in open_ids
            open_ids.remove(one)

    for step in steps:
        if step == "leave" and peer.trunk.queue:
            if peer.trunk.queue[0].lost:
                peer.trunk.queue.popleft()  # as the loop does
            else:
                away.append(peer.leave())
        elif step == "serve" and away:
            branch = away.pop(0)
            branch.session.serve()
            served.append(branch)
        elif step == "return" and served:
            assert not peer.come_back(served.pop(0))
        elif isinstance(step, bytes):
            begins = [one.request_id for one in records.read_records(step) if one.type == records.BEGIN_REQUEST]
            if open_ids & set(begins):
                continue  # a web server that uses an id twice is another test's
            open_ids |= set(begins)
            peer.feed(step)
        look()
        if peer.wire.closed:
            break
    for branch in away:
        branch.session.serve()
    for branch in (*served, *away):
        assert not peer.come_back(branch)
    peer.serve_all()
    look()
    assert not peer.session._branches
    if not peer.wire.closed:
        assert len(open_ids) == peer.session.codec.active  # those that are not complete
    peer.wire.lost = True
    peer.session.abandon()  # what was on its way in
