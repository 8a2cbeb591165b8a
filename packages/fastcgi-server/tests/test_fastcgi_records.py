"""The grammar of FastCGI: records and pairs, tables read both ways, every cut and every lie about a length."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcgi_server import records
from fastcgi_server.records import Record, RecordReader, encode_record
from gateway_core.errors import LocalProtocolError, RemoteProtocolError

RECORDS = [
    # type, id, content, bytes
    (1, 1, b"\0\1\1\0\0\0\0\0", b"\x01\x01\x00\x01\x00\x08\x00\x00\0\1\1\0\0\0\0\0"),
    (4, 1, b"", b"\x01\x04\x00\x01\x00\x00\x00\x00"),
    (5, 258, b"abc", b"\x01\x05\x01\x02\x00\x03\x05\x00abc\0\0\0\0\0"),
    (6, 65535, b"12345678", b"\x01\x06\xff\xff\x00\x08\x00\x0012345678"),
    (6, 1, b"x" * 65535, b"\x01\x06\x00\x01\xff\xff\x01\x00" + b"x" * 65535 + b"\0"),
    (9, 0, b"\x0e\x00FCGI_MAX_CONNS", b"\x01\x09\x00\x00\x00\x10\x00\x00\x0e\x00FCGI_MAX_CONNS"),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "request_id", "content", "data"), RECORDS)
def test_records_both_ways(type_, request_id, content, data):
    assert records.encode_record(type_, request_id, content) == data
    assert [record[:3] for record in records.read_records(data)] == [(type_, request_id, content)]
    assert len(data) % 8 == 0


def read(pieces):
    reader, found = RecordReader(), []
    for piece in pieces:
        reader.receive(piece)
        while (record := reader.next()) is not None:
            found.append(record)
    return found, reader.pending


def header(size, padding, type_=5, request_id=1):
    return bytes([1, type_, request_id >> 8, request_id & 255, size >> 8, size & 255, padding, 0x77])


@pytest.mark.parametrize("padding", [0, 1, 7, 8, 127, 128, 255])
@pytest.mark.parametrize("size", [0, 1, 8, 127, 128, 65535])
def test_any_padding_is_skipped(size, padding):
    data = header(size, padding) + b"c" * size + b"P" * padding
    expected = Record(5, 1, b"c" * size, padding)
    assert read([data + data]) == ([expected, expected], b"")
    assert read([data[:5], data[5:], data[:-1], data[-1:]]) == ([expected, expected], b"")
    if padding:
        assert read([data[:-1]])[0] == []


def test_any_split_gives_the_same_records():
    data = b"".join(row[3] for row in RECORDS if len(row[3]) < 100)
    whole = read([data])
    assert whole[1] == b""
    assert read([data[i : i + 1] for i in range(len(data))]) == whole
    for at in range(len(data)):
        assert read([data[:at], data[at:]]) == whole


def test_another_version_is_refused_at_its_first_byte():
    for version in (0, 2, 0x47, 255):
        with pytest.raises(RemoteProtocolError, match=f"version 1, not {version}"):
            read([bytes([version])])
    with pytest.raises(RemoteProtocolError, match="version 1"):
        read([RECORDS[0][3] + b"\x02"])


def test_bytes_that_end_inside_a_record():
    for cut in (1, 7, 8, 15):
        with pytest.raises(RemoteProtocolError, match="inside a record"):
            list(records.read_records(RECORDS[0][3][:cut]))


def test_no_length_wraps():
    with pytest.raises(LocalProtocolError, match="65536 bytes do not fit"):
        records.encode_record(5, 1, b"x" * 65536)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 127, 128, 65527, 65528, 65529, 65535, 65536, 65537, 200_000])
def test_streams_of_every_size(size):
    data = bytes(range(251)) * 800
    encoded = records.encode_stream(5, 3, data[:size])
    found = list(records.read_records(encoded))
    assert b"".join(record.content for record in found) == data[:size]
    assert all(record.content and record[:2] == (5, 3) for record in found)
    assert len(encoded) % 8 == 0


def test_reading_byte_by_byte_is_linear():
    def cost(size):
        reader, began = RecordReader(), time.process_time()
        for piece in [header(65535, 0)] + [b"x"] * size:
            reader.receive(piece)
            reader.next()
        return time.process_time() - began

    cost(1000)
    assert cost(60_000) < 40 * max(cost(6000), 0.001)  # ten times the bytes; quadratic would be a hundred times


PAIRS = [
    # the four combinations of section 3.4, and their boundaries
    ([("A", "b")], b"\x01\x01Ab"),
    ([("A", "")], b"\x01\x00A"),
    ([("", "")], b"\x00\x00"),
    ([("N" * 127, "v" * 127)], b"\x7f\x7f" + b"N" * 127 + b"v" * 127),
    ([("N" * 127, "v" * 128)], b"\x7f\x80\x00\x00\x80" + b"N" * 127 + b"v" * 128),
    ([("N" * 128, "v" * 127)], b"\x80\x00\x00\x80\x7f" + b"N" * 128 + b"v" * 127),
    ([("N" * 128, "v" * 128)], b"\x80\x00\x00\x80\x80\x00\x00\x80" + b"N" * 128 + b"v" * 128),
    ([("N", "v" * 65535)], b"\x01\x80\x00\xff\xffN" + b"v" * 65535),
    ([("N", "v" * 65536)], b"\x01\x80\x01\x00\x00N" + b"v" * 65536),
    ([("A", "\xe9"), ("B", "c"), ("A", "d")], b"\x01\x01A\xe9\x01\x01Bc\x01\x01Ad"),
    ([], b""),
]


@pytest.mark.parametrize(("pairs", "data"), PAIRS)
def test_pairs_both_ways(pairs, data):
    assert records.encode_pairs(pairs) == data
    assert records.decode_pairs(data) == pairs


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x00\x00\x01\x01Ab",
        b"\x01\x80\x00\x00\x01Ab",
        b"\x80\x00\x00\x01\x80\x00\x00\x01Ab",
    ],
)
def test_four_bytes_are_taken_for_short_lengths_too(data):
    assert records.decode_pairs(data) == [("A", "b")]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x01", "inside a length"),
        (b"\x80", "inside a length"),
        (b"\x80\x00\x00", "inside a length"),
        (b"\x80\x00\x00\x01", "inside a length"),
        (b"\x01\x80\x00\x00", "inside a length"),
        (b"\x01\x01A", "1 bytes longer"),
        (b"\x01\x00", "1 bytes longer"),
        (b"\xff\xff\xff\xff\xff\xff\xff\xffAb", "bytes longer"),
        (b"\x01\xff\xff\xff\xffA", "2147483647 bytes longer"),
        (b"\x01\x01Ab\x01\x05Ab", "4 bytes longer"),
        (b"\x01\x03Aa\0b", "NUL"),
        (b"\x03\x01A\0Bc", "NUL"),
    ],
)
def test_pairs_that_lie(data, sentence):
    with pytest.raises(RemoteProtocolError, match=sentence) as caught:
        records.decode_pairs(data)
    assert caught.value.status == 400


def test_every_cut_of_a_pair_is_noticed():
    data = b"\x80\x00\x00\x02\x80\x00\x00\x03ABcde"
    for cut in range(1, len(data)):
        with pytest.raises(RemoteProtocolError):
            records.decode_pairs(data[:cut])


@pytest.mark.parametrize(
    ("pairs", "sentence"), [([("A", "b\0")], "NUL"), ([("A\0", "")], "NUL"), ([("A", "€")], "latin")]
)
def test_pairs_that_cannot_be_sent(pairs, sentence):
    with pytest.raises(LocalProtocolError, match=sentence):
        records.encode_pairs(pairs)


TEXT = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=300)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=8))
def test_any_pairs_both_ways(pairs):
    assert records.decode_pairs(records.encode_pairs(pairs)) == pairs


@given(st.binary(max_size=200))
def test_rubbish_is_pairs_or_one_error(data):
    try:
        records.decode_pairs(data)
    except RemoteProtocolError:
        pass


@given(
    st.lists(st.tuples(st.integers(1, 11), st.integers(0, 65535), st.binary(max_size=60)), max_size=6),
    st.lists(st.integers(0, 400), max_size=6),
)
def test_any_records_at_any_split(sent, cuts):
    data = b"".join(records.encode_record(*record) for record in sent)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    found, pending = read([data[a:b] for a, b in pairwise(edges)])
    assert [record[:3] for record in found] == sent
    assert not pending


def test_begin_and_end():
    assert records.encode_begin(1, 1, keep=True) == b"\x01\x01\x00\x01\x00\x08\x00\x00\0\1\1\0\0\0\0\0"
    assert records.decode_begin(b"\x00\x03\xfe\x00\x00\x00\x00\x00") == (3, False)  # only bit 0 of the flags counts
    assert records.decode_begin(b"\x00\x01\xff\x01\x02\x03\x04\x05") == (1, True)
    assert records.encode_end(1, 258, 3) == b"\x01\x03\x00\x01\x00\x08\x00\x00\x00\x00\x01\x02\x03\0\0\0"
    assert records.decode_end(b"\x00\x00\x01\x02\x03\0\0\0") == (258, 3)
    for decode in (records.decode_begin, records.decode_end):
        for size in (0, 7, 9):
            with pytest.raises(RemoteProtocolError, match="8 bytes"):
                decode(bytes(size))


def test_the_numbers_of_section_8():
    assert list(records.TYPES) == list(range(1, 12))
    assert [records.type_name(number) for number in (1, 4, 11, 12)] == [
        "BEGIN_REQUEST",
        "PARAMS",
        "UNKNOWN_TYPE",
        "type 12",
    ]
    assert records.ROLES == {1: "responder", 2: "authorizer", 3: "filter"}
    assert list(records.PROTOCOL_STATUSES) == [0, 1, 2, 3]


# -- a request in one piece ----------------------------------------------------------------------------------------

OPENING = records.encode_begin(7, 1, keep=True)
PIECE = OPENING + encode_record(4, 7, b"\x01\x01Ab") + encode_record(4, 7) + encode_record(5, 7)


def test_a_request_in_one_piece():
    assert records.decode_opening(PIECE) == (7, 1, True, b"\x01\x01Ab")
    unpadded = OPENING + bytes([1, 4, 0, 7, 0, 4, 0, 0]) + b"\x01\x01Ab" + encode_record(4, 7) + encode_record(5, 7)
    assert records.decode_opening(unpadded) == (7, 1, True, b"\x01\x01Ab")


@pytest.mark.parametrize(
    "data",
    [
        *(PIECE[:size] for size in range(len(PIECE))),
        PIECE + b"\x01",
        *(PIECE[:at] + bytes([PIECE[at] ^ 0x80]) + PIECE[at + 1 :] for at in (0, 1, 2, 3, 4, 5, 6, 16, 17, 18, 19)),
        *(PIECE[:at] + bytes([PIECE[at] ^ 0x80]) + PIECE[at + 1 :] for at in range(len(PIECE) - 16, len(PIECE))),
        PIECE.replace(b"\0\x07", b"\0\0"),
        OPENING + encode_record(4, 7) + encode_record(5, 7),
        OPENING + encode_record(4, 7, b"\x01\x01Ab") + encode_record(4, 7) + encode_record(5, 7, b"x"),
    ],
)
def test_what_is_no_request_in_one_piece(data):
    assert records.decode_opening(data) is None
