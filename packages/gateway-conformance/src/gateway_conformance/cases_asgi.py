"""Cases about servers of ASGI, and which of the other cases such a server is asked too ("HTTP Connection Scope").

A case of another table is asked if `asgi_app` has its route, and then the same must come of it: HTTP is the same. What
is left out is PEP 3333's alone (environ, write(), iterables, close(), file wrappers), or one of `OTHERWISE`, where
ASGI wants something else; then there is a case here that says what.
"""

from __future__ import annotations

from dataclasses import replace

from .asgi_app import MESSAGES, ROUTES
from .case import SCHEMES, Case, Drive, Expected

__all__ = ["ASGI_CASES", "OTHERWISE", "for_asgi"]

_PEP_3333 = "it is about PEP 3333 alone: ASGI has its own way, and cases of its own"

_EMPTY = "an empty body message sends the head, and so it is too late for a 500"
_WHOLE = "a single message is checked as a whole before anything is sent: a 500, as another case shows"
_HOP = "fields of the connection are left out, and are no error"
_GOOD = "bytes, and any iterable of pairs, are what ASGI wants"
OTHERWISE = {
    "content: that breaks off is never passed off as complete": "the application is called before its content is there",
    "raise: blank": _EMPTY,
    **{f"fields: {how}": _HOP for how in ("hop-connection", "hop-transfer-encoding", "hop-upgrade")},
    "fields: hop-connection, told at once": _HOP,
    **{f"fields: {how}": _GOOD for how in ("bytes-name", "bytes-value", "tuple")},
    **{f"item: bytearray {when}": _GOOD for when in ("alone", "iterator", "write", "later")},
    "length: too much, one": _WHOLE,
    "length: too much, many": "too much is an error in the application, and cuts the response: nothing is trimmed",
    "length: too much through write(), which raises": _PEP_3333,
    "length: too little in one block": _WHOLE,
    "length: too little through write()": _PEP_3333,
}
"""Names of cases that are not asked, although `asgi_app` has their routes; and why."""

_ALONE = "it calls applications of WSGI: this is about messages of ASGI"
_WITHOUT = {scheme: _ALONE for scheme in SCHEMES if scheme != "asgi"}


def for_asgi(case: Case) -> Case:
    """Return a case of another table, left out for servers of ASGI unless it is asked of them too."""
    route = case.target[1:].partition("?")[0].partition("/")[0]
    reason = OTHERWISE.get(case.name, "" if route in ROUTES else _PEP_3333)
    return replace(case, without={**case.without, "asgi": reason}) if reason else case


def _case(
    name: str,
    proves: tuple[str, ...],
    target: str,
    expected: Expected,
    method: str = "GET",
    fields: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    drive: Drive = Drive.WHOLE,
    times: int = 1,
) -> Case:
    return Case(f"asgi: {name}", proves, target, expected, method, fields, body, drive=drive, times=times,
                without=_WITHOUT)  # fmt: skip


def _shows(value: object) -> Expected:
    return Expected(body=repr(value).encode())


_SCOPE = (
    _case("scope: keys and types", ("ASGI-1", "ASGI-2", "ASGI-3"), "/scope", Expected(body=b"good")),
    _case("scope: fresh for each request", ("ASGI-1", "ASGI-13"), "/fresh-scope", Expected(body=b"fresh"), times=3),
    _case("scope: method", ("ASGI-2",), "/part?of=method", _shows("PURGE"), "PURGE"),
    _case("scope: path is decoded once, as UTF-8", ("ASGI-2",), "/part/%D0%BF%2541+%2f?of=path",
          _shows("/part/\u043f%41+/")),
    _case("scope: query is not decoded", ("ASGI-2",), "/part?of=query_string&a=%20+%C3%A9?/",
          _shows(b"of=query_string&a=%20+%C3%A9?/")),
    _case("scope: bytes of fields as they came", ("ASGI-2", "HTTP-34"), "/part?field=x-one", _shows([b"\xc3\xa9"]),
          fields=(("X-One", "\xc3\xa9"),)),
    _case("scope: repeated fields stay apart, in order", ("ASGI-2", "HTTP-36"), "/part?field=x-one",
          _shows([b"b", b"a", b"c"]), fields=(("X-One", "b"), ("x-one", "a"), ("X-ONE", "c"))),
    _case("scope: what the lifespan has kept", ("ASGI-10", "ASGI-13"), "/state", Expected(body=b"kept"), times=2),
)  # fmt: skip

_CONTENT = (
    _case("content: pieces", ("ASGI-6",), "/pieces?of=a,b,c", Expected(body=b"abc"), times=2),
    _case("content: empty pieces end nothing", ("ASGI-6", "HTTP-73"), "/pieces?of=,a,,,bc,", Expected(body=b"abc"),
          times=2),
    _case("content: the length of a single piece is known", ("ASGI-5",), "/pieces?of=abc",
          Expected(body=b"abc", fields=(("content-length", "3"),))),
    _case("content: none", ("ASGI-5", "ASGI-6"), "/least", Expected(body=b""), times=2),
    _case("content: HEAD of pieces", ("ASGI-5",), "/pieces?of=a,b,c", Expected(body=b""), "HEAD", times=2),
)  # fmt: skip

_ENDING = (
    _case("disconnect: told to who waits for it", ("ASGI-8",), "/told?record={record}",
          Expected(record=("http.disconnect",)), drive=Drive.LEAVE),
    _case("disconnect: in place of the rest of the content", ("ASGI-8", "HTTP-52"), "/broken?record={record}",
          Expected(record=("http.disconnect",)), "POST", body=b"x" * 5000, drive=Drive.HALF),
    _case("disconnect: send raises an OSError", ("ASGI-7",), "/endless?record={record}",
          Expected(record=("OSError",)), drive=Drive.LEAVE),
    _case("disconnect: told after the response", ("ASGI-8",), "/after?record={record}",
          Expected(body=b"over", record=("http.disconnect",))),
)  # fmt: skip

_TROUBLE = (
    *[_case(f"message: {how}", ("ASGI-9",), f"/message?how={how}", Expected(500, absent=("x-injected",)))
      for how in sorted(MESSAGES)],
    *[_case(f"length: too {word}, in one piece", ("ASGI-9",), f"/length?declared=5&given={given}&how=one",
            Expected(aborted=True, instead=(500,))) for word, given in (("little", 4), ("much", 6))],
    _case("length: too much, in pieces", ("ASGI-9",), "/length?declared=5&given=9&how=many",
          Expected(body=b"xxxxx", aborted=True, instead=(200,))),
    *[_case(f"fields: of the connection, {how}", ("ASGI-5",), f"/fields?how=hop-{how}",
            Expected(body=b"out", fields=(("x-injected", "b"),))) for how in ("transfer-encoding", "upgrade")],
)  # fmt: skip

ASGI_CASES = (*_SCOPE, *_CONTENT, *_ENDING, *_TROUBLE)
"""All of them."""
