"""A team of load processes, on as many machines as you like: how they share a job, and how their yields become one.

One load process fills one core. Where that is less than the server can take, the figure is the generator's and not
the server's. So the bench's load process becomes the *master* of workers elsewhere; locust brings its own messages,
heartbeats and the notice of those who are missing, and this package says what is in the messages::

    the bench            master (team_load)                    each worker (team_worker)

                                          <------- hello       who it is, where, and which code it runs
                                    welcome / refused ------->
    the job ------------>                       job ------->   its share
                                          <------- warm        its warm-up is over, it waits
    <------------- warm                                        when all are
    go ----------------->                        go ------->
                                          <------- yield
    <---------- a Yield                                        when all have answered
                                          <------- failed      or: one sentence
    <------------- lost                        drop ------->   the others end this job without an answer

To the bench a team is a load process as any other (`gateway_bench.load.job`).

**Shares add up to the job, exactly.** Users and numbers of requests are integers; a rate is split by users, and the
last share is what the others leave, so that adding them up in order gives the rate to the last bit. Each share has a
seed of its own: Poisson processes that are independent add up to one with the sum of their rates
(`gateway_bench.load.shapes`). Who gets no user gets no share.

**Yields add up without loss** where the thing itself does: requests, errors, bytes, processor time, histograms. A
percentile does not, so those of the whole are taken from the sum of the histograms. Of the windows of a timeline there
are only percentiles: there the highest of all workers stands, which is never below that of the whole. `seconds` are
those of the worker that took longest, so a rate is never above the true one.

**One worker that has no core left is enough to spoil a figure**: its visitors ask later than they should, and the
others cannot make up for it. So a team is as saturated as its busiest worker (`busiest`), not as their mean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import TypedDict

from gateway_bench.load.job import Job, Member, Moment, Warmup, Yield
from gateway_bench.load.latency import Latency, summarize

__all__ = ["DEFAULT_PORT", "Settings", "busiest", "shares", "together"]

DEFAULT_PORT = 5557
"""Locust's own, so that who has opened it in a firewall for locust has opened it for this."""


class Settings(TypedDict):
    """What the bench says to the master first: how many workers it needs, where it listens, how long it waits."""

    expected: int
    host: str
    port: int
    limit: float


def shares(job: Job, workers: int) -> list[Job]:
    """Return the job in parts, one for each worker; fewer if there are not as many users."""
    count = min(workers, job["users"])
    users = _evenly(job["users"], count)
    requests = _evenly(job["min_requests"], count)
    parts = [job.copy() for _ in users]
    for number, part in enumerate(parts):
        part["users"], part["min_requests"] = users[number], requests[number]
        part["seed"] = job.get("seed", 0) * count + number  # jobs with other seeds share none with these
    for part, rate in zip(parts, _by_weight(job.get("rate", 0.0), users), strict=True):
        part["rate"] = rate
    if "shape" in job:
        shape = job["shape"]
        starts, tops = _by_weight(shape["start"], users), _by_weight(shape["top"], users)
        for part, start, top in zip(parts, starts, tops, strict=True):
            part["shape"] = {**shape, "start": start, "top": top}
    return parts


def together(yields: Sequence[tuple[str, Job, Yield]]) -> Yield:
    """Return what came of a whole job from what came of each share: the worker's name, its share, its yield."""
    parts = [part for _, _, part in yields]
    lateness = [part["lateness"] for part in parts if part["lateness"] is not None]
    names = sorted({name for part in parts for name in part["exchanges"]})
    return Yield(
        seconds=max(part["seconds"] for part in parts),
        requests=sum(part["requests"] for part in parts),
        errors=dict(sorted(sum((Counter(part["errors"]) for part in parts), Counter()).items())),
        content_bytes=sum(part["content_bytes"] for part in parts),
        latency=summarize(part["latency"] for part in parts),
        exchanges={name: _exchange(name, parts) for name in names},
        generator_cpu=sum(part["generator_cpu"] for part in parts),
        generator_wait=_all_or_none([part.get("generator_wait") for part in parts]),
        warmup=_warmup([part["warmup"] for part in parts]),
        lateness=summarize(lateness) if lateness else None,
        timeline=_timeline([part["timeline"] for part in parts]),
        team=[
            Member(
                worker=worker,
                users=share["users"],
                seconds=part["seconds"],
                requests=part["requests"],
                cpu_seconds=part["generator_cpu"],
                wait_seconds=part.get("generator_wait"),
            )
            for worker, share, part in yields
        ],
    )


def busiest(yielded: Yield) -> float:
    """Return for what part of the time the busiest process of the load did not rest; of a single one, its own.

    That is the share of a core that it took, and where the system tells, of the time in line for one (`spent`).
    """
    single = yielded["generator_cpu"], yielded.get("generator_wait"), yielded["seconds"]
    members = [(member["cpu_seconds"], member["wait_seconds"], member["seconds"]) for member in yielded.get("team", [])]
    return max(((cpu + (wait or 0.0)) / seconds for cpu, wait, seconds in members or [single] if seconds), default=0.0)


def _exchange(name: str, parts: Sequence[Yield]) -> Latency:
    return summarize(part["exchanges"][name] for part in parts if name in part["exchanges"])


def _all_or_none(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _warmup(parts: Sequence[Warmup]) -> Warmup:
    """Put warm-ups together. Who has settled waits for the others, so only windows that all were in have a rate."""
    return Warmup(
        seconds=max(part["seconds"] for part in parts),
        rates=[sum(rates) for rates in zip(*(part["rates"] for part in parts), strict=False)],
        settled=all(part["settled"] for part in parts),
    )


def _timeline(parts: Sequence[Sequence[Moment]]) -> list[Moment]:
    """Put timelines together window by window; who has ended before the others offers nothing any more."""
    windows = [[moment for moment in row if moment is not None] for row in zip_longest(*parts)]
    return [_window(window) for window in windows]


def _window(moments: Sequence[Moment]) -> Moment:
    def total(read: Callable[[Moment], float]) -> float:
        return sum(read(moment) for moment in moments)

    return Moment(
        at=min(moment["at"] for moment in moments),
        offered=total(lambda moment: moment["offered"]),
        answered=total(lambda moment: moment["answered"]),
        p50=max(moment["p50"] for moment in moments),
        p99=max(moment["p99"] for moment in moments),
        errors=sum(moment["errors"] for moment in moments),
    )


def _evenly(whole: int, count: int) -> list[int]:
    """Return `count` integers with that sum, none more than 1 above another, the larger ones first."""
    least, more = divmod(whole, count)
    return [least + (number < more) for number in range(count)]


def _by_weight(whole: float, weights: Sequence[int]) -> list[float]:
    """Return parts in these proportions whose sum, taken in order, is exactly `whole`. No weight is above the first.

    The last part is what the others leave. They are at least half of the whole, and a difference of two floats that
    are less than a factor of two apart is exact (Sterbenz), and so is its sum back.
    """
    if len(weights) == 1:
        return [whole]
    parts = [whole * weight / sum(weights) for weight in weights[:-1]]
    return [*parts, whole - sum(parts)]
