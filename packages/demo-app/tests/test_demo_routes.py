"""Every address: what it answers to which method, under the validator of PEP 3333."""

import re
import time
from html.parser import HTMLParser
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

import pytest

PAGES = ["/", "/map", "/bytes", "/cgi", "/fastcgi", "/scgi", "/uwsgi", "/http", "/wsgi", "/asgi", "/timeline"]
FORMS = ["/guestbook", "/experiments", "/upload"]
PLAIN = [
    "/hello",
    "/environ",
    "/stream?n=2&ms=0",
    "/write?n=2",
    "/sleep?ms=0",
    "/cpu?ms=0",
    "/cookies",
    "/leak?kb=0",
    "/counter",
    "/health",
    "/status/200",
]
FOOTER = re.compile(rb'<footer id="served">.*</footer>', re.DOTALL)


@pytest.mark.parametrize("target", PAGES + FORMS)
def test_a_page_is_html_with_its_length_and_one_footer(ask, target):
    answer = ask(target)
    assert answer.code == 200
    assert answer.one("Content-Type") == "text/html; charset=utf-8"
    assert answer.one("Content-Length") == str(len(answer.body))
    assert answer.one("Cache-Control") == "no-store"
    assert len(FOOTER.findall(answer.body)) == 1
    assert b"\0" not in answer.body


@pytest.mark.parametrize("target", PLAIN)
def test_an_experiment_answers_in_text(ask, target):
    answer = ask(target)
    assert answer.code == 200
    assert answer.one("Content-Type").startswith("text/plain")
    assert answer.body.endswith(b"\n")


@pytest.mark.parametrize("target", [*PAGES, *FORMS, *PLAIN, "/static/style.css", "/echo", "/status/404", "/nowhere"])
def test_head_is_get_without_a_body(ask, target):
    get, head = ask(target), ask(target, "HEAD")
    assert head.body == b""
    assert head.status == get.status

    def without_length(answer):
        # The footer counts requests and milliseconds, so the length of a page may differ by a digit.
        return [pair for pair in answer.headers if pair[0] != "Content-Length"]

    assert without_length(head) == without_length(get)
    assert len(head.all("Content-Length")) == len(get.all("Content-Length"))


def test_head_does_not_wait_for_a_stream(ask):
    before = time.monotonic()
    assert ask("/stream?n=6&ms=10000", "HEAD").code == 200
    assert time.monotonic() - before < 5


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
@pytest.mark.parametrize(
    ("target", "method", "allow"),
    [
        ("/hello", "POST", "GET, HEAD"),
        ("/", "POST", "GET, HEAD"),
        ("/cgi", "DELETE", "GET, HEAD"),
        ("/static/style.css", "PUT", "GET, HEAD"),
        ("/status/200", "POST", "GET, HEAD"),
        ("/guestbook", "PUT", "GET, HEAD, POST"),
        ("/upload", "DELETE", "GET, HEAD, POST"),
        ("/environ", "get", "GET, HEAD"),  # methods are case-sensitive
        ("/environ", "OPTIONS", "GET, HEAD"),
    ],
)
def test_another_method_is_405_with_allow(ask, target, method, allow):
    answer = ask(target, method)
    assert answer.code == 405
    assert answer.one("Allow") == allow
    assert answer.one("Content-Type").startswith("text/html")
    assert b'<footer id="served">' in answer.body


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    "target",
    ["/nowhere", "/cgi/", "/cgi.md", "/../content/cgi", "/.hidden", "/static", "/a//b", "/hello/", "/Hello", "//"],
)
def test_an_unknown_address_is_a_friendly_404(ask, target, method):
    answer = ask(target, method)
    assert answer.code == 404
    assert answer.one("Content-Type").startswith("text/html")
    assert b'<footer id="served">' in answer.body
    assert b"Traceback" not in answer.body


@pytest.mark.parametrize("path", ["/\xff", "/caf\xe9", "/\xc3", "/\xed\xa0\x80", "/a\0b", "/\u20ac"])
def test_a_path_that_is_not_utf8_is_400(ask, path):
    answer = ask("/", PATH_INFO=path)
    assert answer.code == 400
    assert "The path" in answer.text


def test_a_path_in_utf8_is_decoded(ask, tmp_path, monkeypatch):
    (tmp_path / "café.md").write_text("# Coffee\n\nBlack.\n", encoding="utf-8")
    monkeypatch.setenv("DEMO_APP_CONTENT", str(tmp_path))
    answer = ask("/", PATH_INFO="/café".encode().decode("latin-1"))
    assert answer.code == 200
    assert "<h1>Coffee</h1>" in answer.text


