"""X-Sendfile: which files a program may have sent in its place, and what the client then gets."""

from __future__ import annotations

import http.client
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cgi_host_world import Host, nothing_left, shell
from gateway_core.file_wrapper import FileWrapper
from gateway_runtime.testing import Server, wait_until


@pytest.fixture(autouse=True)
def _nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with nothing_left(monkeypatch):
        yield


@pytest.fixture()
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("the file")
    (folder / "empty").touch()
    (folder / "sub/b.txt").write_text("below")
    (folder / "inside").symlink_to("a.txt")
    (folder / "outside").symlink_to(tmp_path / "secret")
    (folder / "dangling").symlink_to("nothing")
    os.mkfifo(folder / "fifo")
    (tmp_path / "secret").write_text("s3cret")
    (tmp_path / "files-too").mkdir()
    (tmp_path / "files-too/c").write_text("s3cret")
    return folder


def names(path: Path | str, *fields: str, files: Path | None, content: str = "not this") -> Host:
    head = "".join(f"{field}\\n" for field in ("Content-Type: video/mp4", f"X-Sendfile: {path}", *fields))
    return shell(f"printf '{head}\\n{content}'", sendfile=[str(files)] if files else [])


@pytest.mark.parametrize(
    ("name", "content"), [("a.txt", "the file"), ("sub/b.txt", "below"), ("inside", "the file"), ("empty", "")]
)
def test_a_file_is_sent_with_the_fields_of_the_program(files: Path, name: str, content: str) -> None:
    host = names(files / name, "X-Mine: 1", files=files)
    assert host.get() == content.encode()
    assert host.status == "200 OK"
    kept = {"Content-Type": "video/mp4", "X-Mine": "1", "Content-Length": str(len(content))}
    assert host.fields == kept | {name: host.fields[name] for name in ("Last-Modified", "ETag", "Accept-Ranges")}
    assert host.log == []


def test_the_kernel_can_send_it(files: Path) -> None:
    iterable = names(files / "a.txt", files=files).start()
    assert isinstance(iterable, FileWrapper)
    assert iterable.part() is not None
    iterable.close()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("outside", "in no directory"), ("../secret", "in no directory"), ("../files-too/c", "in no directory"),
        ("dangling", "No such file"), ("nothing", "No such file"), ("", "in no directory"), ("sub", "not a regular"),
        ("fifo", "not a regular"), ("a.txt/x", "Not a directory"),
    ],
)  # fmt: skip
def test_a_file_that_must_not_be_sent(files: Path, name: str, why: str) -> None:
    host = names(f"{files}/{name}", files=files)
    assert b"s3cret" not in host.get()
    assert host.status == "502 Bad Gateway"
    assert [why in line for line in host.log] == [True]


def test_a_relative_name_leads_nowhere(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)
    host = names("a.txt", files=files)
    host.get()
    assert host.status == "502 Bad Gateway"


def test_two_files_are_none(files: Path) -> None:
    host = names(files / "a.txt", f"X-Sendfile: {files}/a.txt", files=files)
    host.get()
    assert host.status == "502 Bad Gateway"
    assert "more than one" in host.log[0]


def test_without_directories_the_content_is_the_program_s_and_the_field_nobody_s(files: Path) -> None:
    host = names(files / "a.txt", files=None)
    assert host.get() == b"not this"
    assert host.fields == {"Content-Type": "video/mp4"}
    assert ["--sendfile" in line for line in host.log] == [True]


def test_head(files: Path) -> None:
    host = names(files / "a.txt", files=files)
    iterable = host.start("HEAD")
    iterable.close()
    assert host.fields["Content-Length"] == "8"


