"""The peers that are no Python, or stand behind a front. In CI each must be here."""

from __future__ import annotations

import pytest

from bench_peers import STARTS, prove
from gateway_bench.servers.gateways import Gateway

PROGRAMS = [row for row in STARTS if row.front or row.programs]


@pytest.mark.parametrize("row", PROGRAMS, ids=lambda row: row.name)
def test_each_program_gives_the_same_bytes_and_leaves_nothing(row: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    prove(row, monkeypatch)
