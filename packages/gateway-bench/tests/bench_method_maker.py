"""Made-up findings of the suite `method`, as a good machine would have them."""

from __future__ import annotations

from bench_record_maker import made_up
from gateway_bench.load.latency import described
from gateway_bench.method.chance import judged
from gateway_bench.method.table import PROMISES
from gateway_bench.record.document import Document, Figure, Proof, Reading

__all__ = ["method_document", "proof_of"]

Figures = dict[str, tuple[float, str]]

HELLOS = [(150 + step, 40) for step in range(0, 300, 3)] + [(1_100, 20), (900, 30)]
STALLED = [(200, 2_000), (50_000, 100), (100_000, 100), (195_000, 200)]
SEEN_ONCE = [(110, 9_980), (200_100, 20)]


def method_document() -> Document:
    """Return a record with every point of the method."""
    document = made_up({}, "method", ())
    document["proofs"] = [_proof(name) for name in MADE]
    assert [proof["name"] for proof in document["proofs"]] == [promise.name for promise in PROMISES]
    return document


def proof_of(document: Document, name: str) -> Proof:
    """Return what was found about a point."""
    return next(proof for proof in document["proofs"] if proof["name"] == name)


def _proof(name: str) -> Proof:
    figures, readings = MADE[name]
    return Proof(
        name=name, title=name.title(), about="about it", status="ok", reason="", output="", started="2026-11-01",
        seconds=1.0, commands=[["python"]], readings=readings, notes=[],
        figures=[Figure(name=key, about=key, value=value, unit=unit) for key, (value, unit) in figures.items()],
    )  # fmt: skip


def _difference() -> tuple[Figures, list[Reading]]:
    rows: list[Reading] = [
        {"round": number, "way": way, "requests": 1_000, "seconds": 1.5, "server_us": server, "front_us": front}
        for number in (1, 2, 3)
        for way, server, front in (("direct", 40.0 + number, 0.0), ("behind", 44.0 + number, 110.0 - number))
    ]
    return {"server-direct": (42, "us"), "server-behind": (46, "us"), "front": (108, "us")}, rows


def _questions() -> tuple[Figures, list[Reading]]:
    waits = {0.1: (2_100, 2_600), 0.5: (2_300, 8_000), 0.9: (6_100, 31_000), 1.1: (90_000, 180_000)}
    rows: list[Reading] = [
        {"loop": "open", "part": part, "rate": 480 * part, "visits": 1_000, "p50": p50, "p99": p99, "late_p99": 90}
        for part, (p50, p99) in waits.items()
    ]
    closed: Reading = {"loop": "closed", "part": 1.0, "rate": 480.0, "visits": 960, "p50": 16_000, "p99": 17_000}
    figures = {f"p99-at-{100 * part:.0f}": (p99, "us") for part, (_, p99) in waits.items()}
    errors: Figures = {"capacity_error": (0.003, ""), "latency_error": (0.012, "")}
    return {"capacity": (480.0, "requests/s"), **figures, **errors}, [closed, *rows]


def _omission() -> tuple[Figures, list[Reading]]:
    rows: list[Reading] = [
        {"loop": loop, "requests": told["count"], "seconds": 6.0, "stall_us": 200_000, "every": 500,
         "histogram": told["histogram"]}
        for loop, told in (("closed", described(SEEN_ONCE)), ("open", described(STALLED)))
    ]  # fmt: skip
    return {"closed-p99": (110, "us"), "open-p99": (195_000, "us")}, rows


def _rounding() -> tuple[Figures, list[Reading]]:
    told = described(HELLOS)
    rows: list[Reading] = [
        {"kept": "hdr", "count": told["count"], "histogram": told["histogram"]},
        {"kept": "locust", "ms": 0, "count": told["count"] - 50},
        {"kept": "locust", "ms": 1, "count": 50},
    ]
    return {"values-hdr": (102, ""), "values-locust": (2, ""), "zero-or-one": (1.0, "")}, rows


