"""The probe of the machine, and the judgement, which looks at the figures alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway_bench.record.document import Noise
from gateway_bench.samples import noise as module
from gateway_bench.samples.machine import usable_cores
from gateway_bench.samples.noise import OTHERS_LIMIT, SPREAD_LIMIT, STOLEN_LIMIT, judge_noise, probe

QUIET = Noise(
    seconds=1.5,
    slices=1000,
    slice_us=900.0,
    spread=0.05,
    stolen_share=0.0,
    others_share=0.01,
    throttled=0,
    governor="",
    fit=True,
    reasons=[],
)


@pytest.mark.parametrize(
    ("figures", "cores", "reasons"),
    [
        ({}, 2, []),
        ({}, 64, []),
        ({}, 1, ["There is the time of 1 processor, which"]),
        ({}, 0.5, ["There is the time of 0.5 processor, which"]),
        ({"others_share": OTHERS_LIMIT}, 2, []),
        ({"others_share": 0.374}, 2, ["Other programs use 37% of the processors: end them."]),
        ({"stolen_share": None}, 2, []),
        ({"stolen_share": STOLEN_LIMIT}, 2, []),
        ({"stolen_share": 0.08}, 2, ["gives 8% of the processors' time to other guests"]),
        ({"throttled": None}, 2, []),
        ({"throttled": 3}, 2, ["its share of the processors 3 times"]),
        ({"spread": SPREAD_LIMIT}, 2, []),
        ({"spread": 0.52}, 2, ["differ by 52%: something slows"]),
        ({"spread": 0.52, "governor": "powersave"}, 2, ["differ by 52% (its frequency is set by 'powersave')"]),
        ({"governor": "powersave"}, 2, []),  # it may change, and has not
        ({"spread": 1.0, "others_share": 0.5, "stolen_share": 0.5, "throttled": 1}, 1, [""] * 5),
    ],
)
def test_a_machine_is_judged(figures: dict[str, object], cores: float, reasons: list[str]) -> None:
    noise: Noise = {**QUIET, **figures}  # type: ignore[typeddict-item]  # a row of the table
    found = judge_noise(noise, cores)
    assert len(found) == len(reasons)
    for sentence, expected in zip(found, reasons, strict=True):
        assert expected in sentence
        assert sentence.endswith(".")


def test_the_probe_looks_at_every_core() -> None:
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    found = probe(0.05)
    assert found["slices"] >= module.LEAST * module.TURNS * usable_cores()
    assert found["seconds"] > 0
    assert found["slice_us"] > 0
    assert found["spread"] >= 0
    assert 0 <= found["others_share"] <= 1
    assert found["fit"] is not bool(found["reasons"])
    if before is not None:
        assert os.sched_getaffinity(0) == before, "where it ran before, it runs after"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cpu  1 2 3 4 5 6 7 800 0 0\ncpu0 1\n", 800 / os.sysconf("SC_CLK_TCK")),
        ("cpu  1 2 3 4 5 6 7\n", None),  # a kernel that does not tell
        ("", None),
    ],
)
def test_stolen_time(line: str, expected: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stat").write_text(line, "ascii")
    monkeypatch.setattr(module, "STAT", tmp_path / "stat")
    assert module._stolen_seconds() == expected
