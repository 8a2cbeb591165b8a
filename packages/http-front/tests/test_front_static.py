"""Files as responses: which path is which file, and what a request may ask of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from front_world import Seen, ask
from gateway_runtime.testing import Server
from http_front.static import StaticFiles

TEXT = b"0123456789"
NEW_YEAR = 1767225600  # 2026-01-01
DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
EARLIER, LATER = "Wed, 31 Dec 2025 23:59:59 GMT", "Thu, 01 Jan 2026 00:00:01 GMT"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    (site / "sub").mkdir(parents=True)
    (site / "empty").mkdir()
    (site / ".git").mkdir()
    for name in ("a.txt", "index.html", "sub/index.html", "sub/b c.css", ".secret", ".git/config", "x.tar.gz", "noend"):
        (site / name).write_bytes(TEXT)
        os.utime(site / name, (NEW_YEAR, NEW_YEAR))
    (site / "zero").touch()
    (tmp_path / "outside.txt").write_text("outside")
    (tmp_path / "site2").mkdir()
    (tmp_path / "site2" / "other.txt").write_text("other")
    (site / "out").symlink_to(tmp_path / "outside.txt")
    (site / "outdir").symlink_to(tmp_path / "site2")
    (site / "in").symlink_to("a.txt")
    (site / "loop").symlink_to("loop")
    os.mkfifo(site / "pipe")
    return site


def get(site: Path, target: str, method: str = "GET", **fields: str) -> Seen:
    named = [(name.replace("_", "-"), value) for name, value in fields.items()]
    return ask(StaticFiles(str(site), "/s"), target, method, named)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/s/a.txt", "text/plain; charset=utf-8"), ("/s/in", "text/plain; charset=utf-8"),
        ("/s/sub/b%20c.css", "text/css; charset=utf-8"), ("/s/", "text/html; charset=utf-8"),
        ("/s/sub/", "text/html; charset=utf-8"), ("/s/noend", "application/octet-stream"),
        ("/s/x.tar.gz", "application/gzip"), ("/s/a.txt?v=2", "text/plain; charset=utf-8"),
        ("/s/%61.txt", "text/plain; charset=utf-8"),
    ],
)  # fmt: skip
def test_a_file(site: Path, path: str, kind: str) -> None:
    seen = get(site, path)
    assert (seen.status, seen.body, seen.fields["content-type"]) == ("200 OK", TEXT, kind)
    assert seen.fields["last-modified"] == DATE
    assert seen.fields["content-length"] == "10"
    head = get(site, path, "HEAD")
    assert (head.status, head.fields) == (seen.status, seen.fields)


@pytest.mark.parametrize(
    "path",
    [
        "/s/none", "/s/empty/", "/s/.secret", "/s/.git/config", "/s/sub/../a.txt", "/s/../outside.txt", "/s/..",
        "/s/%2e%2e/outside.txt", "/s/%2e%2e%2foutside.txt", "/s/..%2foutside.txt", "/s/./a.txt", "/s//a.txt", "/s//",
        "/s/a.txt/", "/s/a.txt/b", "/s/a.txt%00", "/s/a.txt%00.html", "/s/a.txt%0a", "/s/%0d", "/s/a.txt%7f",
        "/s/out", "/s/outdir/other.txt", "/s/outdir/", "/s/loop", "/s/pipe", "/s/..%5coutside.txt", "/s/a.txt%2f",
        "/s/" + "x" * 300, "/s/" + "x/" * 3000, "/s/%ff%fe", "/s/a.txt.", "/s/A.TXT", "/s/~", "/s/sub%2findex.html%2f",
    ],
)  # fmt: skip
def test_no_such_file(site: Path, path: str) -> None:
    for method in ("GET", "HEAD"):
        assert get(site, path, method).status == "404 Not Found"


def test_a_folder_leads_to_its_path_with_a_slash(site: Path) -> None:
    for path in ("/s/sub", "/s", "/s/%73ub"):
        seen = get(site, path)
        assert (seen.status, seen.fields["location"]) == ("301 Moved Permanently", path.replace("%73", "s") + "/")


def test_a_file_of_zero_bytes(site: Path) -> None:
    seen = get(site, "/s/zero", Range="bytes=0-")
    assert (seen.status, seen.body) == ("416 Range Not Satisfiable", seen.body)
    seen = get(site, "/s/zero")
    assert (seen.status, seen.body, seen.fields["content-length"]) == ("200 OK", b"", "0")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_files_are_read_only(site: Path, method: str) -> None:
    seen = get(site, "/s/a.txt", method)
    assert (seen.status, seen.fields["allow"]) == ("405 Method Not Allowed", "GET, HEAD")


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-0", (0, 0)), ("bytes=2-5", (2, 5)), ("bytes=5-", (5, 9)), ("bytes=-3", (7, 9)),
        ("bytes=0-999999", (0, 9)), ("bytes=-999", (0, 9)), ("Bytes=1-1", (1, 1)), ("bytes= 1-1 ", (1, 1)),
    ],
)  # fmt: skip
def test_a_range(site: Path, wanted: str, part: tuple[int, int]) -> None:
    seen = get(site, "/s/a.txt", Range=wanted)
    first, last = part
    assert seen.status == "206 Partial Content"
    assert seen.fields["content-range"] == f"bytes {first}-{last}/10"
    assert seen.body[: last - first + 1] == TEXT[first : last + 1]
    assert seen.fields["content-length"] == str(last - first + 1)


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=999999999999999999-"])
def test_a_range_that_is_not_there(site: Path, wanted: str) -> None:
    seen = get(site, "/s/a.txt", Range=wanted)
    assert (seen.status, seen.fields["content-range"]) == ("416 Range Not Satisfiable", "bytes */10")


@pytest.mark.parametrize(
    "wanted",
    ["", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes=1--2",
     "bytes=" + "9" * 30 + "-", "bytes=\u0661-\u0662".encode().decode("latin-1"), "bytes=+1-2"],
)  # fmt: skip
def test_what_is_no_range_gets_the_whole_file(site: Path, wanted: str) -> None:
    assert get(site, "/s/a.txt", Range=wanted)[::2] == ("200 OK", TEXT)


def test_a_range_is_of_no_use_to_head(site: Path) -> None:
    assert get(site, "/s/a.txt", "HEAD", Range="bytes=0-0").status == "200 OK"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"If_None_Match": "TAG"}, 304), ({"If_None_Match": "W/TAG"}, 304), ({"If_None_Match": '"x", TAG'}, 304),
        ({"If_None_Match": "*"}, 304), ({"If_None_Match": '"x"'}, 200), ({"If_None_Match": "x"}, 200),
        ({"If_None_Match": '"x"', "If_Modified_Since": LATER}, 200),
        ({"If_Modified_Since": DATE}, 304), ({"If_Modified_Since": LATER}, 304), ({"If_Modified_Since": EARLIER}, 200),
        ({"If_Modified_Since": "yesterday"}, 200), ({"If_Modified_Since": "Thu, 01 Jan 2026 00:00:00"}, 200),
        ({"If_Modified_Since": ""}, 200), ({"If_Modified_Since": "Thu, 99 Jan 99999999999 00:00:00 GMT"}, 200),
        ({"If_Match": "TAG"}, 200), ({"If_Match": "*"}, 200), ({"If_Match": '"x"'}, 412), ({"If_Match": "W/TAG"}, 412),
        ({"If_Unmodified_Since": DATE}, 200), ({"If_Unmodified_Since": EARLIER}, 412),
        ({"If_Unmodified_Since": "soon"}, 200), ({"If_Match": '"x"', "If_Unmodified_Since": LATER}, 412),
        ({"Range": "bytes=0-0", "If_Range": "TAG"}, 206), ({"Range": "bytes=0-0", "If_Range": DATE}, 206),
        ({"Range": "bytes=0-0", "If_Range": '"x"'}, 200), ({"Range": "bytes=0-0", "If_Range": EARLIER}, 200),
        ({"Range": "bytes=0-0", "If_Range": "W/TAG"}, 200), ({"Range": "bytes=0-0", "If_None_Match": "TAG"}, 304),
    ],
)  # fmt: skip
def test_conditions(site: Path, fields: dict[str, str], status: int) -> None:
    tag = get(site, "/s/a.txt").fields["etag"]
    seen = get(site, "/s/a.txt", **{name: value.replace("TAG", tag) for name, value in fields.items()})
    assert int(seen.status[:3]) == status
    if status == 304:
        assert (seen.body, seen.fields) == (b"", {"etag": tag, "last-modified": DATE})


def test_the_tag_changes_with_the_file(site: Path) -> None:
    tags = [get(site, "/s/a.txt").fields["etag"]]
    for text in (b"other text", b"longer than before"):
        (site / "a.txt").write_bytes(text)
        tags.append(get(site, "/s/a.txt").fields["etag"])
    assert len(set(tags)) == 3


def test_no_descriptor_stays_open(site: Path) -> None:
    def count() -> int:
        return sum(1 for _ in Path("/dev/fd").iterdir())

    before = count()
    for path in ("/s/a.txt", "/s/none", "/s/sub", "/s/pipe", "/s/empty/"):
        for method in ("GET", "HEAD"):
            for fields in ({}, {"If_None_Match": "*"}, {"If_Match": '"x"'}, {"Range": "bytes=99-"}):
                get(site, path, method, **fields)
    assert count() == before


def test_a_visitor_gets_a_file_from_the_kernel(site: Path) -> None:
    big = os.urandom(3_000_000)
    (site / "big").write_bytes(big)
    with Server("http_front", "--static", f"/s={site}", "--bind", "127.0.0.1:0") as front:

        def fetch(head: str) -> tuple[bytes, bytes]:
            with front.connect() as sock:
                sock.sendall(f"{head}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                got = b"".join(iter(lambda: sock.recv(1 << 20), b""))
            return got.partition(b"\r\n\r\n")[::2]

        assert fetch("GET /s/big HTTP/1.1")[1] == big
        head, content = fetch("GET /s/big HTTP/1.1\r\nRange: bytes=1000000-2999998")
        assert head.startswith(b"HTTP/1.1 206 ")
        assert content == big[1_000_000:2_999_999]
        assert fetch("HEAD /s/big HTTP/1.1")[1] == b""
        assert fetch("GET /other HTTP/1.1")[0].startswith(b"HTTP/1.1 404 ")
        assert fetch("GET /s/../../../etc/passwd HTTP/1.1")[0].startswith(b"HTTP/1.1 400 ")
