"""How the report looks: text, HTML, JSON, metrics; and who gets which."""

from __future__ import annotations

import copy
import json
import re
from html.parser import HTMLParser
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from gateway_runtime.status_html import html
from gateway_runtime.status_page import StatusApplication
from gateway_runtime.status_text import duration, metrics, printable, size, text

IDLE = {"state": "idle", "requests": 300, "request": "GET /last", "busy_s": 0.0}
REPORT = {
    "format": 1, "program": "wsgi_server", "version": "0.1.0", "pid": 4200, "started": 1796500000.1,
    "uptime_s": 183845.3, "manager": "dynamic",
    "workers": {"configured": 3, "least": 2, "most": 8, "alive": 3, "idle": 1, "busy": 1, "starting": 1, "retiring": 0},
    "threads": 2, "generation": 1, "requests": 1234, "spawned": 5, "died": 1, "reloads": 0, "slow_requests": 2,
    "timed_out": 0,
    "listeners": [
        {"url": "http://127.0.0.1:8000", "queue": 3, "queue_max": 1024},
        {"url": "http+unix:/run/x", "queue": None, "queue_max": None},
    ],
    "worker": [
        {
            "pid": 4201, "state": "busy", "generation": 1, "age_s": 12.1, "requests": 600, "connections": 12,
            "rss_bytes": 22990029, "queue_wait_ms": {"recent": 0.1, "max": 1203.25},
            "threads": [
                IDLE,
                {"state": "busy", "requests": 100, "request": "GET /quick", "busy_s": 0.04},
                {"state": "busy", "requests": 200, "request": "GET /slow", "busy_s": 61.4},
            ],
        },
        {
            "pid": 14202, "state": "idle", "generation": 1, "age_s": 1.04, "requests": 0, "connections": 0,
            "rss_bytes": None, "queue_wait_ms": {"recent": 0.0, "max": 0.0}, "threads": [IDLE] * 3,
        },
    ],
}  # fmt: skip

TEXT = """\
wsgi_server 0.1.0, pid 4200, up 2 d 03:04:05, dynamic, generation 1
requests  1234 served, 2 slow, 0 timed out
workers   3 of 3 (least 2, most 8, threads 2): 1 idle, 1 busy, 1 starting, 0 retiring
          5 spawned, 1 died, 0 reloads
listens   http://127.0.0.1:8000, 3 of 1024 waiting
listens   http+unix:/run/x, ? waiting

  PID  STATE  GEN    AGE  REQUESTS  CONNS    RSS  WAIT ms   MAX ms  SERVES
 4201  busy     1   12 s       600     12  21.9M     0.10  1203.25  61 s GET /slow
                                                                    0.0 s GET /quick
14202  idle     1  1.0 s         0      0      ?     0.00     0.00
"""

METRICS = """\
# TYPE gateway_requests_total counter
gateway_requests_total 1234
# TYPE gateway_slow_requests_total counter
gateway_slow_requests_total 2
# TYPE gateway_timed_out_total counter
gateway_timed_out_total 0
# TYPE gateway_spawned_total counter
gateway_spawned_total 5
# TYPE gateway_died_total counter
gateway_died_total 1
# TYPE gateway_reloads_total counter
gateway_reloads_total 0
# TYPE gateway_workers gauge
gateway_workers{state="idle"} 1
gateway_workers{state="busy"} 1
gateway_workers{state="starting"} 1
gateway_workers{state="retiring"} 0
# TYPE gateway_connections gauge
gateway_connections 12
# TYPE gateway_resident_bytes gauge
gateway_resident_bytes 22990029
# TYPE gateway_queue_wait_seconds gauge
gateway_queue_wait_seconds 0.0001
# TYPE gateway_listen_queue gauge
gateway_listen_queue{url="http://127.0.0.1:8000"} 3
"""


def with_request(said):
    report = copy.deepcopy(REPORT)
    report["worker"][0]["threads"][1]["request"] = said
    return report


def test_text():
    assert text(REPORT) == TEXT


