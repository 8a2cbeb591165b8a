"""X-Sendfile: which files a program may have sent in its place, and what the client then gets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cgi_host_world import Host, nothing_left, shell
from gateway_core.file_wrapper import FileWrapper


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
    host = names(files / name, "X-Mine: 1", "Content-Length: 8", files=files)
    assert host.get() == content.encode()
    assert host.status == "200 OK"
    assert host.fields == {"Content-Type": "video/mp4", "X-Mine": "1", "Content-Length": str(len(content))}
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


def test_head(files: Path) -> None:
    host = names(files / "a.txt", files=files)
    iterable = host.start("HEAD")
    iterable.close()
    assert host.fields["Content-Length"] == "8"
