"""The views: every byte is shown once, fields and bytes point at each other, and nothing of a wire escapes."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from fastcgi_server import records
from scgi_server.protocol import encode_headers, encode_netstring
from uwsgi_gateway.protocol import encode_packet_header, encode_vars
from wire_inspector import Conversation, columns, environment, html, show, text
from wire_inspector.side_by_side import gather
from wire_wires import WIRES


def messages(protocol, front=b"", backend=b""):
    conversation = Conversation(protocol)
    found = []
    for sender, data in (("front", front), ("backend", backend), ("front", b""), ("backend", b"")):
        found += conversation.receive(sender, data)
    return found


def of_wire(name):
    protocol, front, backend = WIRES[name]
    return messages(protocol, front, backend)


def plain(message, **options):
    return [line.plain for line in text.lines(message, **options)]


# -- text ----------------------------------------------------------------------------------------------------------


def test_text_of_a_record():
    data = records.encode_record(records.PARAMS, 1, records.encode_pairs([("REQUEST_METHOD", "GET"), ("A", "\x1b[2J")]))
    (message,) = Conversation("FastCGI").receive("front", data)
    assert plain(message, width=90) == [
        "> 1: PARAMS, 26 bytes" + " " * 57 + "FastCGI at 0",
        "  01                       .         version         1  FastCGI 1.0",
        "  04                       .         type            4",
        "                                       PARAMS, a stream: the meta-variables",
        "  00 01                    ..        requestId       1  big-endian: which request",
        "  00 1a                    ..        contentLength   26  big-endian: bytes of content",
        "  06                       .         paddingLength   6  bytes to skip behind it",
        "  00                       .         reserved",
        "  0e 03 52 45 51 55 45 53  ..REQUES  REQUEST_METHOD  GET  the method (RFC 3875, 4.1.12)",
        "  54 5f 4d 45 54 48 4f 44  T_METHOD",
        "  47 45 54                 GET",
        "  01 04 41 1b 5b 32 4a     ..A.[2J   A               \\x1b[2J",
        "  00 00 00 00 00 00        ......    padding         6 bytes  to be skipped",
    ]
    assert plain(message, hex=False, width=60) == [
        "> 1: PARAMS, 26 bytes" + " " * 27 + "FastCGI at 0",
        "  REQUEST_METHOD  GET  the method (RFC 3875, 4.1.12)",
        "  A               \\x1b[2J",
    ]


def test_text_of_content():
    first, second, _ = messages(
        "HTTP", b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + b"<\n>" + b"x" * 997
    )
    assert plain(second, hex=False)[1] == f'  content  1,000 bytes  "<\\n>{"x" * 61}"...'
    assert plain(second)[-1] == "  ... 952 more"
    assert len(plain(second)) == 1 + 6 + 1
    assert plain(first)[0].startswith("> request head, PUT /")


def test_text_of_a_fault_is_wrapped():
    (message,) = messages("uwsgi", b"GET / HTTP/1.1\r\n")
    lines = plain(message, width=60)
    assert lines[1].startswith("  ! these bytes spell 'GET ': this is HTTP on a uwsgi")
    assert lines[2].startswith("    ")
    assert "21573" in lines[2]


@pytest.mark.parametrize("width", [20, 40, 79, 80, 129, 130, 200])
@pytest.mark.parametrize("name", WIRES)
def test_no_line_is_longer_than_the_terminal(name, width):
    for message in of_wire(name):
        for with_hex in (True, False):
            for line in text.lines(message, hex=with_hex, width=width):
                assert line.cell_len <= width
                assert line.plain.isprintable()


@pytest.mark.parametrize("name", [name for name in WIRES if name != "HTTP, chunks"])  # its content is cut short
def test_every_byte_is_shown_once(name):
    for message in of_wire(name):
        shown = "".join(line[2:26] for line in plain(message, width=80)[1:])
        if "..." not in shown:
            assert bytes.fromhex(shown) == message.data


# -- HTML ----------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a view holds: its text by pane, the numbers of fields by pane, and that its elements are closed."""

    def __init__(self, document):
        super().__init__()
        self.open = []
        self.text = {"hex": "", "text": ""}
        self.numbers = {"hex": set(), "text": set(), "": set()}
        self.feed(document)
        self.close()
        assert not self.open

    @property
    def pane(self):
        return next((name for _, name in self.open if name in ("hex", "text")), "")

    def handle_starttag(self, tag, attrs):
        assert tag in ("div", "style", "details", "summary", "b", "small", "p", "span", "ul", "li")
        assert {name for name, _ in attrs} <= {"class", "title", "open", "tabindex", "aria-hidden"}
        names = dict(attrs).get("class", "")
        self.open.append((tag, names))
        self.numbers[self.pane] |= {name for name in names.split() if re.fullmatch("f[0-9]+", name)}

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.pane:
            self.text[self.pane] += data


