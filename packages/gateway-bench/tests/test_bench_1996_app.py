"""The application of 1996: the right page whatever it keeps, and it keeps what it says, counted at the database."""

from __future__ import annotations

import importlib
import os
import random
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench_world import ROOT
from gateway_bench.load import scenarios
from gateway_bench.load.scenarios import SCENARIOS, Answer, Exchange

REQUESTS = 200
POLICIES = {
    "nothing": {"keeps_connection": False},
    "connection": {"keeps_connection": True},
    "cache": {"keeps_connection": True, "remembers": 1_000},
}


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The module, imported as a server does, with its database in a folder of the test."""
    place = tmp_path_factory.mktemp("server")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEMO_APP_DB", str(place / "guestbook.sqlite3"))
        patch.syspath_prepend(str(ROOT))
        yield importlib.import_module("benchmarks.experiment_1996.app")
    for name in [name for name in sys.modules if name.startswith("benchmarks")]:
        del sys.modules[name]


@pytest.fixture
def make(module: ModuleType, tmp_path: Path) -> Callable[[str], Any]:
    """Make an application of a policy, whose counts are its own."""
    made = []

    def one(policy: str) -> Any:
        made.append(module.Application(module.furnish(tmp_path / "data"), **POLICIES[policy]))
        return made[-1]

    yield one
    for application in made:
        application.close()


def ask(application: Any, exchange: Exchange | str) -> Answer:
    target = exchange if isinstance(exchange, str) else exchange.path
    path, _, query = target.partition("?")
    told: list[str] = []
    content = b"".join(
        application({"PATH_INFO": path, "QUERY_STRING": query}, lambda status, fields: told.append(status))
    )
    return Answer(int(told[0][:3]), content)


def journey(visitor: int, visits: int) -> list[Exchange]:
    return [SCENARIOS["personal"].visit(f"{visitor}-{number}")[0] for number in range(visits)]


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_gives_the_same_right_pages(make: Callable[[str], Any], policy: str) -> None:
    plain, application = make("nothing"), make(policy)
    for exchange in journey(3, 30) * 2:
        answer = ask(application, exchange)
        assert exchange.check(answer) is None
        assert answer == ask(plain, exchange)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(
    ("target", "status"),
    [("/hello", 200), ("/content/3?user=5&password=secret-6", 403), ("/content/3?user=999999&password=secret-5", 403),
     ("/content/10?user=5&password=secret-5", 404), ("/content/3?user=5", 404), ("/content/3", 404),
     ("/content/../3?user=5&password=secret-5", 404), ("/content/3?user=5&password=", 404), ("/", 404)],
)  # fmt: skip
def test_what_is_not_right_is_refused(make: Callable[[str], Any], policy: str, target: str, status: int) -> None:
    application = make(policy)
    assert ask(application, target).status == status
    assert ask(application, target).status == status  # nor does it remember what was wrong


@pytest.mark.parametrize(
    ("policy", "opened", "asked"),
    [("nothing", REQUESTS, 2 * REQUESTS), ("connection", 1, 2 * REQUESTS), ("cache", 1, 2 * scenarios.IN_TURN)],
)
def test_it_keeps_what_it_says(make: Callable[[str], Any], policy: str, opened: int, asked: int) -> None:
    application = make(policy)
    for exchange in journey(1, REQUESTS):
        ask(application, exchange)
    store = application.store
    assert (store.opened, store.asked, store.read) == (opened, asked, REQUESTS)


def test_the_cache_forgets_whom_it_has_not_seen_for_long(module: ModuleType, make: Callable[[str], Any]) -> None:
    store = make("nothing").store
    application = module.Application(store, keeps_connection=True, remembers=2)
    for user in (1, 2, 1, 3, 1, 2):  # 3 takes the place of 2, which has to be looked up again
        ask(application, f"/content/1?user={user}&password=secret-{user}")
    assert application.hits == 2
    application.close()


def test_a_cache_in_four_processes_knows_fewer_of_its_visitors(module: ModuleType, make: Callable[[str], Any]) -> None:
    """With 10 requests for each user, one cache knows 9 of 10; four, dealt to by chance, 1 - 4 (1 - 0.75^10) / 10."""
    dice = random.Random(1996)
    requests = [exchange for visitor in range(1, 11) for exchange in journey(visitor, REQUESTS)]
    hits = {}
    for processes in (1, 4):
        applications = [make("cache") for _ in range(processes)]
        for exchange in requests:
            ask(dice.choice(applications), exchange)
        hits[processes] = sum(application.hits for application in applications) / len(requests)
    assert hits[1] == pytest.approx(0.9)
    assert hits[4] == pytest.approx(1 - 4 * (1 - 0.75**10) / 10, abs=0.02)


def test_a_forked_child_uses_nothing_of_its_parent(make: Callable[[str], Any]) -> None:
    application = make("cache")
    ask(application, journey(1, 1)[0])
    child = os.fork()
    if not child:
        ask(application, journey(1, 1)[0])
        os._exit(application.store.opened)  # its own count goes on from the parent's
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    assert application.store.opened == 1


def test_the_data_are_of_the_size_of_1996(module: ModuleType, tmp_path: Path) -> None:
    store = module.furnish(tmp_path / "data")
    assert {len((store.folder / f"{number}.html").read_bytes()) for number in range(module.FILES)} == {3_000}
    with closing(store.open()) as database:
        (records,) = database.execute("SELECT count(*) FROM users").fetchone()
        (length,) = database.execute(
            "SELECT avg(length(password) + length(name) + length(town) + length(topic) + length(advert)) FROM users"
        ).fetchone()
    assert records == module.USERS == scenarios.PERSONS
    assert module.FILES == scenarios.PAGES
    assert 70 <= length <= 130


def test_several_processes_may_furnish_at_once(module: ModuleType, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: module.furnish(tmp_path / "data"), range(4)))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    for store in stores:
        with closing(store.open()) as database:
            assert store.password(database, 7) == "secret-7"


def test_visitors_are_strangers_who_come_in_turn() -> None:
    users = {visitor: [exchange.path.partition("user=")[2] for exchange in journey(visitor, 400)] for visitor in (1, 2)}
    assert not {*users[1]} & {*users[2]}
    assert len({*users[1][:200]}) == scenarios.IN_TURN
    assert not {*users[1][:200]} & {*users[1][200:]}
    assert SCENARIOS["personal"].visit("check")[0].name == "GET /content/..."
