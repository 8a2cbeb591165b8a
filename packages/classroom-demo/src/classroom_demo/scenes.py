"""What the seven screens run, each on real gateways, and what they tell of it.

=========  ==================================================  =================================================
screen     what is run                                         data that the page draws
=========  ==================================================  =================================================
cgi        40 requests, one after another, under CGI           rows: which process answered, and its count
stay       the same under FastCGI, uwsgi and WSGI, 2 workers   rows of three lanes, and the hash of the file
where      five programs, each with one thing more (`bill`)    parts: seconds and shares
columns    five codecs on one request (`columns`)              columns: bytes
break      HTTP sent to the port of the uwsgi gateway          the line of its log, and the number in it
again      1000 requests to 4 workers                          answered_by: how many each process answered
=========  ==================================================  =================================================

A scene changes `stage.data` in place by `tell`, and ends when its screen is complete. It is paced so that eyes can
follow; `stage.hurry` takes the pauses away. How many processes there were is what the gateways' events told of births.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing, suppress
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from gateway_runtime.addresses import parse_url

from . import bill, columns, votes
from .asking import Unanswered, ask, connect
from .stage import ASK, Stage, Step

if TYPE_CHECKING:
    from .lanes import Lane

__all__ = ["AGAIN_WORKERS", "QUESTIONS", "REQUESTS", "SCREENS", "WORKERS"]

QUESTIONS: Final[Mapping[str, Sequence[str]]] = {
    "born": ("1 1", "1 2", "40 2", "40 40"),
    "where": ("process", "python", "imports", "answer"),
    "again": ("1", "4", "250", "1000"),
}
"""Ballots: name -> options. The first and the last have the same form; "40 2" is 40 under CGI, 2 under FastCGI."""

REQUESTS: Final = 40
WORKERS: Final = 2
TARGET: Final = "/counter?who=1"
"""Answered with the id of the process, and how many times it has answered."""
FINGERPRINT: Final = "/file"
"""Answered with the hash of the file that the process has loaded."""
FILE: Final = "demo_app/experiments.py"
"""That file: what answers TARGET is in it."""
SLOW_ROWS: Final = 5
AT_A_TIME: Final = 2
"""Where an answer takes longer than the pace, the next question does not wait for it: a slow machine is not slower."""
PACE_CGI: Final = (0.6, 0.2)
"""Seconds between the first rows, for the class to see what a row is, and between the others: 10 s in all."""
PACE_STAY: Final = (0.15, 0.15)
"""Three lanes at a time: 6 s, since the class knows by now what a row is."""
AGAIN: Final = 1000
AGAIN_WORKERS: Final = 4
AGAIN_AT_A_TIME: Final = 8
"""Visitors at a time, so that no worker is idle for want of them."""
AGAIN_PACE: Final = 0.004
"""Seconds between two requests: 4 s in all, in which the sums can be seen to grow."""
EVENTS: Final = 2.0
"""Seconds to wait for the events of what has happened; they are there within milliseconds."""
KNOCK: Final = "{} /hello HTTP/1.1\r\nHost: museum\r\n\r\n"
LOG_LIMIT: Final = 5.0
_SPELLED: Final = "these bytes spell '{:4}'.* they promise ([0-9]+) bytes"

# -- processes that are born, processes that stay ----------------------------------------------------------------------


async def cgi(stage: Stage) -> None:
    """Show 40 requests under CGI."""
    lane = await stage.lane("a", "cgi", WORKERS, fresh=True)
    born = _births(lane)
    stage.tell(requests=REQUESTS, rows=[], born={})
    await _visits(stage, lane, PACE_CGI)
    await _births_at_least(born + _answering(stage.data["rows"], "cgi"), lane)
    stage.tell(born={"cgi": _births(lane) - born})
    stage.tell(file=FILE, hash={"cgi": await _fingerprint(lane)})


async def stay(stage: Stage) -> None:
    """Show 40 requests under each of three gateways whose workers stay."""
    kinds = {"b": "fastcgi", "c": "uwsgi", "d": "wsgi"}
    lanes = await asyncio.gather(*(stage.lane(name, kind, WORKERS, fresh=True) for name, kind in kinds.items()))
    before = stage.seen("cgi")
    stage.tell(requests=REQUESTS, before=before.get("rows", []), rows=[], born={})
    gone = {lane.name: _gone(lane) for lane in lanes}
    await _together(*(_visits(stage, lane, PACE_STAY) for lane in lanes))
    for lane in lanes:
        await _births_at_least(gone[lane.name] + _answering(stage.data["rows"], lane.kind), lane)
    born = {lane.kind: _births(lane) - gone[lane.name] for lane in lanes}
    stage.tell(born={**before.get("born", {}), **born})
    hashes = {lane.kind: await _fingerprint(lane) for lane in lanes}
    stage.tell(file=FILE, hash={**before.get("hash", {}), **hashes})


async def truth_of_births(stage: Stage) -> None:
    """Put the votes over what was measured on this screen and the one before."""
    born = stage.data["born"]
    truth = f"{born.get('cgi', '?')} {born.get('fastcgi', '?')}"
    stage.lock("born", truth)
    stage.tell(truth=truth)


async def _visits(stage: Stage, lane: Lane, pace: tuple[float, float]) -> None:
    """Ask a lane one question after another, and tell each answer."""
    first, later = pace
    due = [first * min(n, SLOW_ROWS) + later * max(0, n - SLOW_ROWS) for n in range(REQUESTS)]
    answers = count(1)

    async def visit(_number: int) -> None:
        pid, counter = await _who(lane)
        row = {"lane": lane.name, "kind": lane.kind, "n": next(answers), "pid": pid, "counter": counter}
        stage.tell(rows=[*stage.data["rows"], row])

    await _at_their_times(stage, due, AT_A_TIME, visit)


async def _at_their_times(
    stage: Stage, due: Sequence[float], at_a_time: int, visit: Callable[[int], Coroutine[Any, Any, None]]
) -> None:
    """Begin each visit when it is due, in seconds from now, or as soon after that as somebody is free for it."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    numbers = iter(range(len(due)))

    async def visitor() -> None:
        for number in numbers:
            with suppress(TimeoutError):
                await asyncio.wait_for(stage.hurry.wait(), max(0.0, began + due[number] - loop.time()))
            await visit(number)

    await _together(*(visitor() for _ in range(at_a_time)))


