"""The bytes in the museum's figures, read back from the pages by decoders written here alone."""

import html
import re
import tomllib
from datetime import datetime
from pathlib import Path

import pytest

import demo_app
from demo_app import history, wire

EXPECTED = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/hello",
    "QUERY_STRING": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "8000",
    "SERVER_SOFTWARE": "museum",
    "GATEWAY_INTERFACE": "CGI/1.1",
    "REMOTE_ADDR": "127.0.0.1",
    "HTTP_HOST": "localhost:8000",
}
CGI_ANSWER = b"Status: 200 OK\nContent-Type: text/plain\nContent-Length: 14\n\nHello, world!\n"


class Figure:
    """A figure of bytes as a visitor sees it."""

    def __init__(self, page: str, name: str):
        self.html = re.search(rf'<figure class="wire" id="{name}">.*?</figure>', page, re.DOTALL)[0]
        self.lines = [
            (int(offset), bytes.fromhex(re.sub(r"<[^>]+>", "", digits)), html.unescape(re.sub(r"<[^>]+>", "", text)))
            for offset, digits, text in re.findall(
                r'<span class="offset">(\d+)</span> <code class="hex">(.*?)</code> <code class="text">(.*?)</code>',
                self.html,
            )
        ]
        self.bytes = b"".join(line[1] for line in self.lines)
        self.total = int(re.search(r"<strong>(\d+) bytes</strong>", self.html)[1])


@pytest.fixture
def figure(ask):
    def find(name):
        return Figure(ask("/" + name.partition("-")[0]).text, name)

    return find


@pytest.mark.parametrize("name", sorted(wire.MESSAGES))
def test_a_figure_adds_up(figure, name):
    shown = figure(name)
    assert shown.total == len(shown.bytes) > 0
    offset = 0
    for at, content, text in shown.lines:
        assert at == offset
        assert content
        offset += len(content)
        readable = content.decode("latin-1").replace("\0", "\\0").replace("\r", "\\r").replace("\n", "\\n")
        assert text == re.sub(r"[^\x20-\x7e]", "·", readable)


@pytest.mark.parametrize("name", sorted(name for name in wire.MESSAGES if name.endswith("-request")))
def test_the_comparison_shows_the_same_bytes(ask, figure, name):
    page = ask("/bytes").text
    assert Figure(page, name).bytes == figure(name).bytes
    row = re.search(rf'<th scope="row"><a href="/{name.partition("-")[0]}">.*?</tr>', page, re.DOTALL)[0]
    total, said, rest = map(int, re.findall(r'<td class="number">(\d+)</td>', row))
    assert total == said + rest == len(figure(name).bytes)
    widths = [int(width) for width in re.findall(r'width="(\d+)"', row)]
    assert sum(widths) == total


def test_http(figure):
    assert figure("http-request").bytes == b"GET /hello HTTP/1.1\r\nHost: localhost:8000\r\n\r\n"
    head, _, body = figure("http-response").bytes.partition(b"\r\n\r\n")
    status, *fields = head.split(b"\r\n")
    assert status == b"HTTP/1.1 200 OK"
    named = dict(field.split(b": ") for field in fields)
    assert int(named[b"Content-Length"]) == len(body) == 14
    date = datetime.strptime(named[b"Date"].decode(), "%a, %d %b %Y %H:%M:%S GMT")
    assert date.strftime("%a") == named[b"Date"].decode()[:3]


def test_cgi(figure):
    strings = figure("cgi-request").bytes.split(b"\0")
    assert strings.pop() == b""
    assert dict(string.decode().split("=", 1) for string in strings) == EXPECTED
    assert figure("cgi-response").bytes == figure("scgi-response").bytes == CGI_ANSWER


