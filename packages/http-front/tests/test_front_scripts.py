"""Which script runs, if any: the variables that php-fpm goes by."""

from __future__ import annotations

from pathlib import Path

import pytest

from front_world import environ
from http_front.scripts import Scripts


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "www"
    (root / "blog").mkdir(parents=True)
    (root / "dir.php").mkdir()
    (root / "upload").mkdir()
    for name in ("index.php", "blog/post.php", "blog/index.php", "upload/cat.jpg", ".hidden.php", "dir.php/in.php"):
        (root / name).touch()
    (tmp_path / "outside.php").touch()
    (root / "out.php").symlink_to(tmp_path / "outside.php")
    (root / "link.php").symlink_to("index.php")
    return root


@pytest.mark.parametrize(
    ("path", "script", "rest"),
    [
        ("/index.php", "/index.php", ""), ("/", "/index.php", ""), ("/blog/", "/blog/index.php", ""),
        ("/blog/post.php", "/blog/post.php", ""), ("/blog/post.php/2026/11", "/blog/post.php", "/2026/11"),
        ("/blog/post.php/", "/blog/post.php", "/"), ("/index.php/a.php/b", "/index.php", "/a.php/b"),
        ("/index.php?a=/../x", "/index.php", ""),
    ],
)  # fmt: skip
def test_a_script(root: Path, path: str, script: str, rest: str) -> None:
    chosen = Scripts(str(root)).choose(environ(path))
    assert chosen is not None
    assert (chosen["SCRIPT_NAME"], chosen["PATH_INFO"]) == (script, rest)
    assert chosen["SCRIPT_FILENAME"] == f"{root}{script}"
    assert chosen["DOCUMENT_ROOT"] == str(root)
    assert chosen["DOCUMENT_URI"] == script + rest
    assert chosen.get("PATH_TRANSLATED", "") == (f"{root}{rest}" if rest else "")
    assert chosen["REDIRECT_STATUS"] == "200"


def test_a_link_below_the_root_is_followed(root: Path) -> None:
    chosen = Scripts(str(root)).choose(environ("/link.php"))
    assert chosen is not None
    assert chosen["SCRIPT_FILENAME"] == f"{root}/index.php"


@pytest.mark.parametrize(
    "path",
    [
        "/none.php", "/upload/cat.jpg", "/upload/cat.jpg/x.php", "/upload/cat.jpg%00.php", "/index.php%0a",
        "/index.php%0a/x", "/%0aindex.php", "/index.php/%0a", "/../outside.php", "/%2e%2e/outside.php", "/out.php",
        "/.hidden.php", "/blog", "/blog/none/", "/index.phps", "/index.php.", "/index.PHP", "/dir.php",
        "/dir.php/in.php", "//index.php", "/blog/../index.php", "/index.php/../x",
        "/upload/", "/index.php//x", "/index.php/.x",
    ],
)  # fmt: skip
def test_no_such_script(root: Path, path: str) -> None:
    assert Scripts(str(root)).choose(environ(path)) is None


def test_scripts_on_another_machine(tmp_path: Path) -> None:
    scripts = Scripts("/srv/far/www", must_exist=False)
    chosen = scripts.choose(environ("/a/b.php/c"))
    assert chosen is not None
    assert (chosen["SCRIPT_FILENAME"], chosen["PATH_INFO"]) == ("/srv/far/www/a/b.php", "/c")
    for path in ("/a/../b.php", "/a.php%0a", "/a.txt", "//b.php"):
        assert scripts.choose(environ(path)) is None


def test_another_ending(tmp_path: Path) -> None:
    (tmp_path / "x.cgi").touch()
    chosen = Scripts(str(tmp_path), ".cgi").choose(environ("/x.cgi/y"))
    assert chosen is not None
    assert chosen["SCRIPT_NAME"] == "/x.cgi"
