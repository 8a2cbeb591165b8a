"""The suite `shapes`: a load that changes with time. Where does each gateway break, and how does it recover?

Visitors come at rates that are parts of the row's own capacity, which a closed loop finds first::

    step                spike               ramp
             __                __                  /|
          __|  |              |  |              /   |
       __|     |        ______|  |______     /      |
      |        |       |                |   |_______|
     1/4     5/4       1/2    3/2    1/2   1/4     7/4     of the capacity

Beyond its capacity no server can answer what it is asked, and the question is what becomes of visitors then: whether
the queue goes away when the load does, and whether what is answered falls below what could be. The request is 2 ms of
work, so that every row breaks at a rate that the generator can offer with ease. Latency counts from the moment at which
a visitor was to come.
"""

from __future__ import annotations

from gateway_bench.load.shapes import ramp, spike, step
from gateway_bench.report import charts_shapes
from gateway_bench.suites.suite import Pace, Suite

__all__ = ["SUITE"]

SUITE = Suite(
    name="shapes",
    question="Where do the gateways break, and how do they recover? Steps, a spike, and a ramp beyond their capacity.",
    title="A load that changes: where five gateways break, and how they recover",
    table="shapes.toml",
    scenarios=("work",),
    full=Pace(users=64, warmup=0.6, seconds=1.5, repeats=3),
    quick=Pace(users=64, warmup=0.4, seconds=0.8, repeats=1, most=3.0),
    shapes={
        "step": step(0.25, 1.25, steps=5, seconds=5.0),
        "spike": spike(0.5, 1.5, seconds=4.5),
        "ramp": ramp(0.25, 1.75, seconds=5.0),
    },
    alike=True,
    pinned=True,
    strict=True,
    charts={name: charts_shapes.draw_shape(name) for name in ("ramp", "step", "spike")},
    captions={
        "ramp": "A row breaks where it answers less than 95 % of what is offered, and does so for as much load ever "
        "after. What is answered beyond is its capacity, if it does not fall.",
        "step": "The last step is a quarter more than the row can do.",
        "spike": "The queue of a spike has to be worked off by what the load afterwards leaves free: half of the row.",
    },
    findings=(charts_shapes.breaking_finding, charts_shapes.step_finding, charts_shapes.spike_finding),
    kept=("ramp", "spike"),
)
