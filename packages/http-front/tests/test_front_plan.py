"""A file of routes: what is understood, and what is a mistake. And which route a request takes."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from front_world import ask, environ
from gateway_runtime.cli import main
from gateway_runtime.errors import StartupError
from http_front.plan import Plan, Route, read_plan
from http_front.router import Router, _host
from http_front.server import GATEWAY


def plan(tmp_path: Path, text: str) -> Plan:
    (tmp_path / "www").mkdir(exist_ok=True)
    file = tmp_path / "front.toml"
    file.write_text(text.replace("WWW", f"{tmp_path}/www"))
    return read_plan(str(file))


def test_everything(tmp_path: Path) -> None:
    text = """
    [[route]]
    prefix = "/app"
    host = "museum.test"
    to = ["fastcgi://127.0.0.1:9000", "fastcgi+unix:/run/b"]
    root = "WWW"
    ending = ".php5"
    must_exist = false
    params = { APP_ENV = "test", EMPTY = "" }
    sendfile = ["WWW"]
    buffer = false
    connect = 1
    send = 2.5
    silence = 3
    whole = 60
    keep = 0
    connections = 7
    fails = 1
    rest = 0.5
    check = 5

    [[route]]
    prefix = "/files"
    static = "WWW"
    internal = true
    """
    www = f"{tmp_path}/www"
    assert plan(tmp_path, text).routes == (
        Route(
            prefix="/app", host="museum.test", to=("fastcgi://127.0.0.1:9000", "fastcgi+unix:/run/b"), root=www,
            ending=".php5", must_exist=False, params=(("APP_ENV", "test"), ("EMPTY", "")), sendfile=(www,),
            buffer=False, connect=1, send=2.5, silence=3, whole=60, keep=0, connections=7, fails=1, rest=0.5, check=5,
        ),
        Route(prefix="/files", static=www, internal=True),
    )  # fmt: skip


TO = 'to = ["http://x:1"]'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "list of [[route]] tables"), ("route = 1", "list of [[route]]"), ("route = [1]", "list of [[route]]"),
        ("x = 1\n[[route]]\n" + TO, "and nothing else"), ("[[route]", "is not TOML"), ("\udcff", "is not TOML"),
        ("[[route]]", "say who answers"), (f'[[route]]\n{TO}\nstatic = "WWW"', "say who answers"),
        (f"[[route]]\n{TO}\nport = 1", "route 1: there is no 'port'; there are prefix,"),
        (f'[[route]]\n{TO}\nprefix = "app"', "does not begin with a slash"),
        (f"[[route]]\n{TO}\ninternal = true", "goes with 'static'"),
        ('[[route]]\nto = "http://x:1"', "to is not a list of texts"), ("[[route]]\nto = [1]", "not a list of texts"),
        ('[[route]]\nto = ["gopher://x:1"]', "not 'gopher'"), ('[[route]]\nto = ["x"]', "SCHEME://HOST:PORT"),
        ('[[route]]\nstatic = "/nonsense"', "/nonsense is not a folder"),
        (f'[[route]]\n{TO}\nroot = "/nonsense"', "/nonsense is not a folder"),
        (f'[[route]]\n{TO}\nsendfile = ["WWW/none"]', "not the whole path of a folder"),
        (f'[[route]]\n{TO}\nsendfile = ["."]', "not the whole path of a folder"),
        (f'[[route]]\n{TO}\nkeep = "16"', "keep is not a whole number"),
        (f"[[route]]\n{TO}\nkeep = 1.5", "keep is not a whole number"),
        (f"[[route]]\n{TO}\nkeep = true", "keep is not a whole number"),
        (f"[[route]]\n{TO}\nkeep = -1", "keep, connections and fails"),
        (f"[[route]]\n{TO}\nconnections = 0", "keep, connections and fails"),
        (f'[[route]]\n{TO}\nbuffer = "no"', "buffer is not true or false"),
        (f"[[route]]\n{TO}\nbuffer = 0", "buffer is not true or false"),
        (f'[[route]]\n{TO}\nsilence = "1m"', "silence is not a number of seconds"),
        (f"[[route]]\n{TO}\nsilence = -1", "silence is not a number of seconds from 0"),
        (f"[[route]]\n{TO}\nsilence = inf", "silence is not a number of seconds from 0"),
        (f"[[route]]\n{TO}\nsilence = nan", "silence is not a number of seconds from 0"),
        (f"[[route]]\n{TO}\nparams = []", "params is not a table of texts"),
        (f"[[route]]\n{TO}\nparams = {{ A = 1 }}", "params is not a table of texts"),
        (f'[[route]]\n{TO}\nparams = {{ "a-b" = "1" }}', "'a-b' is not the name of a variable"),
        (f"[[route]]\n{TO}\n[[route]]\n{TO}", "two routes have the prefix '/'"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "front.toml"
    (tmp_path / "www").mkdir()
    file.write_bytes(text.replace("WWW", f"{tmp_path}/www").encode("utf-8", "surrogateescape"))
    with pytest.raises(StartupError) as caught:
        read_plan(str(file))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(file))


def test_no_file() -> None:
    with pytest.raises(StartupError, match=r"cannot read /none.toml: No such file"):
        read_plan("/none.toml")


@pytest.mark.parametrize("option", [["--to", "http://x:1"], ["--keep", "1"], ["--static", "/x=/"]])
def test_the_file_is_the_one_place(tmp_path: Path, option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(GATEWAY, ["--config", f"{tmp_path}/x", *option]) == 2
    assert f"{option[0]} belongs into the file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("target", "host", "who"),
    [
        ("/", "a", "root"), ("/app", "a", "app"), ("/app/", "a", "app"), ("/app/x", "a", "app"),
        ("/application", "a", "root"), ("/app/deep/x", "a", "deep"), ("/app/deeper", "a", "app"),
        ("/app/x", "museum.test", "host"), ("/app/x", "MUSEUM.TEST:8000", "host"), ("/x", "museum.test", "root"),
        ("/app/deep/x", "museum.test", "host"), ("/inner/x", "a", "root"), ("/%61pp/x", "a", "app"),
        ("/app/x", "[::1]:80", "six"), ("/app/x", "", "app"), ("//app//deep/x", "a", "deep"), ("*", "a", "root"),
    ],
)  # fmt: skip
def test_the_host_and_then_the_longest_prefix(tmp_path: Path, target: str, host: str, who: str) -> None:
    routes = []
    for name, prefix, named in (
        ("root", "/", ""), ("app", "/app/", ""), ("deep", "/app/deep", ""), ("host", "/app", "museum.test"),
        ("six", "/app", "[::1]"), ("inner", "/inner", ""),
    ):  # fmt: skip
        folder = tmp_path / name
        folder.mkdir()
        routes.append(Route(prefix=prefix, host=named, static=str(folder), internal=name == "inner"))
    seen = environ(target)
    seen["HTTP_HOST"] = host
    way = Router(Plan(tuple(routes)), print)._way(seen["PATH_INFO"], _host(seen), internal=False)
    assert way is not None
    assert Path(way[0].static).name == who


@pytest.mark.parametrize("path", ["/x/../app", "/..", "/./app", "/app/.", "/app/%2e%2e/x", "/app/%2e%2e%2fx", "/..%2f"])
def test_dots_are_not_followed_by_anybody(path: str) -> None:
    router = Router(Plan((Route(to=("http://127.0.0.1:1",)),)), print)
    assert ask(router, path).status == "400 Bad Request"
    for name in ("/..x", "/x..", "/.x/y", "/..."):
        assert ask(router, name).status == "503 Service Unavailable"


def test_a_host_that_is_none_is_503() -> None:
    router = Router(Plan((Route(to=(f"http://{'a' * 70}.test:1",)),)), print)
    assert ask(router, "/x")[::2] == (
        "503 Service Unavailable",
        f"the backend cannot be reached: {'a' * 70 + '.test'!r} is no host name\n".encode(),
    )


def test_a_path_without_a_route() -> None:
    router = Router(Plan((Route(prefix="/app", to=("http://127.0.0.1:1",)),)), print)
    assert ask(router, "/other").status == "404 Not Found"


def test_the_file_that_the_documentation_shows(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "front.md").read_text()
    text = page.partition("```toml\n")[2].partition("```")[0]
    for folder in ("static", "protected", "pictures", "shop", "members"):
        (tmp_path / "museum" / folder).mkdir(parents=True)
    file = tmp_path / "front.toml"
    file.write_text(text.replace("/srv/", f"{tmp_path}/"))
    assert len(read_plan(str(file)).routes) == 6
    told = set(re.findall(r"`([a-z_]+)`", page.partition("## What can be said")[2].partition("## Slow")[0]))
    assert {field.name for field in fields(Route)} == told - {"true", "false"}
