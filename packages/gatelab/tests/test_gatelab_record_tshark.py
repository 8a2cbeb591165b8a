"""What we write, read by Wireshark: nothing is malformed, and its dissectors and ours see what the inspector sees."""

from __future__ import annotations

import ast
import io
import re
import subprocess
from pathlib import Path

import pytest

from gatelab.capture import write
from gatelab.recording import Connection, Cut, Recording, Segment
from uwsgi_gateway.protocol import MODIFIERS, PING, PONG, encode_packet_header, encode_vars

ROOT = Path(__file__).parents[3]
CAPTURES = [Recording.load(path) for path in sorted(ROOT.glob("captures/*.json"))]
LUA = [option for name in ("uwsgi", "scgi") for option in ("-X", f"lua_script:{ROOT}/wireshark/{name}.lua")]
BETWEEN = "\x1f"

pytestmark = pytest.mark.real("tshark")


def recording(connections, protocol=None, **known):
    return Recording(made="2026-11-26T00:30:00Z", protocol=protocol, connections=connections, **known)


def everything(protocol):
    """Return all connections of this protocol that real peers have had, as one recording."""
    return recording([one for each in CAPTURES if each.protocol == protocol for one in each.connections], protocol)


def tshark(folder, what, *options, fields):
    """Return the fields of the packets in which the first of `fields` is: for each a list of values."""
    path = folder / "packets.pcapng"
    with path.open("wb") as file:
        write(what, file)
    checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    names = [option for field in fields for option in ("-e", field)]
    done = subprocess.run(
        ["tshark", "-r", path, *checks, *options, "-T", "fields", "-E", f"aggregator={BETWEEN}", *names],
        capture_output=True, text=True, timeout=50, check=True,
    )  # fmt: skip
    assert not re.search("[Ee]rror|lua:", done.stderr), done.stderr
    rows = [[cell.split(BETWEEN) if cell else [] for cell in row.split("\t")] for row in done.stdout.split("\n")[:-1]]
    return [row for row in rows if row[0]]


@pytest.mark.parametrize(
    ("protocol", "options"), [("FastCGI", ["-d", "tcp.port==9000,fcgi"]), ("HTTP", []), ("SCGI", LUA), ("uwsgi", LUA)]
)
def test_no_packet_is_malformed(tmp_path, protocol, options):
    bad = "_ws.malformed || ip.checksum.status != 1 || tcp.checksum.status != 1 || tcp.analysis.flags || _ws.lua.error"
    assert tshark(tmp_path, everything(protocol), *options, "-Y", bad, fields=["frame.number"]) == []


def test_wireshark_sees_the_records_that_the_inspector_sees(tmp_path):
    what = everything("FastCGI")
    fields = ["fcgi.type", "fcgi.id", "fcgi.content.length", "tcp.stream", "tcp.dstport"]
    seen = {}
    for types, ids, sizes, stream, port in tshark(tmp_path, what, "-d", "tcp.port==9000,fcgi", fields=fields):
        records = seen.setdefault((int(stream[0]), "front" if port == ["9000"] else "backend"), [])
        records += [tuple(map(int, record)) for record in zip(types, ids, sizes, strict=True)]
    ours = {}
    for number, connection in enumerate(what.connections):
        for message in connection.messages("FastCGI"):
            header = {field.name: field.value for field in message.fields[0].children}
            record = tuple(int(header[name]) for name in ("type", "requestId", "contentLength"))
            ours.setdefault((number, message.sender), []).append(record)
    assert seen == ours


NAMES = {
    "uwsgi": ["uwsgi.var.key", "uwsgi.var.value", "uwsgi.modifier1", "uwsgi.datasize"],
    "SCGI": ["scgi.header.name", "scgi.header.value", "scgi.length"],
}


@pytest.mark.parametrize("protocol", NAMES)
def test_our_dissectors_see_the_variables_that_the_inspector_sees(tmp_path, protocol):
    what = everything(protocol)
    seen = tshark(tmp_path, what, *LUA, fields=[*NAMES[protocol], "tcp.stream"])
    ours = []
    for number, connection in enumerate(what.connections):
        head = next((each for each in connection.messages(protocol) if each.sender == "front"), None)
        if head:
            ours.append((number, [(field.name, field.value) for field in _pairs(head.fields)]))
    assert [(int(row[-1][0]), _values(row)) for row in seen] == [(number, _shown(pairs)) for number, pairs in ours]


def _pairs(fields):
    for field in fields:
        if any(child.name == "value" for child in field.children):
            yield field
        else:
            yield from _pairs(field.children)


def _values(row):
    return list(zip(row[0], row[1] or [""] * len(row[0]), strict=True))


def _shown(pairs):
    """What is not ASCII tshark shows in a way of its own."""
    return [(name, value if value.isascii() else "caf\ufffd") for name, value in pairs]


# -- splits ------------------------------------------------------------------------------------------------------------

VARIABLES = [("CONTENT_LENGTH", "3"), ("REQUEST_METHOD", "POST"), ("REQUEST_URI", "/a"), ("EMPTY", "")]
BLOCK = encode_vars(VARIABLES)
HEADERS = b"".join(b"%b\0%b\0" % (name.encode(), value.encode()) for name, value in VARIABLES)
REQUESTS = {
    "uwsgi": encode_packet_header(0, len(BLOCK)) + BLOCK + b"abc",
    "SCGI": b"%d:%b,abc" % (len(HEADERS), HEADERS),
}
ANSWERS = {
    "uwsgi": b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
    "SCGI": b"Status: 404 Not Found\r\nX-Y: z\r\n\r\nno",
}
STATUS = {"uwsgi": "http.response.code", "SCGI": "scgi.response.status"}
CODE = {"uwsgi": "404", "SCGI": "404 Not Found"}