def _suspect() -> tuple[Figures, list[Reading]]:
    found = {"locust": (11_800.0, 0.99, 25.0, 41.0), "crowd": (69_000.0, 0.94, 13.0, 40.0),
             "wrk": (76_000.0, 0.74, 12.5, 42.0)}  # fmt: skip
    rows: list[Reading] = [
        {"round": number, "scenario": scenario, "generator": name, "requests": 9, "seconds": 1.0, "rate": rate + number,
         "share": share, "server_us": (hello if scenario == "hello" else page) + number / 10}
        for number in (1, 2, 3)
        for scenario in ("hello", "page")
        for name, (rate, share, hello, page) in found.items()
    ]  # fmt: skip
    figures: Figures = {f"rate-{name}": (rate, "requests/s") for name, (rate, *_) in found.items()}
    apart: Figures = {"rates-apart": (6.44, "x"), "cpu-hello-apart": (2.0, "x"), "cpu-page-apart": (1.05, "x")}
    return {**figures, **apart, "flagged": (2, "")}, rows


def _chance() -> tuple[Figures, list[Reading]]:
    rows: list[Reading] = [
        {"pair": pair, "round": number, "first": 1_000.0, "second": 1_000.0 + 9 * number - 20 + pair, "again": 1_020.0}
        for pair in range(1, 21)
        for number in range(1, 6)
    ]
    verdicts = [judged([row for row in rows if row["pair"] == pair]) for pair in range(1, 21)]
    return {"pairs": (20, ""), "unequal": (19, ""), "apart": (1, ""), "ties": (20, "")}, rows + verdicts


def _wrong() -> tuple[Figures, list[Reading]]:
    rows: list[Reading] = [
        {"server": "honest", "round": 1, "counted": 900.0, "requests": 450, "right": 900.0},
        {"server": "wrong", "round": 1, "counted": 1_300.0, "requests": 600, "right": 880.0, "errors, content": 100},
    ]
    return {
        "counted-honest": (900, "requests/s"), "right-honest": (900, "requests/s"),
        "counted-wrong": (1_300, "requests/s"), "right-wrong": (880, "requests/s"),
        "errors-content": (0.167, ""), "errors-status-500": (0.166, ""), "ranked-honest": (1, ""), "ranked": (0, ""),
    }, rows  # fmt: skip


def _record() -> tuple[Figures, list[Reading]]:
    rates = (400.0, 3_000.0, *[5_800.0] * 9)
    rows: list[Reading] = [
        {"kind": "window", "at": number * 0.05, "seconds": 0.05, "rate": rate} for number, rate in enumerate(rates)
    ]
    rows += [
        {"kind": "warm-up", "seconds": 0.55, "settled": True},
        {"kind": "counted", "seconds": 2.0, "requests": 12_000},
        {"kind": "account", "who": "server", "cpu_seconds": 0.85, "minor_faults": 12, "voluntary_switches": 8_400},
        *({"kind": "memory", "who": "server", "at": at / 5, "bytes": 27 << 20} for at in range(10)),
        {"kind": "births", "who": "server", "spawned": 0, "from": "kernel"},
    ]  # type: ignore[list-item]  # the rows that are made one by one
    return {"warm-up": (550_000, "us"), "settled": (1, ""), "rate": (6_000, "requests/s")}, rows


def _kept() -> tuple[Figures, list[Reading]]:
    rows: list[Reading] = [
        {"signal": "KILL", "after": number / 2, "shown": number, "kept": number, "missing": 0} for number in range(1, 6)
    ]
    rows.append({"signal": "INT", "shown": 2, "kept": 2, "missing": 0, "exit": 130, "processes": 0, "files": 0})
    figures = {"killed-shown": 15, "killed-kept": 15, "missing": 0, "asked-missing": 0, "asked-exit": 130,
               "asked-processes": 0, "asked-files": 0}  # fmt: skip
    return {name: (float(value), "") for name, value in figures.items()}, rows


MADE = {
    "difference": _difference(),
    "questions": _questions(),
    "omission": _omission(),
    "rounding": _rounding(),
    "suspect": _suspect(),
    "chance": _chance(),
    "wrong": _wrong(),
    "record": _record(),
    "kept": _kept(),
}