@pytest.mark.parametrize("name", WIRES)
def test_bytes_and_fields_point_at_each_other(name):
    for message in of_wire(name):
        page = Page(html.view([message]))
        assert page.numbers["hex"] == page.numbers["text"] == page.numbers[""]
        if len(message.data) < html.SHOWN:
            assert bytes.fromhex(page.text["hex"]) == message.data
            assert len(page.text["text"]) == len(message.data)


EVIL = st.text("<>&\"'/\0\n\x1b\x9b\u00a0=a", max_size=12)


@settings(deadline=None)
@given(st.lists(st.tuples(EVIL, EVIL), max_size=3), EVIL)
def test_nothing_escapes(pairs, line):
    data = records.encode_record(
        records.PARAMS,
        1,
        b"".join(bytes([len(a), len(b)]) + a.encode("latin-1") + b.encode("latin-1") for a, b in pairs),
    )
    found = messages(
        "FastCGI", data, records.encode_record(records.STDOUT, 1, line.encode("latin-1") + b": <b>\n\n<i>")
    )
    found += messages("HTTP", b"GET /" + line.encode("latin-1") + b" HTTP/1.1\r\n\r\n")
    page = html.view(found)
    Page(page)
    assert all(one.isprintable() or one == "\n" for one in page)
    Columns(columns([found])._repr_html_())
    assert all(one.isprintable() for message in found for one in "".join(plain(message)))


def test_a_view_of_nothing():
    assert "<details" not in html.view([])


def test_notebooks():
    found = of_wire("SCGI")
    assert show(found)._repr_html_() == html.view(found)
    assert repr(show(found)).startswith("> netstring, 7 headers")


# -- side by side --------------------------------------------------------------------------------------------------


class Columns(HTMLParser):
    """A table, as rows of texts."""

    def __init__(self, document):
        super().__init__()
        self.rows = []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag, attrs):
        assert tag in ("div", "style", "table", "thead", "tbody", "tr", "th", "td", "b", "span")
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.rows:
            self.rows[-1][-1] += data


VARIABLES = [
    ("CONTENT_LENGTH", "5"),
    ("REQUEST_METHOD", "POST"),
    ("REQUEST_URI", "/hello"),
    ("PATH_INFO", "/hello"),
    ("SERVER_PROTOCOL", "HTTP/1.1"),
    ("HTTP_HOST", "a"),
]
CGI = b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nhi"
HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhi"


