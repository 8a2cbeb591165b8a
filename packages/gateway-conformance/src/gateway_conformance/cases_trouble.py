"""Cases about applications that break PEP 3333 or fail: nothing of it may reach the client, and the gateway lives on.

A 500 must not show the client what went wrong inside: `outcome.judge` sees to that.
"""

from __future__ import annotations

from .app.trouble import BAD_FIELDS
from .case import Case, Expected

__all__ = ["TROUBLE_CASES"]

_REFUSED = Expected(500, absent=("x-injected", "x-split", "x-head"))
_CUT = Expected(aborted=True)

_MOMENTS = {
    "call": _REFUSED,
    "start": _REFUSED,
    "first": _REFUSED,
    "blank": _REFUSED,
    "later": _CUT,
    "write": _CUT,
}
"""When an exception comes, and what the client then sees: a 500, or a response that is cut off."""

_RAISING = (
    *[Case(f"raise: {when}", ("WSGI-49", "WSGI-75", "WSGI-76"), f"/raise?when={when}", expected, times=2)
      for when, expected in _MOMENTS.items()],
    *[Case(f"raise: {error} {when}", ("WSGI-78",), f"/raise?when={when}&error={error}", _MOMENTS[when], times=2)
      for error in ("SystemExit", "KeyboardInterrupt", "GeneratorExit", "MemoryError", "BrokenPipeError")
      for when in ("call", "later")],
    Case("raise: on HEAD", ("WSGI-76",), "/raise?when=call", Expected(500, b""), "HEAD"),
)  # fmt: skip

_PROVES = {
    "hop-connection": ("WSGI-46", "WSGI-47"),
    "hop-transfer-encoding": ("WSGI-46", "WSGI-47", "WSGI-72"),
    "hop-upgrade": ("WSGI-46", "WSGI-47"),
    **dict.fromkeys(("length-list", "length-sign", "length-text", "length-twice"), ("WSGI-73",)),
    **dict.fromkeys(("dict", "text", "triple", "tuple"), ("WSGI-43",)),
}
_SPLITTING = ("WSGI-44", "WSGI-45")

_BAD_FIELDS = (
    *[Case(f"fields: {how}", _PROVES.get(how, _SPLITTING), f"/fields?how={how}", _REFUSED)
      for how in sorted(BAD_FIELDS)],
    *[Case(f"fields: {how}, told at once", ("WSGI-42",), f"/fields?how={how}&try=1",
           Expected(body=b"told at once", absent=("x-injected", "x-split")))
      for how in ("crlf", "name", "not-latin-1", "none-value", "hop-connection", "length-twice")],
)  # fmt: skip

_BAD_STATUS = tuple(
    Case(f"status: {name}", ("WSGI-41", "WSGI-45"), f"/status?how={how}", _REFUSED)
    for name, how in (
        ("empty", ""), ("no reason at all", "200"), ("two digits", "20%20OK"), ("four digits", "2000%20OK"),
        ("no number", "OK"), ("blank at the end", "200%20OK%20"), ("blank at the start", "%20200%20OK"),
        ("CRLF", "200%20OK%0D%0AX-Injected:%20b"), ("LF", "200%20OK%0AX-Injected:%20b"), ("NUL", "200%20O%00K"),
        ("interim", "100%20Continue"), ("bytes", "bytes"), ("int", "int"), ("None", "none"),
    )
)  # fmt: skip

_ITEMS = tuple(
    Case(f"item: {how} {when}", ("WSGI-65",), f"/item?how={how}&when={when}", _CUT if when == "later" else _REFUSED)
    for how in ("str", "none", "int", "bytearray", "list")
    for when in ("alone", "iterator", "write", "later")
)

_FORGOTTEN = (
    Case("nothing: data without start_response", ("WSGI-54",), "/nothing?how=start", _REFUSED),
    Case("nothing: no start_response, no data", ("WSGI-54",), "/nothing?how=start-empty", _REFUSED),
    Case("nothing: None instead of an iterable", ("WSGI-57",), "/nothing?how=iterable", _REFUSED),
    Case("start_response twice", ("WSGI-50",), "/twice", _REFUSED),
)

_LENGTHS = (
    *[Case(f"length: too much, {how}", ("WSGI-68",), f"/length?declared=5&given=9&how={how}", Expected(body=b"xxxxx",
        fields=(
        ("content-length", "5"),))) for how in ("one", "many")],
    Case("length: too much through write(), which raises", ("WSGI-68",),
         "/length?declared=5&given=9&how=write-seen&record={record}",
         Expected(body=b"xxxxx", fields=(("content-length", "5"),), record=("told",))),
    Case("length: too little", ("WSGI-69",), "/length?declared=9&given=5&how=many", _CUT, times=2),
    Case("length: too little in one block", ("WSGI-69",), "/length?declared=9&given=5&how=one", _CUT),
    Case("length: nothing of what was declared", ("WSGI-69",), "/length?declared=9&given=0&how=many",
         Expected(aborted=True, instead=(500, 502))),
    Case("length: too little through write()", ("WSGI-69",), "/length?declared=9&given=5&how=write", _CUT),
    Case("length: too little for HEAD is none of its business", ("WSGI-74",), "/length?declared=9&given=5&how=many",
         Expected(body=b"", fields=(("content-length", "9"),)), "HEAD"),
)  # fmt: skip

TROUBLE_CASES = (*_RAISING, *_BAD_FIELDS, *_BAD_STATUS, *_ITEMS, *_FORGOTTEN, *_LENGTHS)
"""All of them."""
