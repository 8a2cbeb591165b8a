"""What visitors do, and what they must get back: the same journeys for every gateway.

A *visit* is a short list of exchanges; an *exchange* is one request and the check of its answer. Nothing
here knows a protocol, a socket or a clock, so the load engine, the locust file and the tests share it.

Every answer is checked, its content included. A server that answers quickly and wrongly would otherwise
win: a 500 is often the fastest page there is.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

__all__ = ["NUMBERS", "SCENARIOS", "Answer", "Exchange", "Scenario", "scenario_named"]

HELLO = b"Hello, world!\n"
"""The whole content of /hello."""

PAGE = "/fastcgi"
PAGE_TITLE = b"<h1>FastCGI</h1>"
PAGE_END = b"</footer>"
ENTRANCE_TITLE = b"<h1>How the web came to talk to programs</h1>"
CGI_TITLE = b"<h1>CGI</h1>"
STYLE = b":root {"
WAS_HERE = b"I was here: "
ENTRIES = 20
"""How many entries one page of the guestbook shows."""
FORM = "application/x-www-form-urlencoded"

PERSONS = 8_000
PAGES = 10
STRANGERS = 40
"""Of `personal`: users in its database, pages, and sets of users that have none in common, one for each visitor."""
IN_TURN = 20
"""Users of a set who ask in turn, each for `PAGES` pages."""

NUMBERS = 100
"""Different numbers that are asked for in a target: more than one, and few enough for any cache."""

DECK = 20
"""Requests in a visit of `mixed`, one of which sleeps: 5 %, exactly, and at a place that nobody foresees."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status code and the whole content."""

    status: int
    content: bytes


Check = Callable[[Answer], str | None]
"""Returns None when the answer is right, else which part of it is wrong: `"status 500"`, `"content"`."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its check. `name` groups it in the statistics ("POST /guestbook").

    `kind` stands there for the path of one of many that are alike.
    """

    method: str
    path: str
    check: Check
    content: bytes = b""
    content_type: str = ""
    kind: str = ""

    @property
    def name(self) -> str:
        """Method and path, as the tables show it."""
        return f"{self.method} {self.kind or self.path}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A journey. `visit(token)` gives its exchanges; `token` is unique to one visit, made of [a-z0-9-]."""

    name: str
    title: str
    about: str
    visit: Callable[[str], tuple[Exchange, ...]]


def _complaint(answer: Answer, status: int, right: bool) -> str | None:
    if answer.status != status:
        return f"status {answer.status}"
    return None if right else "content"


def _is_hello(answer: Answer) -> str | None:
    return _complaint(answer, 200, answer.content == HELLO)


def _is_page(title: bytes) -> Check:
    def is_page(answer: Answer) -> str | None:
        return _complaint(answer, 200, title in answer.content and PAGE_END in answer.content)

    return is_page


def _is_style(answer: Answer) -> str | None:
    return _complaint(answer, 200, STYLE in answer.content and answer.content.endswith(b"}\n"))


def _is_redirect(answer: Answer) -> str | None:
    return _complaint(answer, 303, True)


def _shows(message: bytes) -> Check:
    """Look for the message, or for a whole page of other visitors' newer ones that pushed it off."""

    def shows(answer: Answer) -> str | None:
        shown = message in answer.content or answer.content.count(WAS_HERE) >= ENTRIES
        return _complaint(answer, 200, shown and PAGE_END in answer.content)

    return shows


def _says(content: bytes) -> Check:
    def says(answer: Answer) -> str | None:
        return _complaint(answer, 200, answer.content == content)

    return says


_HELLO_VISIT = (Exchange("GET", "/hello", _is_hello),)
_SH_VISIT = (Exchange("GET", "/cgi-bin/hello.sh", _is_hello),)
_PYTHON_VISIT = (Exchange("GET", "/cgi-bin/hello.py", _is_hello),)
_PAGE_VISIT = (Exchange("GET", PAGE, _is_page(PAGE_TITLE)),)
_WALK = (
    Exchange("GET", "/", _is_page(ENTRANCE_TITLE)),
    Exchange("GET", "/static/style.css", _is_style),
    Exchange("GET", "/cgi", _is_page(CGI_TITLE)),
    *_PAGE_VISIT,
)
_SLEEP_VISIT = (Exchange("GET", "/sleep?ms=200", _says(b"slept 200 ms\n")),)
_WAIT_VISIT = (Exchange("GET", "/sleep?ms=5", _says(b"slept 5 ms\n")),)
_WORK_VISIT = (Exchange("GET", "/cpu?ms=2", _says(b"used 2 ms of processor time\n")),)
_CPU_VISIT = (Exchange("GET", "/cpu?ms=5", _says(b"used 5 ms of processor time\n")),)
_NAP_VISIT = (Exchange("GET", "/nap?ms=50", _says(b"napped\n")),)
_SHORT_SLEEP = Exchange("GET", "/sleep?ms=100", _says(b"slept 100 ms\n"))