def cut(data, at):
    return [data[:at], data[at:]] if at else [data[i : i + 1] for i in range(len(data))]


def connection(*sides):
    """A connection on which each side says its pieces, then ends."""
    segments = []
    for sender, pieces in sides:
        segments += [Segment(len(segments) / 1000, sender, piece) for piece in pieces]
    ends = [Segment(len(segments) / 1000, sender, b"") for sender in ("backend", "front")]
    return Connection(segments + ends)


@pytest.mark.parametrize("how", ["port", "decode as", "heuristics"])
@pytest.mark.parametrize("protocol", REQUESTS)
def test_no_split_changes_what_our_dissectors_see(tmp_path, protocol, how):
    """The request cut in two at every byte (0: between all), the response too. Heuristics want a beginning."""
    request, answer = REQUESTS[protocol], ANSWERS[protocol]
    places = {"port": range(len(request)), "decode as": [0, 2], "heuristics": [24, len(request) - 1]}
    what = recording(
        [connection(("front", cut(request, at)), ("backend", cut(answer, at % len(answer)))) for at in places[how]],
        protocol,
        to="" if how == "port" else "10.0.0.1:5555",
    )
    options = [*LUA, *(["-d", f"tcp.port==5555,{protocol.lower()}"] if how == "decode as" else [])]
    rows = tshark(tmp_path, what, *options, fields=[*NAMES[protocol][:2], "tcp.stream"])
    names, values = zip(*VARIABLES, strict=True)
    shown = [(row[0], row[1]) for row in rows]
    assert shown == [(list(names), list(values))] * len(what.connections)
    if how == "port":
        rows = tshark(tmp_path, what, *LUA, fields=[STATUS[protocol], "tcp.stream"])
        assert [row[0] for row in rows] == [[CODE[protocol]]] * len(what.connections)


def test_other_packets_of_uwsgi(tmp_path):
    code = encode_packet_header(22, 8) + b"print(1)"
    broken = encode_packet_header(0, 4) + b"\xff\xff\0\0"
    get = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
    what = recording([connection(("front", [one])) for one in (PING, code, broken, get)], "uwsgi")
    what.connections[0] = connection(("front", [PING]), ("backend", [PONG]))
    fields = ["tcp.stream", "uwsgi.modifier1", "uwsgi.modifier2", "uwsgi.block", "uwsgi.not_vars", "uwsgi.is_http"]
    rows = tshark(tmp_path, what, *LUA, "-Y", "uwsgi", fields=[*fields, "http.request.uri"])
    assert [[cell[0] if cell else "" for cell in row[:4]] for row in rows] == [
        ["0", "100", "0", ""],
        ["0", "100", "1", ""],
        ["1", "22", "0", b"print(1)".hex()],
        ["2", "0", "0", "ffff0000"],
        ["3", "", "", ""],
    ]
    assert [bool(row[4]) for row in rows] == [False, False, False, True, False]
    assert [bool(row[5]) for row in rows] == [False, False, False, False, True]
    assert rows[4][6] == ["/a"]


def test_the_dissector_names_modifiers_as_the_codec_does():
    source = (ROOT / "wireshark/uwsgi.lua").read_text()
    block = source.split("local MODIFIERS = {")[1].split("\n}")[0]
    found = {int(number): ast.literal_eval(text) for number, text in re.findall(r'\[(\d+)\] = ("[^"]*"),', block)}
    assert found == MODIFIERS


# -- what TCP makes of it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "to", "families", "port"),
    [
        ("10.0.0.2:40000", "10.0.0.1:9000", ["ip"], 9000),
        ("[fd00::2]:40000", "[fd00::1]:9000", ["ipv6"], 9000),
        ("10.0.0.2:40000", "[fd00::1]:9000", ["ipv6"], 9000),
        ("", "unix:/run/a.sock", ["ip"], 3031),
    ],
)
def test_places_large_content_resets_and_gaps(tmp_path, client, to, families, port):
    content = bytes(200_000)
    broken = Connection(
        [
            Segment(0, "front", REQUESTS["uwsgi"]),
            Segment(0.5, "backend", content),
            Segment(1, "front", b"", reset=True),
        ],
        client=client,
    )
    gap = Connection([Segment(0, "front", b"x"), Segment(1, "front", b"")], client=client.replace("40000", "40001"))
    gap.cut = Cut(1000, 0)
    what = recording([broken, gap], to=to)
    fields = ["tcp.stream", "tcp.len", "tcp.flags.reset", "tcp.analysis.lost_segment", "tcp.checksum.status"]
    rows = tshark(tmp_path, what, fields=[*fields, "tcp.port", *[f"{family}.version" for family in families]])
    assert sum(int(row[1][0]) for row in rows if row[0] == ["0"]) == len(REQUESTS["uwsgi"]) + len(content)
    assert max(int(row[1][0]) for row in rows) <= 1460
    assert [row[2] for row in rows if row[0] == ["0"]][-1] == ["1"]
    assert sum(bool(row[3]) for row in rows) == 1  # in the connection that is cut
    assert {row[4][0] for row in rows} == {"1"}
    assert all(str(port) in row[5] for row in rows)
    assert all(row[6] for row in rows)


def test_comments_say_what_is_made_up():
    file = io.BytesIO()
    write(recording([connection(("front", [PING]))], to="unix:/run/a.sock", note="a note"), file)
    assert b"the backend's address is made up" in file.getvalue()
    assert b"connection 1, whose front's address is made up" in file.getvalue()
    assert b"note: a note" in file.getvalue()
    assert b"a relay to unix:/run/a.sock" in file.getvalue()
