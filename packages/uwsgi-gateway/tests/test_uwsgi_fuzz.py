"""Fuzzing the uwsgi codec: requests and answers, spoilt and cut in every way, must come to the same.

Each property has a few dozen examples in an ordinary run. `GATELAB_FUZZ=100000` asks for so many:

    GATELAB_FUZZ=100000 python -m pytest -o timeout=0 packages/uwsgi-gateway/tests/test_uwsgi_fuzz.py
"""

from __future__ import annotations

import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzing import CUTS, changes_of, cut, fuzzed, spoil
from gateway_core.errors import LocalProtocolError, RemoteProtocolError
from gateway_core.events import Request
from one_shot_fuzzing import ANSWERS, LENGTHS, TEXT, outcome
from uwsgi_gateway.protocol import MAX_BLOCK, ClientConnection, ServerConnection

NAMES = st.sampled_from(["REQUEST_METHOD", "PATH_INFO", "HTTP_A", "CONTENT_LENGTH", ""]) | TEXT
SNIPPETS = [b"\0", b"\0\0", b"\1\0", b"\x64", b"\xff", b"\xff\xff", b"\1\0A\0\0", b"GET ", b"", b"A" * 90, b"\x0e\0"]
CHANGES = changes_of(SNIPPETS)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request, mostly a good one."""
    pairs = [("CONTENT_LENGTH", draw(LENGTHS)), *draw(st.lists(st.tuples(NAMES, TEXT), max_size=4))]
    block = b"".join(struct.pack("<H", len(text)) + text.encode("latin-1") for pair in pairs for text in pair)
    return b"\0" + struct.pack("<H", len(block)) + b"\0" + block + draw(st.binary(max_size=15))


@fuzzed
@given(requests(), CHANGES, CUTS, st.booleans())
def test_no_cut_matters_to_the_application_s_side(request_, changes, cuts, eof):
    data = spoil(request_, changes)
    whole = outcome(ServerConnection(max_head=300), [data] if data else [], eof)
    for pieces in (cut(data, cuts), [data[i : i + 1] for i in range(len(data))]):
        assert outcome(ServerConnection(max_head=300), pieces, eof) == whole


@fuzzed
@given(ANSWERS, CHANGES, CUTS, st.booleans())
def test_no_cut_matters_to_the_front_s_side(answer, changes, cuts, head):
    data = spoil(answer, changes)
    whole = outcome(ClientConnection(head=head), [data] if data else [], True)
    for pieces in (cut(data, cuts), [data[i : i + 1] for i in range(len(data))]):
        assert outcome(ClientConnection(head=head), pieces, True) == whole


@fuzzed
@given(requests(), CHANGES)
def test_what_came_through_can_be_sent_on(request_, changes):
    found = outcome(ServerConnection(), [spoil(request_, changes)], False)
    if len(found) != 3 or found[2] is not True:  # wrong, not complete, or a ping
        return
    variables, content, _ = found
    try:
        data = ClientConnection().send(Request(variables, content))
    except LocalProtocolError as error:
        pytest.fail(str(error))
    others = [(name, value) for name, value in variables if name != "CONTENT_LENGTH"]
    expected = [("CONTENT_LENGTH", str(len(content))), *others]
    assert outcome(ServerConnection(), [data], False) == (expected, content, True)


@pytest.mark.parametrize("first", [b"\0", b"\0\xff\xff\0", b"\0\5\0\0\1\0A", b"\x16", b"\x64", b"G"])
def test_what_never_ends_is_not_kept(first):
    connection = ServerConnection()
    block = b"x" * 65536
    tracemalloc.start()
    try:
        for piece in (first, *[block] * 64):
            connection.receive_data(piece)
            try:
                connection.next_event()
            except RemoteProtocolError:
                pass
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 4 * MAX_BLOCK
