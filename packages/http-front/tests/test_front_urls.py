"""What may stand behind --to."""

from __future__ import annotations

import pytest

from gateway_runtime.addresses import Address
from gateway_runtime.cli import main
from gateway_runtime.errors import StartupError
from http_front.backends import SCHEMES, read_url, server
from http_front.plan import Route
from http_front.server import GATEWAY


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("rest", "address"),
    [
        ("://127.0.0.1:9000", Address(host="127.0.0.1", port=9000)),
        ("://127.0.0.1:9000/", Address(host="127.0.0.1", port=9000)),
        ("://localhost:1", Address(host="localhost", port=1)),
        ("://[::1]:65535", Address(host="::1", port=65535)),
        ("+unix:/run/a b.sock", Address(path="/run/a b.sock")),
        ("+unix:relative.sock", Address(path="relative.sock")),
    ],
)
def test_good(scheme: str, rest: str, address: Address) -> None:
    assert read_url(scheme + rest) == (scheme, address)
    server(scheme + rest, Route(), print).client.close()


BAD = [
    "", "127.0.0.1:9000", "http://", "http:127.0.0.1:80", "http://127.0.0.1", "http://127.0.0.1:99999", "http+unix:",
    "http://127.0.0.1:80/path", "http://127.0.0.1:0", "fastcgi://fd:3", "https://127.0.0.1:443", "ftp://x:1",
    "ajp+unix:/x", "HTTP://x:1", "http://[::1:80",
]  # fmt: skip


@pytest.mark.parametrize("url", BAD)
def test_bad(url: str) -> None:
    with pytest.raises(StartupError):
        read_url(url)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "--to"),
        (["--to", "gopher://x:70"], "fastcgi, http, scgi, uwsgi, not 'gopher'"),
        (["--to", "nonsense"], "SCHEME://HOST:PORT"),
        (["--root", "/"], "--root is about the servers of --to"),
        (["--static", "/x=/", "--keep", "1"], "--keep is about the servers of --to"),
        (["--static", "x"], "is not /PREFIX=FOLDER"),
        (["--static", "/x=/nonsense"], "--static: /nonsense is not a folder"),
        (["--to", "http://x:1", "--root", "/nonsense"], "--to: /nonsense is not a folder"),
        (["--config", "/nonsense"], "cannot read /nonsense: No such file"),
        (["--to", "http://x:1", "--timeout", "0"], "not a number of seconds"),
        (["--to", "http://x:1", "--timeout", "soon"], "not a number of seconds"),
        (["--to", "http://x:1", "--keep", "-1"], "not a number from 0 to"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    try:
        code: object = main(GATEWAY, [*arguments, "--bind", "127.0.0.1:0"])
    except SystemExit as stop:
        code = stop.code
    words = capsys.readouterr().err
    assert code == 2
    assert sentence in words
    assert words.count("\n") == 1
