"""The same program in sh, Python, Perl, PHP and C: whatever a host and a program have to say to each other.

Two ways to start them are enough here: one executes all of them, the other copies the one in Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cgi_world import World, program, world

EXAMPLES = Path(__file__).parent.parent / "examples"

SH = r"""#!/bin/sh
case $QUERY_STRING in
moved) printf 'Location: http://museum.test/elsewhere\n\n' ;;
local) printf 'Location: %s/inside?again\n\n' "$SCRIPT_NAME" ;;
missing) printf 'Status: 404 Nothing Here\nContent-Type: text/plain\n\nno\n' ;;
*)
    printf 'Content-Type: text/plain\n\n%s %s?%s|' "$REQUEST_METHOD" "$PATH_INFO" "$QUERY_STRING"
    head -c "${CONTENT_LENGTH:-0}" ;;
esac
"""

PYTHON = f"""#!{sys.executable}
import os, sys
query, out = os.environ["QUERY_STRING"], sys.stdout.buffer
if query == "moved":
    out.write(b"Location: http://museum.test/elsewhere\\n\\n")
elif query == "local":
    out.write(b"Location: %b/inside?again\\n\\n" % os.environb[b"SCRIPT_NAME"])
elif query == "missing":
    out.write(b"Status: 404 Nothing Here\\nContent-Type: text/plain\\n\\nno\\n")
else:
    told = os.environb[b"REQUEST_METHOD"], os.environb.get(b"PATH_INFO", b""), query.encode()
    out.write(b"Content-Type: text/plain\\n\\n%b %b?%b|" % told)
    out.write(sys.stdin.buffer.read(int(os.environ.get("CONTENT_LENGTH") or 0)))
"""

PERL = r"""#!/usr/bin/env perl
use strict; use warnings;
my $query = $ENV{QUERY_STRING};
binmode STDIN; binmode STDOUT;
if ($query eq 'moved') { print "Location: http://museum.test/elsewhere\n\n" }
elsif ($query eq 'local') { print "Location: $ENV{SCRIPT_NAME}/inside?again\n\n" }
elsif ($query eq 'missing') { print "Status: 404 Nothing Here\nContent-Type: text/plain\n\nno\n" }
else {
    print "Content-Type: text/plain\n\n$ENV{REQUEST_METHOD} ", $ENV{PATH_INFO} // '', "?$query|";
    read STDIN, my $content, $ENV{CONTENT_LENGTH} || 0;
    print $content;
}
"""

PHP = r"""<?php
$query = $_SERVER['QUERY_STRING'];
if ($query === 'moved') { header('Location: http://museum.test/elsewhere'); }
elseif ($query === 'local') { header("Location: {$_SERVER['SCRIPT_NAME']}/inside?again"); }
elseif ($query === 'missing') { header('HTTP/1.1 404 Nothing Here'); header('Content-Type: text/plain'); echo "no\n"; }
else {
    header('Content-Type: text/plain');
    echo $_SERVER['REQUEST_METHOD'], ' ', $_SERVER['PATH_INFO'] ?? '', "?$query|", file_get_contents('php://input');
}
"""

C = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    const char *query = getenv("QUERY_STRING"), *path = getenv("PATH_INFO"), *length = getenv("CONTENT_LENGTH");
    if (strcmp(query, "moved") == 0)
        printf("Location: http://museum.test/elsewhere\n\n");
    else if (strcmp(query, "local") == 0)
        printf("Location: %s/inside?again\n\n", getenv("SCRIPT_NAME"));
    else if (strcmp(query, "missing") == 0)
        printf("Status: 404 Nothing Here\nContent-Type: text/plain\n\nno\n");
    else {
        printf("Content-Type: text/plain\n\n%s %s?%s|", getenv("REQUEST_METHOD"), path ? path : "", query);
        for (long left = length ? atol(length) : 0; left > 0; left--)
            putchar(getchar());
    }
    return 0;
}
"""

LANGUAGES = [
    pytest.param("/case-sh.cgi", id="sh"),
    pytest.param("/case-python.cgi", id="python"),
    pytest.param("/case-perl.cgi", id="perl", marks=pytest.mark.real("perl")),
    pytest.param("/case-php.cgi", id="php", marks=pytest.mark.real("php-cgi")),
    pytest.param("/case.php", id="php-by-its-ending", marks=pytest.mark.real("php-cgi")),
    pytest.param("/case-c.cgi", id="c", marks=pytest.mark.real("cc")),
]


