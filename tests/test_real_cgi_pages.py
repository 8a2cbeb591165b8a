"""The pages about moving to `cgi_runner`: what stood before and what comes after, side by side, are asked the same."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "packages/cgi-runner/tests"))

import howto
from fronts import FRONTS, Running, running
from programs import ask, full_path, started

from gateway_runtime.addresses import Address
from gateway_runtime.testing import Server
from test_cgi_examples import GOOD, answer, run


def write(page: str, folder: Path) -> dict[str, str]:
    """Write a page's files into `folder`, in place of /srv/museum; return what stands for what."""
    values = {"/srv/museum/venv/bin/python": sys.executable, "/srv/museum": str(folder)}
    for path, text in howto.files(page).items():
        file = folder / howto.replace(path, values)
        if not file.is_relative_to(folder):
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(howto.replace(text, values))
        if text.startswith("#!"):
            file.chmod(0o755)
    return values


def command(page: str, *beginning: str) -> list[str]:
    """Return the words of the page's one command that begins so."""
    (words,) = [words for words in howto.commands(page) if words[: len(beginning)] == list(beginning)]
    return words


@contextmanager
def host(page: str, folder: Path, values: dict[str, str]) -> Iterator[Address]:
    """Run the page's `python -m cgi_runner`, at a port of its own."""
    words = [howto.replace(word, values) for word in command(page, "python", "-m", "cgi_runner")[3:]]
    words[words.index("--bind") + 1] = "127.0.0.1:0"
    with Server("cgi_runner", *words, cwd=folder) as server:
        yield server.address


# -- from http.server ------------------------------------------------------------------------------------------------