def _sign_and_look(token: str) -> tuple[Exchange, ...]:
    message = WAS_HERE + token.encode("ascii")
    form = urlencode({"name": "A visitor", "message": message}).encode("ascii")
    return (
        Exchange("POST", "/guestbook", _is_redirect, form, FORM),
        Exchange("GET", "/guestbook", _shows(message)),
    )


def _journey(token: str) -> tuple[Exchange, ...]:
    """Come in, as a browser does, with the style sheet; read two exhibits; sign the guestbook and look at it."""
    return _WALK + _sign_and_look(token)


def _mixed(token: str) -> tuple[Exchange, ...]:
    """Deal a deck with one sleep in it; the token is the seed, so a visitor's journey is the same in every run."""
    deck = list(_HELLO_VISIT * DECK)
    deck[random.Random(token).randrange(DECK)] = _SHORT_SLEEP  # noqa: S311  # a journey, not a secret
    return tuple(deck)


def _personal(token: str) -> tuple[Exchange, ...]:
    """Ask for one page as one of the users that this visitor stands for.

    As in the measurement of 1996: each visitor is a set of users of his own, who ask in turn; each of them asks `PAGES`
    times, then `IN_TURN` others come. The number of the visitor and that of the visit are the last two in the token.
    """
    visitor, visit = ([0, 0] + [int(digits) for digits in re.findall("[0-9]+", token)])[-2:]
    turn, generation = visit // IN_TURN % PAGES, visit // (IN_TURN * PAGES)
    number = generation * IN_TURN + visit % IN_TURN
    user = (visitor % STRANGERS + STRANGERS * number) % PERSONS
    page = (user + turn) % PAGES
    path = f"/content/{page}?user={user}&password=secret-{user}"
    return (Exchange("GET", path, _is_for(user, page), kind="/content/..."),)


def _is_for(user: int, page: int) -> Check:
    title = f"<title>Page {page} for Visitor {user}</title>".encode("ascii")

    def is_for(answer: Answer) -> str | None:
        content = answer.content
        return _complaint(answer, 200, title in content and content.endswith(b"</html>\n") and b"${" not in content)

    return is_for


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("hello", "Hello", "14 constant bytes: what is left is the gateway", lambda _: _HELLO_VISIT),
        Scenario("page", "Page", "a Markdown page in a template", lambda _: _PAGE_VISIT),
        Scenario("guestbook", "Guestbook", "sign (POST, SQLite), then read (GET)", _sign_and_look),
        Scenario("journey", "Journey", "the entrance, its style sheet, two pages, then the guestbook", _journey),
        Scenario("sleep", "Sleep", "200 ms of waiting, as for a database", lambda _: _SLEEP_VISIT),
        Scenario("work", "Work", "2 ms of processor time", lambda _: _WORK_VISIT),
        Scenario("wait", "Wait", "5 ms of waiting", lambda _: _WAIT_VISIT),
        Scenario("mixed", "Mixed", "19 times Hello and once 100 ms of waiting, in random order", _mixed),
        Scenario("cpu", "Processor", "5 ms of processor time", lambda _: _CPU_VISIT),
        Scenario("nap", "Nap", "50 ms of waiting; the answer names its worker", lambda _: _NAP_VISIT),
        Scenario("sh", "sh", "a CGI program: three lines of echo for /bin/sh", lambda _: _SH_VISIT),
        Scenario("python", "python -IS", "a CGI program: one os.write in a bare Python", lambda _: _PYTHON_VISIT),
        Scenario("checked", "Hello, checked", "the same 14 bytes, and every answer is checked", lambda _: _HELLO_VISIT),
        Scenario("deaf", "Hello, deaf", "the same, by a client that does not notice a close", lambda _: _HELLO_VISIT),
        Scenario("personal", "Personal page", "a file of 3,000 bytes, filled in from a user database", _personal),
        Scenario("app", "Application", "hello of the WSGI application, as a CGI program", lambda _: _HELLO_VISIT),
    )
}
"""By name, in the order of the tables."""


def scenario_named(name: str) -> Scenario:
    """Return a scenario by its name. A target, such as "/cpu?ms=2" or "/page?user={n}", is one of its own.

    Its answers must be 200; where the target has "{n}", the numbers from 0 on stand there in turn, and the answer must
    contain its number. Raises KeyError.
    """
    if not name.startswith("/"):
        return SCENARIOS[name]
    exchanges = [_aimed(name, number) for number in range(NUMBERS if "{n}" in name else 1)]
    turns = itertools.cycle(exchanges)
    return Scenario(name, name, "a target", lambda _: (next(turns),))


def _aimed(target: str, number: int) -> Exchange:
    told = b"%d" % number if "{n}" in target else b""

    def is_told(answer: Answer) -> str | None:
        return _complaint(answer, 200, told in answer.content)

    return Exchange("GET", target.replace("{n}", str(number)), is_told, kind=target)