def test_text_without_workers():
    lines = text(REPORT | {"worker": []}).splitlines()
    assert lines[-1] == "PID  STATE  GEN  AGE  REQUESTS  CONNS  RSS  WAIT ms  MAX ms  SERVES"


def test_metrics():
    assert metrics(REPORT) == METRICS


def test_metrics_without_workers():
    assert "gateway_queue_wait_seconds 0.0\n" in metrics(REPORT | {"worker": [], "listeners": []})


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"), (0.04, "0.0 s"), (9.94, "9.9 s"), (10, "10 s"), (99.4, "99 s"), (100, "1:40"), (3599.9, "59:59"),
        (3600, "1:00:00"), (86399, "23:59:59"), (86400, "1 d 00:00:00"), (31_536_000, "365 d 00:00:00"),
    ],
)  # fmt: skip
def test_durations(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(("number", "said"), [(None, "?"), (0, "0.0M"), (1 << 20, "1.0M"), (3 << 30, "3072.0M")])
def test_sizes(number, said):
    assert size(number) == said


ODD = [
    ("GET /\x1b[2J", "GET /\\x1b[2J"),
    ("GET /a\nGET /b", "GET /a\\nGET /b"),
    ("GET /\u202egnp", "GET /\\u202egnp"),
    ("GET /\x00\x7f\x85", "GET /\\x00\\x7f\\x85"),
    ("GET /\ud800", "GET /\\ud800"),
    ("GET /\xe4\u6f22", "GET /\xe4\u6f22"),
]


@pytest.mark.parametrize(("said", "shown"), ODD)
def test_a_peer_cannot_drive_the_terminal(said, shown):
    assert printable(said) == shown
    lines = text(with_request(said)).splitlines()
    assert len(lines) == len(TEXT.splitlines())
    assert shown in lines[-2]


class Page(HTMLParser):
    """The elements of a page and the text between them."""

    VOID = ("meta", "br")

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.words, self.attributes = [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data.strip())


def test_the_page_says_what_the_report_says():
    page = Page(html(REPORT))
    words = " ".join(word for word in page.words if word)
    for said in (
        "wsgi_server 0.1.0", "pid 4200, up 2 d 03:04:05, dynamic, generation 1", "requests served 1,234",
        "workers 3 of 3, 2 to 8", "died 1 of 5 spawned", "slow 2", "timed out 0", "reloads 0",
        "4201 busy 1 12 s 600 12 21.9M 0.10 1203.25 61 s GET /slow 0.0 s GET /quick", "14202 idle 1 1.0 s 0 0 ? 0.00",
        "http://127.0.0.1:8000 3 of 1024 waiting", "http+unix:/run/x ? waiting",
    ):  # fmt: skip
        assert said in words
    assert page.tags.count("tr") == 1 + 2 + 2


def test_the_page_stands_alone():
    page = Page(html(REPORT))
    assert not {"script", "link", "img", "iframe", "form"} & set(page.tags)
    assert {value for name, value in page.attributes if name == "href"} == {
        "?format=text", "?format=json", "?format=metrics"
    }  # fmt: skip
    assert not [name for name, _ in page.attributes if name in {"src", "style"} or name.startswith("on")]
    assert ("http-equiv", "refresh") in page.attributes
    assert "url(" not in html(REPORT)
    assert "@import" not in html(REPORT)


@pytest.mark.parametrize(
    "odd", ["<script>alert(1)</script>", "</code></td></table>", "&lt;", "\"'><i onclick=x>", "{STYLE}%s"]
)
def test_nothing_that_others_chose_is_markup(odd):
    report = with_request(f"GET /{odd}")
    report["program"] = report["version"] = odd
    report["listeners"][0]["url"] = f"http+unix:/{odd}"
    page, plain = Page(html(report)), Page(html(REPORT))
    assert page.tags == plain.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in plain.attributes]
    assert " ".join(page.words).count(odd) == 6  # title and heading, twice each; request; address


