"""Charts are drawn coarse: all that is proven of them stands in the SVG, and a PNG of full size takes as long as that.

`full_size` is for the tests that are about a PNG.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway_bench.report import charts

COARSE = 20
"""Dots an inch: an eighth each way of what a reader gets."""


@pytest.fixture(scope="session", autouse=True)
def coarse() -> Iterator[int]:
    """Draw PNGs coarse. The fixture is the number of dots that they have else."""
    with pytest.MonkeyPatch.context() as patch:
        full = charts.PNG_DPI
        patch.setattr(charts, "PNG_DPI", COARSE)
        yield full


@pytest.fixture
def full_size(coarse: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw PNGs as a reader gets them."""
    monkeypatch.setattr(charts, "PNG_DPI", coarse)