@pytest.mark.parametrize(
    "target",
    [
        "/stream?n=-1",
        "/stream?n=10001",
        "/stream?n=5&n=6",
        "/stream?n=100&ms=60000",
        "/stream?ms=1.5",
        "/sleep?ms=60001",
        "/sleep?ms=",
        "/sleep?ms=abc",
        "/sleep?ms=\xb2",
        "/sleep?ms=99999999999999999999",
        "/cpu?ms=10001",
        "/write?n=x",
        "/leak?kb=16385",
        "/crash?after=2",
        "/environ?format=xml",
        "/guestbook?page=0",
        "/guestbook?page=x",
        "/status/199",
        "/status/600",
        "/status/",
        "/status/abc",
        "/status/20",
        "/sleep?" + "&".join(f"a{n}=1" for n in range(60)),
    ],
)
def test_a_bad_value_is_400_and_one_sentence(ask, target):
    answer = ask(target)
    assert answer.code == 400
    assert answer.one("Content-Type") == "text/plain; charset=utf-8"
    assert re.fullmatch(r"The [^\n]+\.\n", answer.text)


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []
        self.ids = set()

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        if named.get("id"):
            self.ids.add(named["id"])
        for name in ("href", "src", "action"):
            if named.get(name):
                self.found.append((tag, named[name]))


def read_links(answer):
    parser = _Links()
    parser.feed(answer.text)
    return parser


@pytest.mark.parametrize("root", ["", "/museum", "/a%20room/é"])
def test_no_link_of_the_site_is_broken_wherever_it_is_mounted(ask, root):
    script = unquote_to_bytes(root).decode("latin-1")
    quoted = quote(unquote_to_bytes(root))
    waiting, seen, targets = ["/"], set(), set()
    ids = {}
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = ask(path, SCRIPT_NAME=script)
        assert answer.code < 400 or path.startswith("/status/"), path
        if not answer.all("Content-Type") or "html" not in answer.one("Content-Type"):
            continue
        links = read_links(answer)
        ids[path.partition("?")[0]] = links.ids
        for tag, link in links.found:
            parts = urlsplit(urljoin(quoted + path, link))
            if parts.netloc:
                assert tag == "a", f"{path} fetches {link}"
                continue
            assert parts.path.startswith(quoted + "/"), f"{path} links to {link}"
            local = parts.path.removeprefix(quoted)
            targets.add((path, local, parts.fragment))
            if not local.startswith(("/sleep", "/cpu", "/stream", "/leak", "/crash")):
                waiting.append(f"{local}?{parts.query}" if parts.query else local)
    assert {"/cgi", "/timeline", "/guestbook", "/static/style.css"} <= {path.partition("?")[0] for path in seen}
    for page, local, fragment in targets:
        assert not fragment or fragment in ids[local], f"{page} links to {local}#{fragment}"


def test_the_root_without_a_slash_is_the_entrance(ask):
    with_slash, without = ask("/", SCRIPT_NAME="/museum"), ask("", SCRIPT_NAME="/museum")
    assert FOOTER.sub(b"", without.body) == FOOTER.sub(b"", with_slash.body)


def test_a_root_cannot_break_out_of_a_link(ask):
    text = ask("/", SCRIPT_NAME='/"><script>').text
    assert "<script" not in text
    assert 'href="/%22%3E%3Cscript%3E/cgi"' in text


VOID = {"meta", "link", "img", "br", "hr", "input", "wbr"}


class _Nesting(HTMLParser):
    """Fails on a tag that is not closed, or closed in the wrong place, and on an id used twice."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.ids = set()

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        assert len(named) == len(attributes), f"an attribute twice in {self.get_starttag_text()}"
        assert "style" not in named, "the content security policy forbids it"
        assert not any(name.startswith("on") for name in named)
        if "id" in named:
            assert named["id"] not in self.ids, named["id"]
            self.ids.add(named["id"])
        if tag == "img":
            assert "alt" in named
        if tag == "svg":
            assert named.get("role") == "img"
            assert named.get("aria-label")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert tag not in VOID
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, self.getpos()


@pytest.mark.parametrize("target", [*PAGES, *FORMS, "/nowhere"])
def test_pages_are_well_formed(ask, target):
    text = ask(target).text
    parser = _Nesting()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    assert text.startswith("<!doctype html>")
    assert text.count("<h1>") == 1
    assert "[[figure" not in text
    assert "[[history" not in text
    assert "{{" not in text
    for landmark in ("<header", "<nav", "<main", "<footer", 'lang="en"', 'name="viewport"'):
        assert landmark in text
