"""Which program a path runs, and what it must not reach."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cgi_runner.job import Job
from cgi_runner.programs import Programs
from cgi_runner.refused import Refused


@pytest.fixture()
def root(tmp_path: Path) -> Path:
    root = tmp_path / "programs"
    for name, mode in [
        ("a.cgi", 0o755), ("data.txt", 0o644), ("nph-x", 0o755), (".hidden", 0o755), ("index.py", 0o755),
        ("sub/b.cgi", 0o755), ("sub/deep/c.cgi", 0o755), ("index2/index.txt", 0o644), ("ü.cgi", 0o755),
    ]:  # fmt: skip
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(mode)
    (tmp_path / "outside.cgi").write_text("#!/bin/sh\n")
    (tmp_path / "outside.cgi").chmod(0o755)
    (root / "out").symlink_to(tmp_path / "outside.cgi")
    (root / "outdir").symlink_to(tmp_path)
    (root / "link.cgi").symlink_to(root / "a.cgi")
    (root / "broken").symlink_to(root / "nothing")
    (root / "loop").symlink_to(root / "loop")
    os.mkfifo(root / "fifo", 0o755)
    return root


def environ(target: str, prefix: str = "") -> dict[str, str]:
    from urllib.parse import unquote_to_bytes

    path = target.partition("?")[0]
    return {
        "REQUEST_URI": prefix + target,
        "SCRIPT_NAME": prefix,
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
    }


def find(root: Path, target: str, prefix: str = "") -> Job:
    return Programs(root)(environ(target, prefix))


@pytest.mark.parametrize(
    ("target", "file", "script_name", "path_info"),
    [
        ("/a.cgi", "a.cgi", "/a.cgi", ""),
        ("/a.cgi?x=%2F&y=%00", "a.cgi", "/a.cgi", ""),  # the query is the program's own
        ("/a.cgi/", "a.cgi", "/a.cgi", "/"),
        ("/a.cgi/x/Y", "a.cgi", "/a.cgi", "/x/Y"),
        ("/a.cgi//x//", "a.cgi", "/a.cgi", "//x//"),  # empty segments are kept
        ("/a.cgi/a%20b", "a.cgi", "/a.cgi", "/a b"),
        ("/a.cgi/%2525", "a.cgi", "/a.cgi", "/%25"),  # decoded once
        ("/%61.cgi", "a.cgi", "/a.cgi", ""),
        ("/./a.cgi", "a.cgi", "/a.cgi", ""),
        ("/sub/../a.cgi/x/../y", "a.cgi", "/a.cgi", "/y"),
        ("/a.cgi/%2e%2e/sub/b.cgi", "sub/b.cgi", "/sub/b.cgi", ""),  # resolved before the split
        ("/sub/b.cgi/x", "sub/b.cgi", "/sub/b.cgi", "/x"),
        ("/sub/deep/c.cgi", "sub/deep/c.cgi", "/sub/deep/c.cgi", ""),
        ("/link.cgi", "a.cgi", "/link.cgi", ""),
        ("/%C3%BC.cgi", "ü.cgi", "/\xc3\xbc.cgi", ""),
        ("/", "index.py", "/index.py", ""),
        ("/sub/..", "index.py", "/index.py", ""),
    ],
)
def test_found(root: Path, target: str, file: str, script_name: str, path_info: str) -> None:
    program = find(root, target)
    assert program.argv == (str(root / file),)
    assert program.directory == str((root / file).parent)
    assert {name.decode(): value.decode("latin-1") for name, value in program.variables.items()} == {
        "SCRIPT_FILENAME": os.fsencode(root / file).decode("latin-1"),
        "SCRIPT_NAME": script_name,
        "PATH_INFO": path_info,
        "PATH_TRANSLATED": f"{root}{path_info}" if path_info else "",
        "DOCUMENT_ROOT": str(root),
    }


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/nothing", 404), ("/a.cgi%20", 404), ("/a.cgi.", 404), ("/A.CGI", 404), ("/sub", 404), ("/sub/", 404),
        ("/sub/nothing/b.cgi", 404), ("//a.cgi", 404), ("/sub//b.cgi", 404), ("/.hidden", 404), ("/broken", 404),
        ("/loop", 404), ("/index2/", 404), ("/" + "n" * 300, 404), ("/a.cgi/x%2Fy", 404), ("/a.cgi/x%5cy", 404),
        ("/sub%2fb.cgi", 404), ("/data.txt", 403), ("/data.txt/x", 403), ("/out", 403), ("/outdir/outside.cgi", 403),
        ("/fifo", 403), ("/../outside.cgi", 400), ("/..", 400), ("/%2e%2e/outside.cgi", 400),
        ("/sub/../../outside.cgi", 400), ("/a.cgi%00.txt", 400), ("/a%zz.cgi", 400), ("/a.cgi/%", 400), ("/a%2", 400),
        ("x", 400),
    ],
)  # fmt: skip
def test_refused(root: Path, target: str, status: int) -> None:
    with pytest.raises(Refused) as caught:
        find(root, target)
    assert caught.value.status.startswith(f"{status} ")
    assert str(caught.value).endswith(".")


def test_below_a_mount(root: Path) -> None:
    assert find(root, "/a.cgi/x", "/cgi-bin").variables[b"SCRIPT_NAME"] == b"/cgi-bin/a.cgi"


def test_without_the_raw_target_the_decoded_path_is_enough(root: Path) -> None:
    assert Programs(root)({"PATH_INFO": "/a.cgi/x"}).variables[b"PATH_INFO"] == b"/x"
    with pytest.raises(Refused, match="NUL"):
        Programs(root)({"PATH_INFO": "/a.cgi/\0"})


def test_no_index_tells_how_to_have_one(root: Path) -> None:
    with pytest.raises(Refused, match=r"index\.cgi"):
        find(root, "/index2/")


def test_a_new_program_is_there_at_once(root: Path) -> None:
    programs = Programs(root)
    with pytest.raises(Refused):
        programs({"PATH_INFO": "/new"})
    (root / "new").write_text("#!/bin/sh\n")
    (root / "new").chmod(0o755)
    assert programs({"PATH_INFO": "/new"}).argv == (str(root / "new"),)


def test_what_is_remembered_follows_the_disk(root: Path) -> None:
    programs = Programs(root)

    def found(target: str) -> str | int:
        try:
            return Path(programs(environ(target)).argv[0]).relative_to(root).as_posix()
        except Refused as refused:
            return int(refused.status[:3])

    assert [found("/sub/b.cgi"), found("/sub/b.cgi/x"), found("/sub/b.cgi")] == ["sub/b.cgi"] * 3
    (root / "sub/b.cgi").chmod(0o644)
    assert found("/sub/b.cgi") == 403
    (root / "sub/b.cgi").chmod(0o755)
    (root / "sub/b.cgi").rename(root / "sub/other.cgi")
    assert found("/sub/b.cgi") == 404
    (root / "sub/b.cgi").symlink_to(root / "a.cgi")
    assert found("/sub/b.cgi") == "a.cgi"
    assert found("/link.cgi") == "a.cgi"
    (root / "link.cgi").unlink()
    (root / "link.cgi").symlink_to(root / "sub/deep/c.cgi")
    assert found("/link.cgi") == "sub/deep/c.cgi"
    assert found("/") == "index.py"
    (root / "index.cgi").write_text("#!/bin/sh\n")
    (root / "index.cgi").chmod(0o755)
    assert found("/") == "index.cgi"
    assert found("/sub/deep/c.cgi") == "sub/deep/c.cgi"
    (root / "sub/deep").rename(root / "sub/elsewhere")
    (root / "sub/deep").symlink_to("/")
    assert found("/sub/deep/c.cgi") == 403


def test_what_clients_ask_is_not_remembered_for_ever(root: Path) -> None:
    programs = Programs(root)
    for number in range(3000):
        programs(environ(f"/a.cgi/{number}"))
    assert len(programs._known) <= 1000


@pytest.mark.parametrize("executable", [False, True])
def test_an_interpreter_by_ending(root: Path, executable: bool) -> None:
    file = root / "page.php"
    file.write_text("<?php")
    file.chmod(0o755 if executable else 0o644)
    job = Programs(root, {".php": "/usr/bin/php-cgi"})(environ("/page.php/x"))
    assert job.argv == ("/usr/bin/php-cgi", str(file))
    assert job.variables[b"SCRIPT_FILENAME"] == os.fsencode(file)
    assert Programs(root, {".php": "/x"})(environ("/a.cgi")).argv == (str(root / "a.cgi"),)
