"""Measures what a request costs behind each gateway, and keeps a record that anybody can check.

A run, from the inside out:

- ``load``: what visitors do and must get back; visitors in four protocols; the processes in which locust, our own crowd
  or wrk drive them, here or on other machines; when they come, and when a server is warm
- ``servers``: a server as a row of data, found, started and ended; what stands before it
- ``samples``: processor time, memory, births, system calls, the machine and its noise
- ``run``: an order, its plan, one measurement, the whole
- ``record``: from raw figures to the record, and from one record to another
- ``report``: from the record to what people read
- ``suites``: what the bench can be asked, a module each; ``proofs``: promises that are no comparison; ``method``: the
  bench itself, looked at
- ``terminal``: the command line, and a run while it goes on

Whoever wants the figures needs three names: `load_document`, `results_of`, `SCENARIOS`. The command line is
``python -m gateway_bench``. Nothing imported here touches locust, which replaces Python's blocking calls.
"""

from gateway_bench.errors import BenchError, LoadFailed, NotReady
from gateway_bench.load.scenarios import SCENARIOS, Answer, Exchange, Scenario
from gateway_bench.record.document import Document, load_document, save_document
from gateway_bench.record.summary import results_of
from gateway_bench.record.ties import ratios_of
from gateway_bench.servers.gateways import Gateway, load_gateways

__all__ = [
    "SCENARIOS",
    "Answer",
    "BenchError",
    "Document",
    "Exchange",
    "Gateway",
    "LoadFailed",
    "NotReady",
    "Scenario",
    "load_document",
    "load_gateways",
    "ratios_of",
    "results_of",
    "save_document",
]