async def _who(lane: Lane) -> tuple[int, int]:
    reply = await ask(lane.server.url, TARGET)
    try:
        pid, counter = map(int, reply.content.split())
    except ValueError:
        raise Unanswered(f"The application answered {reply.status} where it should say which process it is.") from None
    return pid, counter


def _births(lane: Lane) -> int:
    """Return how many processes that run the application were told of. A CGI server's workers run none."""
    role = "cgi" if lane.kind == "cgi" else "worker"
    return lane.lives.births[role]


def _gone(lane: Lane) -> int:
    """Return how many workers are no more: somebody may have killed one before, in free play."""
    return _births(lane) - sum(life.role == "worker" for life in lane.lives.living.values())


def _answering(rows: Sequence[Mapping[str, Any]], kind: str) -> int:
    return len({row["pid"] for row in rows if row["kind"] == kind})


async def _births_at_least(count: int, lane: Lane) -> None:
    """Wait for events that are under way: who has answered has been born."""
    with suppress(TimeoutError):
        async with asyncio.timeout(EVENTS):
            while _births(lane) < count:
                lane.listen()
                await asyncio.sleep(0.01)


async def _together(*work: Coroutine[Any, Any, None]) -> None:
    """Do all of it at a time; if one fails, end the others and raise its error."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _fingerprint(lane: Lane) -> str:
    """Return the hash of the code that a process of this lane has loaded, as it says itself."""
    reply = await ask(lane.server.url, FINGERPRINT)
    if reply.status != HTTPStatus.OK:
        raise Unanswered(f"The application answered {reply.status} where it should say what it is.")
    return reply.content.decode("latin-1")


# -- where the time goes -----------------------------------------------------------------------------------------------


async def where(stage: Stage) -> None:
    """Measure the bill of one CGI request, and lock the votes on it."""
    times: dict[str, list[float]] = {}
    stage.tell(parts=[], rounds=0)
    async with aclosing(bill.measure()) as measured:
        async for name, seconds in measured:
            times.setdefault(name, []).append(seconds)
            if len(times) == len(bill.OPTION) and name == list(bill.OPTION)[-1]:
                stage.tell(parts=bill.parts_of(times), rounds=len(times[name]))


async def truth_of_bill(stage: Stage) -> None:
    """Lock the votes: the truth is the option with the greatest part."""
    shares: dict[str, float] = {}
    for part in stage.data["parts"]:
        shares[part["option"]] = shares.get(part["option"], 0.0) + part["share"]
    truth = max(shares, key=lambda option: shares[option])
    stage.lock("where", truth)
    stage.tell(truth=truth)


# -- one request in five forms -----------------------------------------------------------------------------------------


async def five(stage: Stage) -> None:
    """Show one request in five forms."""
    stage.tell(target=columns.TARGET, columns=columns.columns())


async def read_by_nginx(stage: Stage) -> None:
    """Answer "which one does nginx read?"."""
    stage.tell(nginx=list(columns.READ_BY_NGINX))


# -- HTTP to a uwsgi port ----------------------------------------------------------------------------------------------


async def knock(stage: Stage) -> None:
    """Send HTTP to the port of a gateway that waits for uwsgi."""
    stage.tell(**await _knock(stage, "GET"))


async def knock_again(stage: Stage) -> None:
    """Answer "what would POST print?" by sending it, and HEAD as well."""
    stage.tell(others=[await _knock(stage, method) for method in ("POST", "HEAD")])


async def _knock(stage: Stage, method: str) -> dict[str, Any]:
    lane = await stage.lane("c", "uwsgi", WORKERS)
    request = KNOCK.format(method)
    data = request.encode()
    reader, writer = await connect(parse_url(lane.server.url)[1])
    try:
        writer.write(data)
        await asyncio.wait_for(reader.read(), LOG_LIMIT)  # until it hangs up
    except (TimeoutError, ConnectionError):
        pass  # the log has the last word
    finally:
        writer.close()
    pattern = _SPELLED.format(method)
    line = await asyncio.to_thread(lane.server.wait_for_line, pattern, LOG_LIMIT)
    found = re.search(pattern, line)
    if not found:
        raise Unanswered(f"The gateway's log has no line about {method} within {LOG_LIMIT:g} s.")
    return {
        "sent": request.split("\r\n")[0], "hex": data[:4].hex(" "), "log": line[found.start() :],
        "number": int(found[1]), "url": lane.server.url,
    }  # fmt: skip


# -- the same question again -------------------------------------------------------------------------------------------


async def again(stage: Stage) -> None:
    """Let 1000 requests be answered by 4 workers."""
    lane = await stage.lane("d", "wsgi", AGAIN_WORKERS)
    stage.tell(workers=AGAIN_WORKERS, requests=AGAIN, answered=0, answered_by={})
    gone = _gone(lane)
    answered_by: dict[str, int] = {}

    async def visit(_number: int) -> None:
        pid, _ = await _who(lane)
        answered_by[str(pid)] = answered_by.get(str(pid), 0) + 1
        stage.tell(answered_by=dict(answered_by), answered=sum(answered_by.values()))

    await _at_their_times(stage, [number * AGAIN_PACE for number in range(AGAIN)], AGAIN_AT_A_TIME, visit)
    await _births_at_least(gone + len(answered_by), lane)
    stage.tell(born={lane.kind: _births(lane) - gone})


async def truth_again(stage: Stage) -> None:
    """Lock the last votes, and put the first beside them."""
    truth = str(stage.data["born"]["wsgi"])
    stage.lock("again", truth)
    ballots = stage.box.ballots
    gain = votes.gain(ballots["born"], ballots["again"])
    stage.tell(truth=truth, gain=gain.told() if gain else None)


SCREENS: Final[Mapping[str, Mapping[str, Step]]] = {
    "vote": {"ask": ASK},
    "cgi": {"run": Step(live=cgi)},
    "stay": {"run": Step(live=stay), "truth": Step(then=truth_of_births)},
    "where": {"ask": ASK, "run": Step(live=where, then=truth_of_bill)},
    "columns": {"run": Step(then=five), "answer": Step(then=read_by_nginx)},
    "break": {"run": Step(live=knock), "answer": Step(live=knock_again)},
    "again": {"ask": ASK, "run": Step(live=again, then=truth_again), "map": Step()},
}
"""The screens in their order, and the steps of each. One key goes to the next of either."""