@pytest.mark.parametrize(
    "script",
    [
        r"printf 'Content-Length: 8\nX-Sendfile: %s\n\n'",  # that of the file, since no content follows
        r"printf 'Content-Length: 99999\nX-Sendfile: %s\n\nsome'",
        r"printf 'X-Sendfile: %s\n\n'; yes",
        r"printf 'X-Sendfile: %s\n\n'; exit 3",
        r"printf 'X-Sendfile: %s\n\n'; kill -9 $$",
        r"printf 'X-Sendfile: %s\n\n'; exec >&-; sleep 0.3",
    ],
)
def test_what_the_program_says_besides_counts_for_nothing(files: Path, script: str) -> None:
    host = shell(script.replace("%s", f"{files}/a.txt"), sendfile=[str(files)])
    assert host.get() == b"the file"
    assert host.fields["Content-Length"] == "8"
    wait_until(host.gone)


@pytest.mark.parametrize(
    ("fields", "status", "content"),
    [
        ({"HTTP_RANGE": "bytes=4-"}, "206 Partial Content", b"file"),
        ({"HTTP_RANGE": "bytes=-1"}, "206 Partial Content", b"e"),
        ({"HTTP_RANGE": "bytes=8-"}, "416 Range Not Satisfiable", None),
        ({"HTTP_RANGE": "bytes=4-", "HTTP_IF_RANGE": '"another"'}, "200 OK", b"the file"),
        ({"HTTP_RANGE": "bytes=4-", "HTTP_IF_RANGE": '"mine"'}, "206 Partial Content", b"file"),
        ({"HTTP_IF_NONE_MATCH": '"mine"'}, "304 Not Modified", b""),
        ({"HTTP_IF_NONE_MATCH": '"another"'}, "200 OK", b"the file"),
        ({"HTTP_IF_MODIFIED_SINCE": "Thu, 31 Dec 2099 00:00:00 GMT"}, "304 Not Modified", b""),
        ({"HTTP_IF_MATCH": '"another"'}, "412 Precondition Failed", None),
    ],
)
def test_a_part_of_it_or_whether_it_has_changed(
    files: Path, fields: dict[str, str], status: str, content: bytes | None
) -> None:
    host = names(files / "a.txt", 'ETag: "mine"', files=files)
    got = host.get(**fields)
    assert host.status == status
    if content is None:
        assert got.count(b"\n") == 1
        assert host.fields["Content-Type"].startswith("text/plain")
    else:
        assert got == content
    assert host.fields.get("Content-Range") == {"206": f"bytes {8 - len(got)}-7/8", "416": "bytes */8"}.get(status[:3])
    assert ("Content-Length" in host.fields) is (status[0] == "2")


@pytest.mark.parametrize(
    ("status", "method"), [("404 Not Here", "GET"), ("206 Partial Content", "GET"), ("200 OK", "POST")]
)
def test_any_other_answer_is_the_whole_file(files: Path, status: str, method: str) -> None:
    host = names(files / "a.txt", f"Status: {status}", "Content-Range: bytes 1-2/3", files=files)
    assert host.get(method, HTTP_RANGE="bytes=4-", HTTP_IF_NONE_MATCH="*") == b"the file"
    assert host.status == status
    assert "Content-Range" not in host.fields


def test_from_end_to_end(files: Path, tmp_path: Path) -> None:
    """Through the real server, where the kernel sends it, and the next request finds its connection."""
    (files / "large").write_bytes(bytes(range(256)) * 4096)
    (tmp_path / "cgi").mkdir()
    (tmp_path / "cgi/film").write_text(f"#!/bin/sh\nprintf 'X-Sendfile: %s\\n\\n' {files}/large\n")
    (tmp_path / "cgi/film").chmod(0o755)
    with Server("cgi_runner", str(tmp_path / "cgi"), "--bind", "127.0.0.1:0", "--sendfile", str(files)) as server:
        client = http.client.HTTPConnection(server.address.host, server.address.port)
        for first in (0, 1, 1_048_575):
            client.request("GET", "/film", headers={"Range": f"bytes={first}-"})
            answer = client.getresponse()
            assert answer.read() == (files / "large").read_bytes()[first:]
            assert answer.status == 206
            assert "x-sendfile" not in {name.lower() for name in answer.headers}
        client.close()