def calm():
    return REPORT | {"died": 0, "slow_requests": 0}


def test_what_is_bad_stands_out():
    assert 'class="bad"' not in html(calm())
    for name in ("died", "slow_requests", "timed_out"):
        assert html(calm() | {name: 1}).count('class="bad"') == 1
    few = calm() | {"workers": REPORT["workers"] | {"alive": 2}}
    assert html(few).count('class="bad"') == 1


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


def ask(application, path, query="", method="GET", **variables):
    environ = {"SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": method, **variables}
    setup_testing_defaults(environ)
    heads = []
    checked = validator(application)
    iterable = checked(environ, lambda status, fields, exc_info=None: heads.append((status, fields)))
    body = b"".join(iterable)
    iterable.close()
    ((status, fields),) = heads
    return status, dict(fields), body


@pytest.fixture
def application():
    return StatusApplication(hello, lambda: REPORT, "/.status", "/.ping")


@pytest.mark.parametrize("path", ["/", "", "/.status/", "/.statu", "/ping"])
def test_all_else_is_the_application_s(application, path):
    assert ask(application, path)[2] == b"hello"


def test_ping(application):
    status, fields, body = ask(application, "/.ping")
    assert (status, body, fields["Content-Length"]) == ("200 OK", b"pong\n", "5")
    assert ask(application, "/.ping", method="HEAD") == (status, fields, b"")


HTML, JSON, PLAIN = "text/html; charset=utf-8", "application/json", "text/plain; charset=utf-8"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("query", "accept", "content_type"),
    [
        ("", "", PLAIN), ("", "*/*", PLAIN), ("", BROWSER, HTML), ("", "application/json", JSON),
        ("format=text", BROWSER, PLAIN), ("format=json", BROWSER, JSON), ("format=html", "", HTML),
        ("x=1&format=json", "", JSON), ("format=", "application/json", JSON),
        ("format=metrics", BROWSER, "text/plain; version=0.0.4; charset=utf-8"),
    ],
)  # fmt: skip
def test_the_page_in_each_form(application, query, accept, content_type):
    status, fields, body = ask(application, "/.status", query, HTTP_ACCEPT=accept)
    assert (status, fields["Content-Type"]) == ("200 OK", content_type)
    assert fields["Content-Length"] == str(len(body))
    assert (fields["Cache-Control"], fields["Vary"]) == ("no-store", "Accept")
    assert ("Content-Security-Policy" in fields) is (content_type == HTML)
    if content_type == JSON:
        assert json.loads(body) == REPORT
    elif content_type == PLAIN:
        assert body == TEXT.encode()
    elif content_type == HTML:
        assert body == html(REPORT).encode()
    assert ask(application, "/.status", query, "HEAD", HTTP_ACCEPT=accept)[1:] == (fields, b"")


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("POST", "", "405 Method Not Allowed"),
        ("GET", "format=xml", "400 Bad Request"),
        ("GET", "format=JSON", "400 Bad Request"),
    ],
)  # fmt: skip
def test_what_the_page_refuses(application, method, query, status):
    found, fields, body = ask(application, "/.status", query, method)
    assert found == status
    assert re.fullmatch(rb"[^\n]+\n", body)
    assert fields.get("Allow") == ("GET, HEAD" if status[:3] == "405" else None)


def test_lone_surrogates_do_not_stop_it():
    application = StatusApplication(hello, lambda: with_request("GET /\ud800"), "/s")
    for form in ("text", "json", "html", "metrics"):
        assert ask(application, "/s", f"format={form}")[0] == "200 OK"


@pytest.mark.parametrize(("status_path", "ping_path"), [("/s", ""), ("", "/s"), ("", "")])
def test_a_path_that_was_not_given_is_not_served(status_path, ping_path):
    application = StatusApplication(hello, lambda: REPORT, status_path, ping_path)
    assert ask(application, "")[2] == b"hello"
    assert (ask(application, "/s")[2] == b"hello") is (not status_path and not ping_path)
