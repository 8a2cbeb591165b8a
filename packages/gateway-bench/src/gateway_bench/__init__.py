"""Measures what a request costs behind each gateway, and keeps a record that anybody can check.

A run, from the inside out:

- ``scenarios``: what visitors do, and what they must get back
- ``visitor``, ``users``, ``load``: visitors in four protocols, driven by locust, in a process of their own
- ``http_bytes``, ``crowd``, ``tally``, ``crowd_load``: visitors of HTTP in one light loop, and their process
- ``job``, ``generator``, ``wrk``: what the bench and those processes say to each other; its side of them, and of wrk
- ``gateways``, ``presence``, ``service``, ``address``, ``cores``: a server as a row of data, started and ended
- ``processes``, ``spawns``: its CPU, memory and births
- ``measure``, ``plan``, ``run``: one measurement, the order of all, the whole
- ``proofs``: promises that are no comparison, a module each
- ``latency``, ``summary``, ``goals``, ``document``, ``machine``: from raw figures to the record
- ``units``, ``findings``, ``charts``, ``report``, ``csv_table``, ``console``, ``tables``, ``compare``, ``outcome``:
  from the record to what people read

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
