"""Flask and Django applications run unmodified under all five gateways, and cannot be told apart there."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gateways import CLIENTS, Gateway, running

SITES = Path(__file__).parent / "sites"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
UPLOAD = (
    b'--edge\r\nContent-Disposition: form-data; name="big"; filename="big.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n" + bytes(200_000) + b"\r\n--edge--\r\n"
)


@pytest.fixture(
    scope="module", params=[(site, program) for site in ("flask", "django") for program in CLIENTS], ids="-".join
)
def site(request: pytest.FixtureRequest) -> Iterator[Gateway]:
    framework, program = request.param
    with running(program, f"{framework}_site:app", SITES) as gateway:
        yield gateway


def test_page_and_session(site: Gateway) -> None:
    first = site.ask("GET", "/")
    assert first.status == "200 OK"
    assert b"visit 1, see /greet/Ada%20Lovelace" in first.body
    cookie = first.values("set-cookie")[0].partition(";")[0]
    assert b"visit 2" in site.ask("GET", "/", headers={"Cookie": cookie}).body


def test_path_query_and_header(site: Gateway) -> None:
    answer = site.ask("GET", "/greet/J%C3%BCrgen?a=1&a=%20&b=", headers={"User-Agent": "a visitor"})
    assert json.loads(answer.body) == {"name": "Jürgen", "query": {"a": ["1", " "], "b": [""]}, "agent": "a visitor"}


def test_form_and_redirect(site: Gateway) -> None:
    answer = site.ask("POST", "/form", b"name=Grace+Hopper", FORM)
    assert answer.status.startswith("303 ")
    assert answer.values("location") == ["/greet/Grace%20Hopper"]


def test_upload(site: Gateway) -> None:
    answer = site.ask("POST", "/upload", UPLOAD, {"Content-Type": "multipart/form-data; boundary=edge"})
    assert json.loads(answer.body) == {"big": 200_000}


def test_raw_content_comes_back(site: Gateway) -> None:
    body = bytes(range(256)) * 4096
    assert site.ask("PUT", "/raw", body, {"Content-Type": "application/octet-stream"}).body == body


def test_streaming(site: Gateway) -> None:
    assert site.ask("GET", "/stream").body == b"".join(b"/stream %d\n" % number for number in range(5))


def test_status_and_fields(site: Gateway) -> None:
    answer = site.ask("GET", "/teapot")
    assert answer.status.lower() == "418 i'm a teapot"
    assert answer.values("x-handle") == ["here"]


def test_head_has_no_content(site: Gateway) -> None:
    answer = site.ask("HEAD", "/teapot")
    assert answer.status.startswith("418 ")
    assert answer.body == b""


def test_missing_and_faulty_pages(site: Gateway) -> None:
    assert site.ask("GET", "/nowhere").status.startswith("404 ")
    assert site.ask("GET", "/fault").status.startswith("500 ")
    assert site.ask("GET", "/teapot").status.startswith("418 ")