def test_the_variables_are_those_that_rfc_3875_demands():
    demanded = {"GATEWAY_INTERFACE", "QUERY_STRING", "REMOTE_ADDR", "REQUEST_METHOD", "SCRIPT_NAME"}
    demanded |= {"SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "SERVER_SOFTWARE"}
    assert set(EXPECTED) == demanded | {"PATH_INFO", "HTTP_HOST"}
    assert EXPECTED == wire.VARIABLES


def fastcgi_records(data: bytes) -> list[tuple[int, int, bytes]]:
    found = []
    while data:
        version, kind = data[0], data[1]
        ident = int.from_bytes(data[2:4], "big")
        size, padding, reserved = int.from_bytes(data[4:6], "big"), data[6], data[7]
        assert (version, reserved) == (1, 0)
        end = 8 + size + padding
        assert len(data) >= end
        assert end % 8 == 0
        assert padding < 8
        found.append((kind, ident, data[8 : 8 + size]))
        data = data[end:]
    return found


def test_fastcgi(figure):
    records = fastcgi_records(figure("fastcgi-request").bytes)
    assert [(kind, ident) for kind, ident, _ in records] == [(1, 1), (4, 1), (4, 1), (5, 1)]
    assert records[0][2] == bytes([0, 1, 1, 0, 0, 0, 0, 0])  # responder, keep the connection
    assert records[2][2] == records[3][2] == b""
    pairs, at, params = {}, 0, records[1][2]
    while at < len(params):
        name_size, value_size = params[at], params[at + 1]
        assert max(name_size, value_size) < 128
        name = params[at + 2 : at + 2 + name_size]
        at += 2 + name_size + value_size
        pairs[name.decode()] = params[at - value_size : at].decode()
    assert at == len(params)
    assert pairs == EXPECTED

    answer = fastcgi_records(figure("fastcgi-response").bytes)
    assert answer == [(6, 1, CGI_ANSWER), (6, 1, b""), (3, 1, bytes(8))]


def test_scgi(figure):
    size, colon, rest = figure("scgi-request").bytes.partition(b":")
    assert colon
    assert str(int(size)).encode() == size
    assert len(rest) == int(size) + 1
    assert rest.endswith(b"\0,")
    strings = rest[:-2].decode().split("\0")
    assert strings[:4] == ["CONTENT_LENGTH", "0", "SCGI", "1"]
    assert dict(zip(strings[4::2], strings[5::2], strict=True)) == EXPECTED


def test_uwsgi(figure):
    data = figure("uwsgi-request").bytes
    assert (data[0], data[3]) == (0, 0)
    assert int.from_bytes(data[1:3], "little") == len(data) - 4
    strings, at = [], 4
    while at < len(data):
        size = int.from_bytes(data[at : at + 2], "little")
        strings.append(data[at + 2 : at + 2 + size].decode())
        at += 2 + size
    assert at == len(data)
    assert dict(zip(strings[::2], strings[1::2], strict=True)) == EXPECTED
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, world!\n"
    assert figure("uwsgi-response").bytes == answer


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_what_uwsgi_makes_of_http(ask, method):
    first_four = f"{method} /"[:4].encode()
    assert str(int.from_bytes(first_four[1:3], "little")) in ask("/uwsgi").text


def test_the_calls_show_the_same_request(ask):
    text = html.unescape(re.sub(r"<[^>]+>", "", ask("/wsgi").text))
    for name, value in EXPECTED.items():
        assert f"{name!r}{value!r}" in text
    assert "<strong>0 bytes</strong>" in ask("/asgi").text


def test_dates_are_in_order_and_have_sources():
    text = (Path(demo_app.__file__).parent / "content" / "facts.toml").read_text()
    events = tomllib.loads(text)["event"]

    def year(event):
        return int(event["date"][-4:])

    def day(event):
        for form in ("%d %b %Y", "%b %Y", "%Y"):
            try:
                return datetime.strptime(event["date"], form)
            except ValueError:
                continue
        raise AssertionError(event["date"])

    for event in events:
        assert event["source"]
        assert event["checked"] < event["again"]
        assert event["fact"].endswith(".")
        assert event["read"] in ("primary", "secondary")
        assert event["link"] == "" or event["link"].startswith("https://")
    assert [day(event) for event in events] == sorted(day(event) for event in events)
    assert year(events[0]) == 1993
    assert len({event["id"] for event in events}) == len(events)


def test_the_timeline_shows_every_date_and_a_page_its_own(ask):
    timeline = html.unescape(ask("/timeline").text)
    for event in history.events():
        assert event["fact"] in timeline
        assert event["source"] in timeline
        for page in ("cgi", "fastcgi", "scgi", "uwsgi", "wsgi", "asgi", "http"):
            assert (event["fact"] in html.unescape(ask(f"/{page}").text)) == (page in event["topics"])
    assert timeline.count("(secondary source)") == sum(event["read"] == "secondary" for event in history.events())