@contextmanager
def http_server(folder: Path, values: dict[str, str]) -> Iterator[Address]:
    """Run the page's `python -m http.server --cgi`, at a port of its own."""
    words = [howto.replace(word, values) for word in command("cgi-from-http-server", "python", "-m", "http.server")]
    with subprocess.Popen(
        [sys.executable, "-u", *words[1:-1], "0"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout is not None
            port = re.search(rb"port ([0-9]+)", process.stdout.readline())
            assert port is not None
            yield Address("127.0.0.1", int(port[1]))
        finally:
            process.terminate()


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="http.server --cgi is gone")
@pytest.mark.parametrize(
    ("method", "target", "body", "fields"),
    [
        ("GET", "", None, {}),
        ("GET", "/rooms/3?lamp=on", None, {"Cookie": "a=1; b=2"}),
        ("POST", "/x%20y?a=b", b"content", {"Content-Type": "text/plain"}),
    ],
)
def test_a_program_sees_the_same_as_under_http_server(
    tmp_path: Path, method: str, target: str, body: bytes | None, fields: dict[str, str]
) -> None:
    # Whom root has started runs programs as nobody, who must be able to reach them here.
    made = [folder for folder in tmp_path.parents if folder.name.startswith(("pytest-", "popen-"))]
    for folder in (tmp_path, *made):
        folder.chmod(0o755)
    values = write("cgi-from-http-server", tmp_path)
    with http_server(tmp_path, values) as before, host("cgi-from-http-server", tmp_path, values) as after:
        replies = [ask(address, method, f"/cgi-bin/where.py{target}", body, fields) for address in (before, after)]
    assert [reply.status for reply in replies] == [200, 200]
    assert replies[0].body == replies[1].body
    assert b"SCRIPT_NAME=/cgi-bin/where.py\n" in replies[1].body


def test_files_beside_programs(tmp_path: Path) -> None:
    values = write("cgi-from-http-server", tmp_path)
    (tmp_path / "files").mkdir()
    (tmp_path / "files/page.txt").write_text("a file\n")
    with host("cgi-from-http-server", tmp_path, values) as programs:
        config = tmp_path / "files-and-programs.toml"
        config.write_text(howto.replace(config.read_text(), {"127.0.0.1:8081": str(programs)}))
        words = command("cgi-from-http-server", "python", "-m", "http_front")[3:]
        words[words.index("--bind") + 1] = "127.0.0.1:0"
        with Server("http_front", *words, cwd=tmp_path) as front:
            assert ask(front.address, "GET", "/page.txt").body == b"a file\n"
            assert b"PATH_INFO=/x\n" in ask(front.address, "GET", "/cgi-bin/where.py/x").body
            assert ask(front.address, "GET", "/where.py").status == 404


def test_in_a_test_suite(tmp_path: Path) -> None:
    write("cgi-from-http-server", tmp_path)
    with subprocess.Popen(
        [sys.executable, "serve.py"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as p:
        try:
            assert p.stdout is not None
            address = Address("127.0.0.1", int(p.stdout.readline()))
            assert b"PATH_INFO=/x\n" in ask(address, "GET", "/where.py/x").body
        finally:
            p.terminate()


# -- from Apache, and from fcgiwrap ------------------------------------------------------------------------------------


@contextmanager
def both(name: str, page: str) -> Iterator[Running]:
    """Run a front with the page's sites, and the page's servers where the sites look for them."""
    with contextlib.ExitStack() as exits:
        front = exits.enter_context(running(replace(FRONTS[name], other_page=page), {}))
        values = {"/run/museum": f"{front.folder}/run", "/srv/museum": f"{front.folder}/srv"}
        for words in howto.commands(page):
            program, *arguments = [howto.replace(word, values) for word in words]
            if program == "python":
                exits.enter_context(Server(*arguments[1:], env={"DEMO_APP_DB": f"{front.folder}/guests.sqlite3"}))
            else:
                socket = Address(path=arguments[-1].removeprefix("unix:"))
                exits.enter_context(started([full_path(program), *arguments], front.folder, [socket]))
        yield front


@pytest.fixture(scope="module")
def apache() -> Iterator[Running]:
    with both("apache", "cgi-from-apache") as found:
        yield found


@pytest.fixture(scope="module")
def nginx() -> Iterator[Running]:
    with both("nginx", "cgi-from-fcgiwrap") as found:
        yield found


MOVED = [
    pytest.param("apache", marks=pytest.mark.real("apache2")),
    pytest.param("nginx", marks=pytest.mark.real("nginx", "fcgiwrap")),
]

SAME = [
    ("GET", "/cgi-bin/where.sh", None),
    ("HEAD", "/cgi-bin/where.sh", None),
    ("GET", "/cgi-bin/where.sh/rooms/a%20b?lamp=on&x", None),
    ("POST", "/cgi-bin/where.sh/x?a=b", b"x" * 100_000),
    ("PUT", "/cgi-bin/where.sh/x?a=b", b""),
    ("GET", "/cgi-bin/where.sh/gone", None),
    ("GET", "/cgi-bin/where.sh/moved", None),
]


@pytest.mark.parametrize("name", MOVED)
@pytest.mark.parametrize(("method", "target", "body"), SAME)
def test_visitors_do_not_notice(
    request: pytest.FixtureRequest, name: str, method: str, target: str, body: bytes | None
) -> None:
    front: Running = request.getfixturevalue(name)
    before, after = (ask(front.sites[site], method, target, body) for site in ("before", "after"))
    assert before.status == after.status
    assert dict(before.fields).get("location") == dict(after.fields).get("location")
    if after.status != 302:  # Apache adds a page to that
        assert dict(before.fields)["content-type"] == dict(after.fields)["content-type"]
        # Here visitors come over a unix socket, and nginx says "unix:" for the address of such.
        assert before.body.replace(b" unix: ", b"  ") == after.body
        assert method == "HEAD" or b" 12 0 arguments\n" in after.body


def statuses(front: Running, target: str) -> list[int]:
    return [ask(front.sites[site], "GET", f"/cgi-bin/{target}").status for site in ("before", "after")]


@pytest.mark.real("apache2")
def test_what_is_different_under_apache(apache: Running) -> None:
    (apache.folder / "srv/cgi-bin/plain.txt").write_text("a file, and no program\n")
    assert statuses(apache, "nothing") == [404, 404]
    assert statuses(apache, "plain.txt") == [500, 403]
    assert statuses(apache, "where.sh/broken") == [500, 502]
    before, after = apache.sites["before"], apache.sites["after"]
    assert b" 12 1 arguments\n" in ask(before, "GET", "/cgi-bin/where.sh?-s").body
    assert b" 12 0 arguments\n" in ask(after, "GET", "/cgi-bin/where.sh?-s").body
    assert ask(before, "GET", "/cgi-bin/where.sh/dies").body == b"a part\n"
    with pytest.raises((http.client.IncompleteRead, http.client.RemoteDisconnected)):
        ask(after, "GET", "/cgi-bin/where.sh/dies")
    inside = ask(after, "GET", "/cgi-bin/where.sh/here").body
    assert ask(before, "GET", "/cgi-bin/where.sh/here").body == inside
    assert b"/inside from=here" in inside


@pytest.mark.real("apache2")
def test_the_environments_differ_as_the_page_says(apache: Running) -> None:
    text = (howto.FOLDER / "cgi-from-apache.md").read_text()
    table = text.partition("| only under Apache |")[2].splitlines()[2]
    only = [set(re.findall(r"`([A-Z_]+)`", cell)) for cell in table.strip("|").split("|")]
    names = []
    for site in ("before", "after"):
        body = ask(apache.sites[site], "GET", "/cgi-bin/where.sh/environment?x=y").body.decode()
        names.append({line.partition("=")[0] for line in body.splitlines()[2:]})
    by_the_front = {"HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_SERVER"}
    assert [names[0] - names[1], names[1] - names[0] - by_the_front] == only


@pytest.mark.real("nginx", "fcgiwrap")
def test_what_is_different_under_nginx(nginx: Running) -> None:
    (nginx.folder / "srv/cgi-bin/plain.txt").write_text("a file, and no program\n")
    assert statuses(nginx, "nothing") == [403, 404]
    assert statuses(nginx, "plain.txt") == [403, 403]
    assert statuses(nginx, "where.sh/broken") == [502, 502]
    before, after = (ask(nginx.sites[site], "GET", "/cgi-bin/where.sh/here") for site in ("before", "after"))
    assert (before.status, dict(before.fields)["location"]) == (302, "/cgi-bin/where.sh/inside?from=here")
    assert b"/inside from=here" in after.body
    assert ask(nginx.sites["stays"], "GET", "/museum/hello").body == b"Hello, world!\n"


# -- off the cgi module ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    write("cgi-forms", folder)
    return folder


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="the script before needs the cgi module")
@pytest.mark.parametrize(("method", "query", "content", "kind", "part"), GOOD)
def test_the_script_gives_the_answers_that_it_gave_before(
    scripts: Path, method: str, query: str, content: bytes, kind: str, part: bytes
) -> None:
    variables = {"QUERY_STRING": query, "CONTENT_TYPE": kind, "PYTHONWARNINGS": "ignore"}
    if content:
        variables["CONTENT_LENGTH"] = str(len(content))
    before = answer(scripts / "upload-before.py", content, method, **variables)
    after = answer("upload.py", content, method, **variables)
    assert (before[0], before[2]) == (after[0], after[2])
    assert part in after[2]


def test_a_script_that_fails_says_so_to_the_visitor_and_why_to_the_log(scripts: Path) -> None:
    done = run(scripts / "answers-500.py")
    assert done.stdout.startswith(b"Status: 500 Internal Server Error\n")
    assert b"division" not in done.stdout
    assert b"INFO somebody asks\n" in done.stderr
    assert b"ZeroDivisionError: division by zero" in done.stderr
    assert done.returncode == 1


def test_what_the_page_says_of_header_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (howto.FOLDER / "cgi-forms.md").read_text(), re.DOTALL)
    found = [block for block in blocks if "CONTENT_TYPE" in block]
    assert len(found) == 2
    monkeypatch.setenv("CONTENT_TYPE", 'text/html; charset="latin-1"')
    names: dict[str, object] = {"os": os}
    for block in found:
        exec(block, names)
        assert names["kind"] == "text/html"
    assert names["charset"] == "latin-1"
    assert names["options"] == {"charset": "latin-1"}
