"""The suite `workers`: how much comes of more processes, more threads, more connections?

Server and generator share all processors here: workers on one processor would show nothing. The crowd, which asks for
work and waiting, takes a few per cent of one of them at these rates; its share is in the record. There are more
visitors than the most workers, so nobody is idle for want of one.

A closed loop begins with everybody at once, so the first answers come sooner than all later ones: where 20 visitors
queue before one worker, 400 answers of it come out 2 % too high. That is why a stretch has so many answers at least.

`hello` over connections is another question of the same kind: does a request get dearer when more visitors hold a
connection? nginx stands before each server there, so that the same visitors, with kept connections, ask all of them.
"""

from __future__ import annotations

from gateway_bench.report import charts_workers
from gateway_bench.suites.suite import Pace, Suite

__all__ = ["SUITE"]

SUITE = Suite(
    name="workers",
    question="How much comes of more workers, threads and connections? 1 to 16 of them, 1 to 256 connections.",
    title="More workers, more threads, more connections: what comes of them",
    table="workers.toml",
    scenarios=("work", "wait", "hello"),
    full=Pace(users=20, warmup=0.2, seconds=0.4, repeats=3, least=400),
    quick=Pace(users=20, warmup=0.1, seconds=0.3, repeats=1, least=100, most=2.0, scenarios=("work", "wait")),
    charts={
        "workers": charts_workers.draw_workers,
        "threads": charts_workers.draw_threads,
        "memory": charts_workers.draw_memory,
        "connections": charts_workers.draw_connections_cost,
        "capacity": charts_workers.draw_connections_capacity,
    },
    captions={
        "workers": "The broken line is what would be ideal: for work, every processor busy with it; for waiting, "
        "everybody waiting at once. The generator takes its part of the processors too.",
        "threads": "The broken line is what would be ideal. Threads of one Python process take turns where they work "
        "(one interpreter lock), and wait side by side.",
        "memory": "Pages that workers share are counted once, divided among them.",
        "connections": "nginx stands before the server, and its time is not in the figure. A server that is kept busy "
        "finds several requests at one look, which makes each of them cheaper.",
        "capacity": "wrk, nginx and the server share the processors: what one takes the others lack.",
    },
    findings=(
        charts_workers.workers_finding,
        charts_workers.threads_finding,
        charts_workers.memory_finding,
        charts_workers.connections_finding,
    ),
    kept=("workers", "threads", "connections"),
)