def compiled(source: Path, to: Path) -> None:
    """Compile a program, if that can be done here."""
    if cc := shutil.which("cc"):
        subprocess.run([cc, "-Wall", "-Werror", "-o", to, source], check=True)


@pytest.fixture(scope="module", params=["posix-spawn", "zygote"])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("languages")
    programs = folder / "programs"
    programs.mkdir()
    program(programs, "hello.cgi", "printf 'Content-Type: text/plain\\n\\n'")
    (programs / "case.php").write_text(PHP)  # not executable: its ending is enough
    texts = {"sh": SH, "python": PYTHON, "perl": PERL, "php": f"#!{shutil.which('php-cgi')}\n{PHP}"}
    for language, text in texts.items():
        file = programs / f"case-{language}.cgi"
        file.write_text(text)
        file.chmod(0o755)
    (folder / "case.c").write_text(C)
    compiled(folder / "case.c", programs / "case-c.cgi")
    for example in EXAMPLES.glob("hello.*"):
        shutil.copy(example, programs)
    compiled(EXAMPLES / "hello.c", programs / "hello-c.cgi")
    php = ["--interpreter", f".php={shutil.which('php-cgi')}"] if shutil.which("php-cgi") else []
    path = f"PATH={Path(sys.executable).parent}:{os.environ['PATH']}"
    with world(folder, programs, request.param, "--env", path, *php) as found:
        yield found
        found.nothing_left()


@pytest.mark.parametrize("case", LANGUAGES)
def test_get(host: World, case: str) -> None:
    answer = host.ask(f"{case}?a=b%20c")
    assert (answer.status, answer.body) == (200, b"GET ?a=b%20c|")
    assert answer.fields["content-type"].startswith("text/plain")


@pytest.mark.parametrize("case", LANGUAGES)
def test_path_info(host: World, case: str) -> None:
    assert host.ask(f"{case}/One%20two//3").body == b"GET /One two//3?|"


@pytest.mark.parametrize("case", LANGUAGES)
def test_post(host: World, case: str) -> None:
    content = bytes(range(256)) * 400
    answer = host.ask(f"{case}/x", "Content-Type: application/octet-stream", method="POST", body=content)
    assert answer.body == b"POST /x?|" + content


@pytest.mark.parametrize("case", LANGUAGES)
def test_status(host: World, case: str) -> None:
    answer = host.ask(f"{case}?missing")
    assert (answer.status, answer.body) == (404, b"no\n")


@pytest.mark.parametrize("case", LANGUAGES)
def test_a_redirect_of_the_client(host: World, case: str) -> None:
    answer = host.ask(f"{case}?moved")
    assert (answer.status, answer.fields["location"]) == (302, "http://museum.test/elsewhere")


@pytest.mark.parametrize("case", LANGUAGES)
def test_a_local_redirect(host: World, case: str) -> None:
    answer = host.ask(f"{case}?local", method="POST", body=b"dropped")
    if "php" in case:  # php-cgi adds Status: 302 to every Location, so the client is to ask again (section 6.2.4)
        assert (answer.status, answer.fields["location"]) == (302, f"{case}/inside?again")
    else:
        assert (answer.status, answer.body) == (200, b"GET /inside?again|")


@pytest.mark.parametrize("case", LANGUAGES)
def test_head(host: World, case: str) -> None:
    answer = host.ask(case, method="HEAD")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    "name",
    [
        "hello.sh",
        "hello.py",
        pytest.param("hello.pl", marks=pytest.mark.real("perl")),
        pytest.param("hello.php", marks=pytest.mark.real("php-cgi")),
        pytest.param("hello-c.cgi", marks=pytest.mark.real("cc")),
    ],
)
def test_the_example(host: World, name: str) -> None:
    first, second, third = host.ask(f"/{name}/by/way").body.decode().splitlines()
    assert first == "Hello, 127.0.0.1!"
    assert second == f"You asked with GET for /{name}, and behind that stood '/by/way'."
    assert third.endswith(", started for you alone, and this is my last line.")
    assert host.ask(f"/{name}", method="HEAD").body == b""


def test_a_source_is_never_shown(host: World) -> None:
    answer = host.ask("/hello.c")
    assert answer.status == 403
    assert b"printf" not in answer.body
