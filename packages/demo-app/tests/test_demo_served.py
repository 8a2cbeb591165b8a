"""The footer: how a page was served, and that nothing else depends on it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import demo_app
from demo_app import experiments, served

FOOTER = re.compile(rb'<footer id="served">.*</footer>', re.DOTALL)


def facts(answer) -> dict[str, str]:
    footer = FOOTER.search(answer.body)[0].decode()
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", footer))


@pytest.mark.parametrize(
    ("environ", "protocol"),
    [
        ({"gatelab.protocol": "FastCGI"}, "FastCGI"),
        ({"gatelab.protocol": "HTTP", "wsgi.run_once": True, "GATEWAY_INTERFACE": "CGI/1.1"}, "HTTP"),
        ({"wsgi.run_once": True, "GATEWAY_INTERFACE": "CGI/1.1"}, "CGI"),
        ({"GATEWAY_INTERFACE": "CGI/1.1"}, "WSGI"),
        ({"wsgi.run_once": True}, "WSGI"),
        ({}, "WSGI"),
        ({"gatelab.protocol": "<b>"}, "&lt;b&gt;"),
    ],
)
def test_the_protocol(ask, environ, protocol):
    assert facts(ask("/", **environ))["Protocol"] == protocol


def test_what_the_footer_tells(ask):
    first = facts(ask("/", SERVER_SOFTWARE="<i>1.0"))
    second = facts(ask("/cgi"))
    assert first["Process"] == second["Process"] == str(os.getpid())
    assert first["Server"] == "&lt;i&gt;1.0"
    assert second["Server"] == "not named"
    assert int(second["Requests it has served"]) == int(first["Requests it has served"]) + 1
    assert float(second["Age of the process"].removesuffix(" s")) > 0
    assert float(second["Time in the application"].removesuffix(" ms")) > 0
    assert (second["run_once"], second["multithread"], second["multiprocess"]) == ("no", "no", "yes")


def test_every_request_counts(ask):
    before = int(facts(ask("/"))["Requests it has served"])
    ask("/hello")
    ask("/nowhere")
    assert int(facts(ask("/"))["Requests it has served"]) == before + 3


@pytest.mark.parametrize("target", ["/", "/fastcgi", "/experiments", "/guestbook", "/nowhere"])
def test_all_but_the_footer_is_the_same_whatever_served_it(ask, target):
    one = ask(target, **{"gatelab.protocol": "CGI", "wsgi.run_once": True, "SERVER_SOFTWARE": "one/1"})
    two = ask(target, **{"gatelab.protocol": "uwsgi", "wsgi.multithread": True, "SERVER_NAME": "elsewhere.test"})
    assert one.body != two.body
    assert FOOTER.sub(b"", one.body) == FOOTER.sub(b"", two.body)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_starts_counting_again(ask):
    ask("/counter")
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        found = f"{served.next_number()} {served.age():.3f} {next(experiments._answered)} {experiments._leaked}"
        os.write(writable, found.encode())
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable, encoding="ascii") as pipe:
        number, age, answered, leaked = pipe.read().split()
    assert os.waitpid(pid, 0)[1] == 0
    assert (number, answered, leaked) == ("1", "1", "[]")
    assert float(age) < served.age()


SOURCE = str(Path(demo_app.__file__).parents[1])

CGI = "from wsgiref.handlers import CGIHandler; from demo_app import app; CGIHandler().run(app)"


def test_as_a_cgi_program_without_a_home_it_is_new_every_time(tmp_path):
    """The real thing: an environment built from nothing, a process for one request."""
    environment = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/guestbook",
        "SCRIPT_NAME": "/cgi-bin/museum",
        "QUERY_STRING": "",
        "SERVER_NAME": "museum.test",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "GATEWAY_INTERFACE": "CGI/1.1",
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PYTHONPATH": SOURCE,
    }
    seen = set()
    for _ in range(2):
        run = subprocess.run([sys.executable, "-c", CGI], env=environment, capture_output=True, check=True, timeout=30)
        assert run.stderr == b""
        assert run.stdout.startswith(b"Status: 200 OK\r\n")
        text = run.stdout.decode()
        assert "<dt>Protocol</dt><dd>CGI</dd>" in text
        assert "<dt>Requests it has served</dt><dd>1</dd>" in text
        assert "<dt>run_once</dt><dd>yes</dd>" in text
        assert 'action="/cgi-bin/museum/guestbook"' in text
        seen.add(re.search(r"<dt>Process</dt><dd>(\d+)</dd>", text)[1])
    assert len(seen) == 2
    assert (tmp_path / "state" / "demo-app" / "guestbook.sqlite3").is_file()


def test_importing_it_opens_nothing_and_starts_nothing(tmp_path):
    code = "import demo_app, threading, sys; print(threading.active_count(), 'multipart' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, cwd=tmp_path, text=True, timeout=30
    )
    assert run.stdout.split() == ["1", "False"]
    assert list(tmp_path.iterdir()) == []


def test_the_module_says_how_to_serve_it():
    run = subprocess.run([sys.executable, "-m", "demo_app"], capture_output=True, check=True, text=True, timeout=30)
    assert "demo_app:app" in run.stdout