def five(step=1000):
    """Return one request and its answer over five protocols, FastCGI's streams cut every `step` bytes."""

    def stream(type_, data):
        pieces = [data[at : at + step] for at in range(0, len(data), step)]
        return b"".join(records.encode_record(type_, 1, piece) for piece in [*pieces, b""])

    block = encode_vars(VARIABLES)
    scgi = encode_netstring(encode_headers([VARIABLES[0], ("SCGI", "1"), *VARIABLES[1:]]))
    params = stream(records.PARAMS, records.encode_pairs(VARIABLES))
    fastcgi = records.encode_begin(1, records.RESPONDER, keep=False) + params + stream(records.STDIN, b"hello")
    return [
        messages("HTTP", b"POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", HTTP),
        [environment(VARIABLES), *messages("CGI", b"hello", CGI)],
        messages("FastCGI", fastcgi, stream(records.STDOUT, CGI) + records.encode_end(1, 0, 0)),
        messages("SCGI", scgi + b"hello", CGI),
        messages("uwsgi", encode_packet_header(0, len(block)) + block + b"hello", HTTP),
    ]


FIVE = {
    # row: what each protocol spends on it
    ("front", "method"): (4, 20, 20, 20, 22),
    ("front", "target"): (6, 19, 19, 19, 21),
    ("front", "version"): (8, 25, 25, 25, 27),
    ("front", "host"): (9, 12, 12, 12, 14),
    ("front", "content-length"): (19, 17, 17, 17, 19),
    ("front", "PATH_INFO"): (None, 17, 17, 17, 19),
    ("front", "SCGI"): (None, None, None, 7, None),
    ("front", "content"): (5, 5, 5, 5, 5),
    ("backend", "status"): (17, 16, 16, 16, 17),
    ("backend", "content-type"): (26, 26, 26, 26, 26),
    ("backend", "content"): (2, 2, 2, 2, 2),
}


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_the_five_columns(step):
    table = columns(five(step))
    assert table.names == ["HTTP", "CGI", "FastCGI", "SCGI", "uwsgi"]
    rows = {
        (key.sender, key.name): tuple(cells[key].size if key in cells else None for cells in table.cells)
        for key in table.rows
        if key.name != "frame"
    }
    assert rows == FIVE
    assert [key.name for key in table.rows if key.sender == "front"] == [
        name for side, name in FIVE if side == "front"
    ] + ["frame"]


def test_names_of_the_wire_are_no_names_of_ours():
    names = ["header", "content", "request line", "status line", "end of head", "name", "value", "CRLF", "padding"]
    variables = [("CONTENT_LENGTH", "0"), ("SCGI", "1"), *[(name, "1") for name in names]]
    found = messages("SCGI", encode_netstring(encode_headers(variables)), b"Content: a\nHeader: b\n\n")
    cut = messages("FastCGI", records.encode_record(records.PARAMS, 1, records.encode_pairs(variables)))
    for table in (gather(found[:1]), gather(cut)):
        assert {key.name for key in table} - {"frame", "SCGI", "content-length"} == set(names)
    assert {key.name for key in gather(found[1:])} == {"content", "header", "frame"}
    assert [line.split()[:2] for line in plain(found[0], hex=False)[1:]][-len(names) :][:2] == [
        ["header", "1"], ["content", "1"],
    ]  # fmt: skip


@pytest.mark.parametrize("name", WIRES)
def test_every_byte_lies_in_one_row(name):
    found = of_wire(name)
    assert sum(cell.size for cell in gather(found).values()) == sum(len(message.data) for message in found)


def test_the_table_in_both_forms():
    table = columns(five())
    output = io.StringIO()
    Console(file=output, width=200).print(table)
    lines = output.getvalue().splitlines()
    assert lines[1].split() == table.names
    assert next(line for line in lines if "method" in line).split() == [
        "method", "4", "POST", "20", "REQUEST_METHOD=POST.", "20", "..REQUEST_METHODPOST", "20", "REQUEST_METHOD.POST.",
        "22", "..REQUEST_METHOD..POST",
    ]  # fmt: skip
    rows = Columns(table._repr_html_()).rows
    assert rows[0] == ["", "", "HTTP", "", "CGI", "", "FastCGI", "", "SCGI", "", "uwsgi"]
    assert rows[2][:5] == ["method", "4", "POST", "20", "REQUEST_METHOD=POST."]


def test_columns_of_nothing():
    assert columns([]).rows == columns([[]]).rows == []
