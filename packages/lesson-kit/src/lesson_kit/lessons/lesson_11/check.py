"""Is one field kept out, however it is written, and everything else left alone?"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from lesson_kit.checking import NotYet

__all__ = ["check_environment"]

Fields = list[tuple[str, str]]
Answer = Callable[[dict[str, str], Fields], Any]

OTHERS: Fields = [
    ("Host", "museum"), ("Accept", "*/*"), ("Cookie", "a=b"), ("User-Agent", "a browser"), ("Museum", "open"),
    ("Accept-Language", "fr, en"),
]  # fmt: skip
ALIKE: Fields = [("Proxy-Connection", "keep-alive"), ("X-Proxy", "front-1"), ("Via-Proxy", "yes")]
"""Fields whose variables look like the bad one, and are harmless."""
OWN = {"PATH": "/usr/bin", "LANG": "C.UTF-8", "HTTPS_PROXY": "http://operator.museum:3128", "no_proxy": "localhost"}
OPERATORS = "http://operator.museum:8080"
VISITORS = "http://visitor.museum:9"


def check_environment(environment: Answer, dice: random.Random) -> None:
    """Try requests with the field in several spellings, with and without a setting of the operator's."""
    plain = dice.sample(OTHERS, 3)
    for name in ("Proxy", _spelled(dice)):
        _one(environment, dict(OWN), [*plain, (name, VISITORS), *dice.sample(OTHERS, 1)], exact=name == "Proxy")
    _one(environment, dict(OWN), [*plain, *dice.sample(ALIKE, 2)])
    for setting in ({"HTTP_PROXY": OPERATORS}, {"http_proxy": OPERATORS}):
        for more in ([], [("Proxy", VISITORS)]):
            _one(environment, {**OWN, **setting}, [*plain, *more])


def _spelled(dice: random.Random) -> str:
    """Return "Proxy" in capitals and small letters, otherwise than that: names of fields may be in any."""
    while True:
        name = "".join(dice.choice((letter, letter.upper())) for letter in "proxy")
        if name != "Proxy":
            return name


def _one(environment: Answer, own: dict[str, str], fields: Fields, *, exact: bool = True) -> None:
    before = dict(own)
    found = environment(own, list(fields))
    _is_environment(found)
    if own != before:
        raise NotYet("shares_own", "The runner's own environment was changed. Whose request will find that in it?")
    good = {_variable(name): value for name, value in fields if name.upper() != "PROXY"}
    if good and not any(name in found for name in good):
        raise NotYet(
            "drops_all_http", "No field of the request arrived. A program needs most of them: a cookie, a host."
        )
    if found.get("HTTP_PROXY") == VISITORS:
        if exact:
            raise NotYet("leaks", "A visitor has set a variable that clients take for an order of the operator's.")
        raise NotYet("only_exact_case", "A visitor wrote the name of the field otherwise, and it came through. In "
                     "which spellings does HTTP take a name?")  # fmt: skip
    if "HTTP_PROXY" in found and "HTTP_PROXY" not in before:
        raise NotYet("empties_it", "Nobody but the visitor spoke of this variable, and there it is, if without his "
                     "value. Was that the same as leaving it out, for every program?")  # fmt: skip
    if any(found.get(name) != value for name, value in before.items()):
        raise NotYet("drops_operators", "A setting of the operator's is not as it was. The variable is not bad: it "
                     "matters who has set it.")  # fmt: skip
    if any(found.get(name) != value for name, value in good.items()):
        raise NotYet("too_much", "A harmless field is missing, or is not what was sent. How much must the name of a "
                     "field have in common with the bad one to be it?")  # fmt: skip
    if set(found) != set(good) | set(before):
        raise NotYet("made_up", "There are variables that neither the operator nor the visitor has named.")


def _variable(name: str) -> str:
    return "HTTP_" + name.upper().replace("-", "_")


def _is_environment(found: object) -> None:
    if found is None or found is ...:
        raise NotYet("blank", "The environment is not there: the function ends without `return`ing it.")
    if not isinstance(found, dict) or not all(isinstance(part, str) for pair in found.items() for part in pair):
        raise NotYet("type", "An environment is a dictionary of names and values, all of them str.")
