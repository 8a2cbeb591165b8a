"""What docs/how-to/request.md shows is what one gets: its commands are run, and their output is compared."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import howto
from backends import PEERS, Backends
from fronts import addresses, museum

from gatelab.__main__ import main

PAGE = Path(__file__).parents[1] / "docs/how-to/request.md"
FAILS = {"fastcgi://127.0.0.1:8000/hello": 8}
"""The one command of the page that is to fail."""


class Shown(NamedTuple):
    """A command of the page, and what it prints; "..." stands for anything."""

    words: list[str]
    output: str

    @property
    def url(self) -> str:
        return next(word for word in self.words if re.match(r"[a-z]+(\+unix)?:", word))


def shown() -> list[Shown]:
    blocks = re.findall(r"```console\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    commands = [command for block in blocks for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [Shown(shlex.split(line), output) for line, _, output in (command.partition("\n") for command in commands)]


def of(part: str) -> list[pytest.ParameterSet]:
    """Return the commands whose URL has `part` in it."""
    return [pytest.param(one, id=one.url) for one in shown() if re.search(part, one.url)]


OURS, PHP, UWSGI, CGI = r"127\.0\.0\.1|/(scgi|fastcgi)\.sock", r"/php-fpm\.sock", r"/uwsgi(-\w+)?\.sock", "^cgi:"


def check(capfd: pytest.CaptureFixture[str], one: Shown, replaced: dict[str, str]) -> None:
    """Run a command in this process, and compare."""
    capfd.readouterr()
    before, sys.argv = sys.argv, [howto.replace(word, replaced) for word in one.words]
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = before
    out, err = (text.replace("\r\n", "\n") for text in capfd.readouterr())
    assert ended.value.code == FAILS.get(one.url, 0), err
    lines = [".*".join(map(re.escape, line.split("..."))) for line in howto.replace(one.output, replaced).splitlines()]
    pattern = re.compile("".join(rf"{line}\n?" for line in lines), re.DOTALL)
    assert pattern.fullmatch(out + err) or pattern.fullmatch(err + out), f"{out}{err}"


def test_every_command_of_the_page_is_run() -> None:
    run = [one.values[0] for part in (OURS, PHP, UWSGI, CGI) for one in of(part)]
    assert sorted(run) == sorted(shown())
    assert set(FAILS) <= {one.url for one in shown()}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with museum(tmp_path_factory.mktemp("m")) as servers:
        yield addresses(servers)


@pytest.mark.parametrize("one", of(OURS))
def test_our_servers(capfd: pytest.CaptureFixture[str], ours: dict[str, str], one: Shown) -> None:
    check(capfd, one, ours)


@pytest.fixture(scope="module")
def php() -> Iterator[dict[str, str]]:
    with contextlib.ExitStack() as exits:
        backends = Backends("php-fpm", exits)
        assert backends["php-fpm"]
        yield backends.replaced


@pytest.mark.real("php-fpm8.2")
@pytest.mark.parametrize("one", of(PHP))
def test_php_fpm(capfd: pytest.CaptureFixture[str], php: dict[str, str], one: Shown) -> None:
    check(capfd, one, php)


@pytest.fixture(scope="module")
def uwsgi() -> Iterator[dict[str, str]]:
    if not (PEERS / "uwsgi").exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("needs what `nox -s peers` installs")
    with contextlib.ExitStack() as exits:
        backends = Backends("uwsgi", exits)
        assert all([backends["uwsgi"], backends["uwsgi-fastcgi"], backends["uwsgi-scgi"]])
        yield backends.replaced


@pytest.mark.parametrize("one", of(UWSGI))
def test_uwsgi(capfd: pytest.CaptureFixture[str], uwsgi: dict[str, str], one: Shown) -> None:
    check(capfd, one, uwsgi)


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # a thread of pytest's is no danger
@pytest.mark.parametrize("one", of(CGI))
def test_a_program(capfd: pytest.CaptureFixture[str], tmp_path: Path, one: Shown) -> None:
    program = tmp_path / "form.sh"
    program.write_text(howto.files("request")["/srv/museum/form.sh"])
    program.chmod(0o755)
    check(capfd, one, {"/srv/museum": str(tmp_path)})
